"""Headers with types or formats that their tensors cannot have; budgets of nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

import segprune
from segprune.artifacts.digest import payload_digest
from segprune.errors import ArtifactError, BudgetError

IMAGES = torch.rand(1, 3, 16, 16)


def network() -> torch.nn.Sequential:
    layers = [torch.nn.Conv2d(3, 16, 3), torch.nn.ReLU(), torch.nn.Conv2d(16, 4, 1)]
    return torch.nn.Sequential(*layers).eval()


def changed(path: Path, field: str, value: Any) -> None:
    """Change what a header says of one tensor, with a digest that agrees."""
    with safe_open(path, "pt") as file:
        header = json.loads(file.metadata()["segprune"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    header[field] = value if isinstance(value, list) else header[field] | value
    header["payload"] = payload_digest(header, tensors)
    save_file(tensors, path, metadata={"segprune": json.dumps(header)})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(
            ("types", {"0.bias": kind})
            for kind in ("bool", "int64", "quint8", "bits8", "complex64")
        ),
        ("channels_last", ["0.bias"]),
    ],
)
def test_a_type_that_a_tensor_cannot_have_is_refused(
    tmp_path: Path, field: str, value: Any
) -> None:
    dense, path = network(), tmp_path / "small.safetensors"
    plan = segprune.make_plan(dense, IMAGES)
    segprune.save(path, segprune.prune(dense, plan), plan)
    changed(path, field, value)
    with pytest.raises(ArtifactError, match=r"0\.bias"):
        segprune.load(path, model=network())


def test_a_budget_of_channels_where_none_may_go_is_refused() -> None:
    alone = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1)).eval()
    with pytest.raises(BudgetError, match="no channels may go"):
        segprune.make_plan(alone, IMAGES, budget={"channels": 0.5})
    assert segprune.make_plan(alone, IMAGES, budget={"channels": 1.0}).is_empty
