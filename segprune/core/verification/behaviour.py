"""Compare a pruned network's modules with the dense network's: classes, order, modes, hooks."""

from __future__ import annotations

import contextlib
import re
import reprlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.fx import GraphModule

from segprune.core.execution import preserve_global_state, run_method
from segprune.core.modules import copy_with, tensors_of
from segprune.core.plan import PrunePlan
from segprune.core.settings import attributes_of, is_of_torch
from segprune.core.stored import set_count
from segprune.core.surgery import true_attributes
from segprune.core.verification.input_variants import resized
from segprune.core.verification.sameness import Sameness, code_names
from segprune.core.verification.violations import Violation, mismatch

__all__ = ["compare_behaviour"]

_HOOKS = tuple(key for key in vars(nn.Module()) if "hook" in key)


def compare_behaviour(
    model: nn.Module, pruned: nn.Module, plan: PrunePlan, inputs: Any
) -> Iterator[Violation]:
    """Compare modules one by one, since not every fault shows in a tensor or in a run."""
    same = Sameness(model, pruned)
    yield from _structure(model, pruned)
    yield from _modes(model, pruned)
    yield from _tensor_hooks(model, pruned, same)
    differing: list[tuple[str, str, Violation]] = []
    modules = dict(pruned.named_modules())
    for name, dense in model.named_modules():
        module = modules.get(name)
        if module is None:
            continue
        if not _same_class(dense, module, same):
            wanted, found = type(dense).__qualname__, type(module).__qualname__
            more = " of other code" if wanted == found else ""
            yield mismatch("behaviour", name, f"a module of class {wanted}", f"{found}{more}")
            continue
        yield from _hooks(name, dense, module, same)
        differing += _attributes(name, dense, module, model, plan, same)
    state = _state((model, pruned), inputs) if differing else set()
    yield from (violation for name, key, violation in differing if (name, key) not in state)


# -- modules ---------------------------------------------------------------------------------------


def _structure(model: nn.Module, pruned: nn.Module) -> Iterator[Violation]:
    ours = dict(model.named_modules(remove_duplicate=False))
    theirs = dict(pruned.named_modules(remove_duplicate=False))
    places, others = _places(ours), _places(theirs)
    for name, module in ours.items():
        if name not in theirs:
            expected = f"a {type(module).__name__} as in the dense network"
            yield mismatch("behaviour", name, expected, "none")
            continue
        here, there = places[id(module)], others[id(theirs[name])]
        if here != there:
            yield mismatch("behaviour", name, f"one module at {here}", f"one at {there}")
        hidden, left_out = (one._non_persistent_buffers_set for one in (module, theirs[name]))
        for key in sorted(hidden ^ left_out):
            texts = "it in the state dict", "it left out"
            if key in hidden:
                texts = "it left out of the state dict", "it there"
            yield mismatch("behaviour", f"{name}.{key}".removeprefix("."), *texts)
        wanted, found = list(module._modules), list(theirs[name]._modules)
        if wanted != found and sorted(wanted) == sorted(found):
            yield mismatch("behaviour", name, f"its modules in the order {wanted}", found)
    for name, module in theirs.items():
        if name not in ours:
            unknown = f"a {type(module).__name__} that the dense network lacks"
            yield mismatch("behaviour", name, "none", unknown)


def _places(modules: dict[str, nn.Module]) -> dict[int, str]:
    """Return all names of each module, by its identity."""
    found: dict[int, list[str]] = {}
    for name, module in modules.items():
        found.setdefault(id(module), []).append(name or "the network")
    return {key: " and ".join(names) for key, names in found.items()}


def _same_class(dense: nn.Module, module: nn.Module, same: Sameness) -> bool:
    """Compare classes; each graph module of torch.fx has a class of its own, made of its code."""
    if isinstance(dense, GraphModule) and isinstance(module, GraphModule):
        bases = type(dense).__mro__[1], type(module).__mro__[1]
        return dense.code == module.code and same(*bases)
    return same.classes(type(dense), type(module))


