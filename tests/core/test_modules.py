"""Weak references, caches and `__deepcopy__` methods do not tie a copy to its original."""

from __future__ import annotations

import copy
import threading
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import segprune
from segprune.errors import ModelError

IMAGES = torch.rand(1, 3, 16, 16)


class Net(nn.Module):
    """Its hook stores features that `forward` reads; both must be of one network."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 24, 3, padding=1)
        self.h = nn.Conv2d(40, 5, 1)
        self.kept: Tensor | None = None

    def store(self, features: Tensor) -> None:
        self.kept = features

    def forward(self, x: Tensor) -> Tensor:
        y = self.a(x)
        return self.h(torch.cat([y if self.kept is None else self.kept, self.b(y)], 1))


# -- classes with a `__deepcopy__` of their own ----------------------------------------------------


class SharesModules(Net):
    def __deepcopy__(self, memo: Any) -> Any:
        made = type(self)()
        made.a, made.b, made.h = self.a, self.b, self.h
        return made


class SharesWeights(Net):
    def __deepcopy__(self, memo: Any) -> Any:
        made = type(self)()
        for new, old in zip(made.children(), self.children(), strict=True):
            new.weight = old.weight
        return made


class IsItsCopy(Net):
    def __deepcopy__(self, memo: Any) -> Any:
        return self


class BuiltAnew(Net):
    """Right for the dense network only: a pruned one has other sizes."""

    def __deepcopy__(self, memo: Any) -> Any:
        made = type(self)()
        made.load_state_dict(self.state_dict())
        return made


class NoNetwork(Net):
    def __deepcopy__(self, memo: Any) -> Any:
        return None


class Around(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner, self.last = inner, nn.Conv2d(5, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.inner(x))


KINDS = [SharesModules, SharesWeights, IsItsCopy, BuiltAnew, NoNetwork]


@pytest.mark.parametrize("around", [False, True], ids=["itself", "inside"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_network_that_copies_itself_wrongly_is_pruned_and_left_as_it_was(
    kind: type[Net], around: bool
) -> None:
    torch.manual_seed(0)
    net = (Around(kind()) if around else kind()).eval()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    plan = segprune.make_plan(net, IMAGES, budget={"channels": 0.5})
    pruned = segprune.prune(net, plan)
    assert segprune.verify(net, pruned, plan, IMAGES) == ()
    assert all(torch.equal(before[name], held) for name, held in net.state_dict().items())
    assert not any(module._forward_hooks or module.training for module in net.modules())
    memory = {tensor.data_ptr() for tensor in net.state_dict().values()}
    assert memory.isdisjoint(tensor.data_ptr() for tensor in pruned.state_dict().values())


def with_a_lock(kind: type[Net]) -> nn.Module:
    """A network whose own method is needed, for a lock cannot be copied."""
    net = kind().eval()
    net.lock = threading.Lock()  # type: ignore[assignment]
    return net


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (SharesModules, r"^a: .*the original itself.*__deepcopy__"),
        (IsItsCopy, r"^IsItsCopy: .*the original itself.*__deepcopy__"),
        (NoNetwork, r"__deepcopy__ to return a NoNetwork, found a NoneType"),
    ],
)
def test_a_copy_that_holds_the_original_is_refused(kind: type[Net], said: str) -> None:
    net = with_a_lock(kind)
    with pytest.raises(ModelError, match=said):
        segprune.trace(net, IMAGES)
    assert not any(module._forward_hooks for module in net.modules())


def test_a_method_that_leaves_out_a_lock_is_used_and_may_share_no_tensor() -> None:
    class LeavesOut(Net):
        def __deepcopy__(self, memo: Any) -> Any:
            made = type(self)()
            for name, child in self.named_children():
                setattr(made, name, copy.deepcopy(child, memo))
            made.h.bias = self.h.bias
            return made

    net = with_a_lock(LeavesOut)
    plan = segprune.make_plan(net, IMAGES, budget={"channels": 0.5})
    pruned: Any = segprune.prune(net, plan)
    assert pruned.a.out_channels < 16
    assert pruned.h.bias.data_ptr() != net.h.bias.data_ptr()  # type: ignore[union-attr, operator]
