"""A network with a branch, and plans for it: the right one, and wrong ones."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import segprune
from faults.planting import shifted

BATCH_NORM = {f"norm__{leaf}": 0 for leaf in ("weight", "bias", "running_mean", "running_var")}


class Net(nn.Module):
    """stem -> body -> head, with a normalised branch `a` of 16 channels."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.body = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 24, 3, padding=1)
        self.norm, self.head = nn.BatchNorm2d(16), nn.Conv2d(24, 5, 1)
        self.aux, self.drop = nn.Conv2d(16, 5, 3, padding=1), nn.Dropout2d(0.5)

    def features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        a = F.relu(self.norm(self.stem(x)))
        return a, self.head(F.relu(self.body(a)))

    def forward(self, x: Tensor) -> Any:
        a, y = self.features(x)
        return (y, self.aux(a)) if self.training else y


class Case:
    """A network, its plan, and the wrong plan that keeps other slots of the named tensors."""

    def __init__(self, network: nn.Module, seed: int = 0, side: int = 32) -> None:
        generator = torch.Generator().manual_seed(seed)
        for parameter in network.parameters():
            parameter.data.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
        self.dense, self.x = network.eval(), torch.rand((1, 3, side, side), generator=generator)
        self.plan = segprune.make_plan(network, self.x, importance="random", scope="local")

    def found(self, **wrong: int) -> set[str]:
        """What is found when tensors keep other slots; names have `__` for a dot."""
        kept = {name: dict(dims) for name, dims in self.plan.kept.items()}
        for key, dim in wrong.items():
            name = key.replace("__", ".")
            size = self.dense.state_dict()[name].shape[dim]
            kept[name][dim] = shifted(kept[name][dim], size)
        plan = dataclasses.replace(self.plan, kept=kept)
        small = segprune.prune(self.dense, plan)
        return {one.kind for one in segprune.verify(self.dense, small, plan, self.x)}