def _modes(model: nn.Module, pruned: nn.Module) -> Iterator[Violation]:
    """Compare modes with the dense network's, or with those that `train()` or `eval()` would set.

    A trained network may be in training mode as a whole, except for modules that its own
    `train` keeps in evaluation mode.
    """
    found = {name: module.training for name, module in pruned.named_modules()}
    if len(set(found.values())) == 1:
        return
    ways = [{name: module.training for name, module in model.named_modules()}]
    if ways[0] == found:
        return
    for mode in (False, True):
        with contextlib.suppress(Exception):  # a network may refuse a mode
            whole = copy_with(model, {})
            whole.train(mode)
            ways.append({name: module.training for name, module in whole.named_modules()})
    others = [[n for n in found if found[n] != way.get(n, found[n])] for way in ways]
    if all(others):
        nearest = others[0] if pruned.training == model.training else min(others, key=len)
        expected, other = ("evaluation", "training")[:: 1 if found[nearest[0]] else -1]
        more = f", and {len(nearest) - 1} more modules so" if len(nearest) > 1 else ""
        found_mode = f"{other} mode{more}; call eval() on the network"
        yield mismatch("behaviour", nearest[0], f"{expected} mode", found_mode)


# -- hooks -----------------------------------------------------------------------------------------


def _hooks(name: str, dense: nn.Module, module: nn.Module, same: Sameness) -> Iterator[Violation]:
    """Compare hooks, since those for training, backward or state dicts act in no evaluation run."""
    for kind in _HOOKS:
        ours, theirs = getattr(dense, kind), getattr(module, kind)
        if isinstance(ours, dict) and isinstance(theirs, dict):
            yield from _compared(name, kind, ours, theirs, same)


def _tensor_hooks(model: nn.Module, pruned: nn.Module, same: Sameness) -> Iterator[Violation]:
    small = tensors_of(pruned)
    for name, dense in tensors_of(model).items():
        for kind in ("_backward_hooks", "_post_accumulate_grad_hooks"):
            if name in small:
                ours, theirs = (getattr(tensor, kind) or {} for tensor in (dense, small[name]))
                yield from _compared(name, kind, ours, theirs, same)


def _compared(
    name: str, kind: str, ours: dict[int, Any], theirs: dict[int, Any], same: Sameness
) -> Iterator[Violation]:
    wanted, found = list(map(_unwrapped, ours.values())), list(map(_unwrapped, theirs.values()))
    words = kind.strip("_").replace("_", " ")
    if len(wanted) != len(found):
        expected = f"{len(wanted)} {words} as in the dense network"
        yield mismatch("behaviour", name, expected, len(found))
    elif not same(wanted, found):
        yield mismatch("behaviour", name, f"the {words} of the dense network", "others")


def _unwrapped(hook: Any) -> Any:
    """Return the function inside the wrapper with which torch passes the module to it."""
    return getattr(hook, "hook", hook) if type(hook).__name__ == "_WrappedHook" else hook


# -- attributes ------------------------------------------------------------------------------------


def _attributes(
    name: str,
    dense: nn.Module,
    module: nn.Module,
    model: nn.Module,
    plan: PrunePlan,
    same: Sameness,
) -> Iterator[tuple[str, str, Violation]]:
    (wanted, known), found = _expected(name, dense, module, model, plan), attributes_of(module)
    read = None if is_of_torch(dense) else code_names(type(dense))
    sizes = set() if is_of_torch(dense) else _sizes(dense, module)
    for key in (*wanted, *(key for key in found if key not in wanted)):
        if key not in found:
            texts = _shown(wanted[key]), "none"
        elif key not in wanted:
            # An attribute that no code of the class reads changes nothing.
            if not hasattr(type(dense), key) and key not in (read or ()):
                continue
            texts = "none as in the dense network", _shown(found[key])
        elif key in known and found[key] != known[key]:
            texts = f"{known[key]}, as its tensors have it", str(found[key])
        elif same(wanted[key], found[key]) or _follows(wanted[key], found[key], sizes):
            continue
        else:
            texts = _shown(wanted[key]), _shown(found[key])
        yield name, key, mismatch("attribute", f"{name}.{key}".removeprefix("."), *texts)


