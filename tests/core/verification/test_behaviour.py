"""Verification compares modules, even where they differ only in training or in backward."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.fx
from torch import Tensor, nn
from torch.nn.utils.parametrizations import orthogonal, weight_norm

import segprune
from segprune.core.modules import digest_of
from segprune.core.verification.behaviour import compare_behaviour

X = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))


class Norm(nn.BatchNorm2d):
    """A user's subclass of a module of torch."""


class Gate(nn.Module):
    """A user's module without a tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.slope, self.words, self.table = 0.5, ("a", "b"), {"scale": [1, 2]}
        self.act: Callable[[Tensor], Tensor] = torch.tanh
        self.shift, self.ratio = torch.tensor([0.25]), None
        self.drop = nn.Dropout(0.1)

    def forward(self, x: Tensor) -> Tensor:
        return self.drop(x)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), Norm(16), nn.ReLU())
        self.gate, self.pool = Gate(), nn.MaxPool2d(2)
        self.branches = nn.ModuleList([nn.Tanh(), nn.Sigmoid()])
        self.head = nn.Conv2d(16, 5, 1)
        self.calls, self.grid = 0, None
        self.width = 16  # no code reads it
        self.order = [self.stem, self.head]

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.grid = torch.linspace(0, 1, x.shape[-1])
        return self.head(self.pool(self.gate(self.stem(x))))


@functools.cache
def pruned() -> tuple[nn.Module, segprune.PrunePlan]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        dense = Net().eval()
    return dense, segprune.make_plan(dense, X, scope={"stem.0": 0.5})


def violations(change: Callable[[Any], object]) -> set[str]:
    dense, plan = pruned()
    small = segprune.prune(dense, plan)
    change(small)
    return {f"{found.kind} {found.where}" for found in compare_behaviour(dense, small, plan, X)}


def put(**values: Any) -> Callable[[nn.Module], None]:
    return lambda module: [setattr(module, key, value) for key, value in values.items()] and None


def in_training(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
    return output.flip(1) if module.training else output


def swap_in_another_class_of_the_same_name(small: Any) -> None:
    class Other(Gate):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) if self.training else x

    Other.__name__, Other.__qualname__ = "Gate", Gate.__qualname__
    small.gate.__class__ = Other


CHANGES: dict[str, tuple[Callable[[Any], object], str]] = {
    "relu6 for relu": (lambda s: s.stem.__setitem__(2, nn.ReLU6()), "behaviour stem.2"),
    "identity for dropout": (lambda s: put(drop=nn.Identity())(s.gate), "behaviour gate.drop"),
    "another share dropped": (lambda s: put(p=0.5)(s.gate.drop), "attribute gate.drop.p"),
    "momentum of a subclass": (lambda s: put(momentum=0.5)(s.stem[1]), "attribute stem.1.momentum"),
    "no momentum": (lambda s: put(momentum=None)(s.stem[1]), "attribute stem.1.momentum"),
    "eps of a subclass": (lambda s: put(eps=1e-4)(s.stem[1]), "attribute stem.1.eps"),
    "rounding of a pooling": (lambda s: put(ceil_mode=True)(s.pool), "attribute pool.ceil_mode"),
    "a number": (lambda s: put(slope=0.25)(s.gate), "attribute gate.slope"),
    "words": (lambda s: put(words=("a", "c"))(s.gate), "attribute gate.words"),
    "a nested number": (lambda s: put(table={"scale": [1, 3]})(s.gate), "attribute gate.table"),
    "a function": (lambda s: put(act=torch.sin)(s.gate), "attribute gate.act"),
    "a lambda": (lambda s: put(act=lambda x: x)(s.gate), "attribute gate.act"),
    "a plain tensor": (lambda s: put(shift=torch.tensor([0.5]))(s.gate), "attribute gate.shift"),
    "something for nothing": (lambda s: put(ratio=2)(s.gate), "attribute gate.ratio"),
    "an attribute less": (lambda s: delattr(s.gate, "slope"), "attribute gate.slope"),
    "modules listed in another order": (lambda s: s.order.reverse(), "attribute order"),
    "a width of neither": (lambda s: put(width=11)(s), "attribute width"),
    "a patched forward": (
        lambda s: put(forward=types.MethodType(lambda self, x: x, s.gate))(s.gate),
        "attribute gate.forward",
    ),
    "the same class name": (swap_in_another_class_of_the_same_name, "behaviour gate"),
    "another order": (
        lambda s: put(_modules=dict(reversed(s.branches._modules.items())))(s.branches),
        "behaviour branches",
    ),
    "a module more": (lambda s: s.branches.append(nn.ReLU()), "behaviour branches.2"),
    "a module less": (lambda s: s.branches.__delitem__(1), "behaviour branches.1"),
    "one in training mode": (lambda s: s.stem[1].train(), "behaviour stem.1"),
    "root alone in training mode": (lambda s: put(training=True)(s), "behaviour the network"),
    "a hook in training": (
        lambda s: s.stem[1].register_forward_hook(in_training), "behaviour stem.1",
    ),
    "a hook before": (
        lambda s: s.gate.register_forward_pre_hook(lambda m, x: None), "behaviour gate",
    ),
    "a hook in backward": (
        lambda s: s.gate.register_full_backward_hook(lambda m, i, o: None), "behaviour gate",
    ),
    "a hook on the state": (
        lambda s: s.gate.register_state_dict_post_hook(lambda *a: None), "behaviour gate",
    ),
    "a hook on loading": (
        lambda s: s.gate.register_load_state_dict_pre_hook(lambda *a: None), "behaviour gate",
    ),
    "a hook on a gradient": (
        lambda s: s.head.weight.register_hook(lambda g: -g), "behaviour head.weight",
    ),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_module_that_behaves_otherwise_is_found_and_named(change: str) -> None:
    plant, where = CHANGES[change]
    assert where in violations(plant)


def compiled(small: Any) -> None:
    small._compiled_call_impl = small._call_impl  # as small.compile() does


def fine(small: Any) -> None:
    """Do what users may do to a pruned network without changing what it computes."""
    small(torch.rand(2, 3, 16, 16))  # fills caches, counts calls
    small.note, small.width = "my best one", 8


MODES: dict[str, Callable[[Any], object]] = {
    "as it came": lambda s: None,
    "in training": lambda s: s.train(),
    "compiled": compiled,
    "used, noted, its unread width corrected": fine,
}


@pytest.mark.parametrize("use", MODES)
def test_what_users_do_to_a_pruned_network_is_no_violation(use: str) -> None:
    assert violations(MODES[use]) == set()


@pytest.mark.parametrize("dense_frozen", [False, True])
def test_norms_that_the_class_keeps_in_evaluation_mode_are_no_violation(dense_frozen: bool) -> None:
    class Frozen(Net):
        def train(self, mode: bool = True) -> Frozen:
            super().train(mode)
            self.stem[1].eval()
            return self

    dense = Frozen() if dense_frozen else Frozen().eval()
    dense.train(dense_frozen)
    plan = segprune.make_plan(dense, X, scope={"stem.0": 0.5})
    small = segprune.prune(dense, plan)
    for network in (small, small.train(), small.eval()):
        assert segprune.verify(dense, network, plan, X) == ()
    small.stem[2].train()  # type: ignore[operator]
    assert {found.where for found in segprune.verify(dense, small, plan, X)} == {"stem.2"}


def test_the_call_to_whole_modes_is_named_with_what_is_in_another_mode() -> None:
    dense, plan = pruned()
    small = segprune.prune(dense, plan)
    small.stem.train()  # type: ignore[operator]
    (found,) = segprune.verify(dense, small, plan, X)
    assert "3 more modules" in found.message
    assert "eval()" in found.message


def test_hooks_of_the_dense_network_are_carried_over_and_may_not_be_lost() -> None:
    dense = Net().eval()
    dense.stem[1].register_forward_hook(lambda m, x, y: y * 2 if m.training else y)
    dense.head.weight.register_hook(lambda gradient: gradient * 2)
    plan = segprune.make_plan(dense, X, scope={"stem.0": 0.5})
    small = segprune.prune(dense, plan)
    assert segprune.verify(dense, small, plan, X) == ()
    small.stem[1]._forward_hooks.clear()
    small.head.weight._backward_hooks.clear()  # type: ignore[union-attr]
    found = {violation.where for violation in segprune.verify(dense, small, plan, X)}
    assert {"stem.1", "head.weight"} <= found


def test_a_network_that_the_same_code_built_again_has_the_same_behaviour(tmp_path: Any) -> None:
    def make(slope: float) -> nn.Module:
        class Local(Net):
            def forward(self, x: Tensor) -> Tensor:
                return super().forward(x * slope) * slope

        torch.manual_seed(0)
        network = Local()
        network.gate.act = lambda x: x * slope
        network.gate.config = types.SimpleNamespace(slope=slope, home=network)
        return network.eval()

    dense = make(0.5)
    plan = segprune.make_plan(dense, X, scope={"stem.0": 0.5})
    path = segprune.save(tmp_path / "net.safetensors", segprune.prune(dense, plan), plan)
    assert segprune.verify(dense, segprune.load(path, model=make(0.5)), plan, X) == ()
    found = segprune.verify(dense, segprune.load(path, model=make(0.75)), plan, X)
    assert "the network" in {
        violation.where for violation in found if violation.kind == "behaviour"
    }


@pytest.mark.parametrize("wrap", [weight_norm, orthogonal, None], ids=["norm", "orthogonal", "no"])
def test_classes_that_torch_makes_anew_for_each_module_are_the_same(wrap: Any) -> None:
    """Parametrizations and graphs of torch.fx have a class of their own in every network."""

    def make() -> nn.Module:
        layer = nn.Conv2d(3, 8, 1) if wrap is None else wrap(nn.Conv2d(3, 8, 1))
        network = nn.Sequential(layer, nn.ReLU(), nn.Conv2d(8, 4, 1)).eval()
        return network if wrap else torch.fx.symbolic_trace(network)

    one, other = make(), make()
    plan = segprune.PrunePlan(digest_of(one), {}, {}, digest_of(one))
    copied = segprune.prune(one, plan)
    for network in (copied, other):
        assert list(compare_behaviour(one, network, plan, X)) == []
    other.get_submodule("1").inplace = True
    assert [v.where for v in compare_behaviour(one, other, plan, X)] == ["1.inplace"]


def test_memory_of_another_network_is_no_attribute() -> None:
    """Weak references, locks and generators cannot be compared, and count as the same."""
    import copy
    import threading

    class Lock:
        def __init__(self) -> None:
            self.lock = threading.Lock()

        def __deepcopy__(self, memo: object) -> Lock:
            return Lock()

    dense = Net().eval()
    dense.lock = Lock()  # type: ignore[assignment]
    plan = segprune.make_plan(dense, X, scope={"stem.0": 0.5})
    small = copy.deepcopy(segprune.prune(dense, plan))
    assert segprune.verify(dense, small, plan, X) == ()
