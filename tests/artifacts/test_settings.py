"""A file names the settings of its modules, and is not loaded into a network of others."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import segprune

X = torch.rand(1, 3, 16, 16)


class Set(nn.Module):
    """Its tensors do not depend on what it is set to."""

    def __init__(self, dilation: int = 1, act: type[nn.Module] = nn.ReLU, **norm: float) -> None:
        super().__init__()
        self.a = nn.Conv2d(3, 16, 3, padding=dilation, dilation=dilation)
        self.norm, self.act, self.drop = nn.BatchNorm2d(16, **norm), act(), nn.Dropout(0.1)
        self.head = nn.Conv2d(16, 5, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.drop(self.act(self.norm(self.a(x)))))


def saved(folder: Path, model: nn.Module) -> Path:
    plan = segprune.make_plan(model, X)
    return segprune.save(folder / "net.safetensors", segprune.prune(model, plan), plan)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (Set(dilation=4), r"a: expected padding \[1, 1\], found \[4, 4\]"),
        (Set(act=nn.ReLU6), "act: expected kind ReLU, found ReLU6"),
        (Set(eps=0.1), "norm: expected eps 1e-05, found 0.1"),
    ],
    ids=["dilation", "activation", "eps"],
)
def test_a_network_that_is_set_to_something_else_is_not_loaded(
    tmp_path: Path, other: nn.Module, said: str
) -> None:
    with pytest.raises(segprune.ArtifactError, match=said):
        segprune.load(saved(tmp_path, Set()), model=other)


def test_what_only_training_knows_may_be_another(tmp_path: Path) -> None:
    other = Set(momentum=0.5)
    other.drop = nn.Identity()  # type: ignore[assignment]
    segprune.load(saved(tmp_path, Set().train()), model=other)