def _expected(
    name: str, dense: nn.Module, module: nn.Module, model: nn.Module, plan: PrunePlan
) -> tuple[dict[str, Any], dict[str, int]]:
    """Return the dense module's attributes, with counts as the plan or the tensors change them.

    Second, the counts of a module of torch's own that its tensors alone decide.
    """
    stand_in = SimpleNamespace(**attributes_of(dense))
    # Counts follow from the pruned tensors and from the groups before they were cut.
    partly = dense.__class__.__new__(dense.__class__)
    partly.__dict__.update(dense.__dict__)
    partly.__dict__["_parameters"] = module._parameters
    partly.__dict__["_buffers"] = module._buffers
    known = true_attributes(name, partly, plan.kept, tensors_of(model))
    for key, value in known.items():
        setattr(stand_in, key, value)
    known = known if is_of_torch(dense) else {}
    for key, value in plan.attributes.get(name, {}).items():
        stored = re.split(r"[.\[]", key, maxsplit=1)[0]
        if not hasattr(stand_in, stored) and hasattr(dense, stored):  # an attribute of the class
            setattr(stand_in, stored, getattr(dense, stored))
        set_count(cast(nn.Module, stand_in), key, value)
    return vars(stand_in), known


def _sizes(dense: nn.Module, module: nn.Module) -> set[tuple[int, int]]:
    """Return the sizes of a module's tensors as pairs: dense and pruned."""
    small = tensors_of(module)
    return {
        pair
        for name, tensor in tensors_of(dense).items()
        if name in small and small[name].dim() == tensor.dim()
        for pair in zip(tensor.shape, small[name].shape, strict=True)
    }


def _follows(wanted: Any, found: Any, sizes: set[tuple[int, int]]) -> bool:
    """Return whether counts that no code reads changed as the sizes of the module's tensors did."""
    if type(wanted) is int and type(found) is int:
        return wanted == found or (wanted, found) in sizes
    if isinstance(wanted, (list, tuple)) and type(wanted) is type(found):
        return len(wanted) == len(found) and all(
            _follows(one, other, sizes) for one, other in zip(wanted, found, strict=True)
        )
    return False


def _shown(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a tensor {tuple(value.shape)} of other values"
    return reprlib.repr(value)


def _state(networks: tuple[nn.Module, nn.Module], inputs: Any) -> set[tuple[str, str]]:
    """Find attributes that a run changes, as (module, name): caches and counters, not settings."""
    found: set[tuple[str, str]] = set()
    for network in networks:
        copied = copy_with(network, {})
        same = Sameness(network, copied)
        tensors = {(name, key): value for name, key, value in _stored(copied)}
        for training in (False, True):
            for method in ("forward", *(getattr(network, "traced_methods", None) or ())):
                with preserve_global_state(model=copied), torch.no_grad():
                    try:
                        copied.train(training)
                        run_method(copied, method, resized(inputs, 2, 1, 1, 5))
                    except Exception:
                        continue  # attributes that it changed before count
        after = {(name, key): value for name, key, value in _stored(copied)}
        before = {(name, key): value for name, key, value in _stored(network)}
        for place, value in after.items():
            anew = isinstance(value, Tensor) and value is not tensors.get(place)
            if place not in before or anew or not same(before[place], value):
                found.add(place)
    return found


def _stored(network: nn.Module) -> Iterator[tuple[str, str, Any]]:
    for name, module in network.named_modules():
        for key, value in attributes_of(module).items():
            yield name, key, value
