"""A header that names modules or tensors that cannot be is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import segprune
from artifacts.test_header import rewritten, unchanged
from segprune.errors import ArtifactError


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU(), nn.Conv2d(8, 5, 1)).eval()


@pytest.fixture
def original(tmp_path: Path) -> Path:
    plan = segprune.make_plan(net(), torch.rand(1, 3, 16, 16))
    path = tmp_path / "original.safetensors"
    segprune.save(path, segprune.prune(net(), plan), plan)
    return path


def foreign_settings(own: dict[str, Any]) -> None:
    own["settings"]["head.7"] = {"stride": [1, 1]}


def foreign_settings_without_content(own: dict[str, Any]) -> None:
    own["settings"]["head.7"] = {}


def a_name_twice(own: dict[str, Any]) -> None:
    own["ties"]["0.weight"] = ["0.weight", "0.weight"]


def a_name_of_two_tensors(own: dict[str, Any]) -> None:
    own["ties"]["0.weight"] = ["0.weight", "2.weight"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (foreign_settings, r"head\.7: expected a module"),
        (foreign_settings_without_content, r"head\.7: expected a module"),
        (a_name_twice, "ties"),
        (a_name_of_two_tensors, "ties"),
    ],
)
def test_it_is_refused(original: Path, tmp_path: Path, change: Any, named: str) -> None:
    path = rewritten(original, tmp_path, change, unchanged)
    with pytest.raises(ArtifactError, match=named):
        segprune.load(path, net())


def test_the_same_header_without_a_change_is_read(original: Path, tmp_path: Path) -> None:
    path = rewritten(original, tmp_path, lambda own: None, unchanged)
    assert segprune.load(path, net())
