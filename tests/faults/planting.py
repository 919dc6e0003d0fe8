"""A correct pruning, and how a fault is planted into it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from networks import ConvNormAct
from oracle import select
from segprune.core.modules import network_digest

Kept = dict[str, dict[int, tuple[int, ...]]]


class Patient(nn.Module):
    """A network with one of everything that a fault may hit."""

    traced_methods = ("forward", "forward_with_aux")

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvNormAct(3, 24, stride=2)
        self.deep = nn.Conv2d(24, 48, 3, padding=1, groups=24, bias=False)
        self.norm = nn.BatchNorm2d(48)
        self.point, self.act = nn.Conv2d(48, 32, 1), nn.PReLU(32)
        self.mixed = nn.Conv2d(32, 32, 3, padding=1, groups=4)
        self.twin_a, self.twin_b = nn.Conv2d(32, 32, 1), nn.Conv2d(32, 32, 1)
        self.twin_b.weight = self.twin_a.weight
        self.join = ConvNormAct(24 + 32 + 32, 40)
        self.up = nn.ConvTranspose2d(40, 32, 2, 2)
        self.register_buffer("scale", torch.linspace(0.5, 1.5, 32).view(1, 32, 1, 1))
        self.head, self.side = nn.Conv2d(32, 5, 1), nn.Conv2d(40, 5, 1)
        self.aux = nn.Sequential(ConvNormAct(32, 16), nn.Conv2d(16, 5, 1))

    def features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        a = self.stem(x)
        b = self.act(self.point(F.relu(self.norm(self.deep(a)))))
        b = b + F.relu(self.mixed(b))
        c = F.relu(self.twin_a(b)) + torch.tanh(self.twin_b(b))
        return b, self.join(torch.cat((a, b, c), 1))

    def decode(self, x: Tensor) -> dict[str, Tensor]:
        y = self.up(x) * self.scale
        return {"out": self.head(F.relu(y)), "side": self.side(x)}

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return self.decode(self.features(x)[1])

    def forward_with_aux(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        b, y = self.features(x)
        return self.decode(y)["out"], (self.aux(b),)


@dataclass(frozen=True)
class Case:
    """A dense network, its pruned copy and the plan between them."""

    dense: nn.Module
    pruned: nn.Module
    plan: Any

    def tensor(self, name: str) -> Tensor:
        return self.pruned.state_dict()[name]

    def full(self, name: str) -> Tensor:
        return self.dense.state_dict()[name].detach().clone()

    def kept(self) -> Kept:
        return {name: dict(dims) for name, dims in self.plan.kept.items()}


Plant = Callable[[Case], "Case | None"]


@dataclass(frozen=True)
class Fault:
    name: str
    kind: str
    plant: Plant
    keeps_shapes: bool
    survives_training: bool

    def __str__(self) -> str:
        return self.name


FAULTS: list[Fault] = []


def fault(
    kind: str, *, keeps_shapes: bool = False, survives_training: bool = False
) -> Callable[[Plant], Plant]:
    def register(plant: Plant) -> Plant:
        name = plant.__name__.replace("_", " ")
        FAULTS.append(Fault(name, kind, plant, keeps_shapes, survives_training))
        return plant

    return register


def put(network: nn.Module, name: str, tensor: Tensor) -> None:
    """Replace the named parameter or buffer by a tensor of its own."""
    path, _, leaf = name.rpartition(".")
    module = network.get_submodule(path)
    tensor = tensor.detach().clone()
    if leaf in module._parameters:
        module._parameters[leaf] = nn.Parameter(tensor)
    else:
        module._buffers[leaf] = tensor


def shifted(indices: tuple[int, ...], size: int) -> tuple[int, ...]:
    """Other indices, as many: every kept one moves up by one."""
    return tuple(sorted((index + 1) % size for index in indices))


def shift_in_copy(case: Case, name: str, dim: int = 0) -> None:
    """The copy took the slice one further; the plan is right."""
    full, kept = case.full(name), case.kept()[name]
    put(case.pruned, name, select(full, kept | {dim: shifted(kept[dim], full.shape[dim])}))


def replan(case: Case, kept: Kept, *, rebuild: tuple[str, ...]) -> Case:
    """A plan that says something else, and a copy that was cut as that plan says."""
    for name in rebuild:
        put(case.pruned, name, select(case.full(name), kept[name]))
    shapes = {name: tuple(tensor.shape) for name, tensor in case.pruned.state_dict().items()}
    plan = dataclasses.replace(case.plan, kept=kept, result=network_digest(shapes))
    return Case(case.dense, case.pruned, plan)
