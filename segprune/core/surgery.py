"""Carry out a plan: a smaller copy of the network, or its full-size twin with zeros."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from segprune.core.modules import (
    as_channels_last,
    copy_with,
    digest_of,
    is_channels_last,
    require_prunable,
    tensors_of,
)
from segprune.core.plan import Kept, PrunePlan
from segprune.core.plan_check import misfits, misplaced
from segprune.core.stored import set_count
from segprune.errors import PruneError

__all__ = ["correct_attributes", "mask", "prune", "select", "true_attributes"]


def prune(model: nn.Module, plan: PrunePlan) -> nn.Module:
    """A new, physically smaller network; `model` is untouched and shares no storage with it.

    Module attributes (`in_channels`, `groups`, `num_features`, …) tell the truth; hooks, dtype,
    device, training state, `requires_grad` and memory format are carried over.

    Raises:
        PruneError: the plan was made for another network, or does not fit it.
    """
    originals = _checked(model, plan)
    with torch.inference_mode(False), torch.no_grad():  # what is made here can be trained
        tensors = {name: select(originals[name], dims) for name, dims in plan.kept.items()}
        small = copy_with(model, tensors)
    correct_attributes(small, plan.kept, plan.attributes, originals)
    return small


def mask(model: nn.Module, plan: PrunePlan) -> nn.Module:
    """The full-size twin: a copy in which exactly the slots that `prune` removes are zero.

    Raises:
        PruneError: the plan was made for another network, or does not fit it.
    """
    originals = _checked(model, plan)
    with torch.inference_mode(False), torch.no_grad():  # what is made here can be trained
        tensors = {name: _zeroed(originals[name], dims) for name, dims in plan.kept.items()}
        return copy_with(model, tensors)


def _checked(model: nn.Module, plan: PrunePlan) -> dict[str, Tensor]:
    require_prunable(model)
    if not isinstance(plan, PrunePlan):
        raise PruneError(
            f"plan: expected a PrunePlan, found {type(plan).__name__}; make one with make_plan, or "
            "read a file with PrunePlan.from_json(text)."
        )
    originals = tensors_of(model)
    found = digest_of(model)
    if found != plan.network:
        pruned = " (this network is already pruned by it)" if found == plan.result else ""
        missing = sorted(set(plan.kept) - set(originals))
        detail = f"; it has no {missing[0]}" if missing else ""
        raise PruneError(
            f"plan: expected the network it was made for, {plan.network[:12]}, found "
            f"{type(model).__name__} {found[:12]}{pruned}{detail}. Pass the dense network, or make "
            "a plan for this one."
        )
    for where, text in misfits(model, plan):
        raise PruneError(
            f"plan: {where or 'the network'}: {text}; it was made by hand, or changed. Make it "
            "with make_plan."
        )
    return originals


def select(tensor: Tensor, dims: Mapping[int, tuple[int, ...]]) -> Tensor:
    """The kept indices of a tensor, in storage of its own and the same memory format.

    Raises:
        PruneError: an index or a dimension is not in the tensor, or indices do not rise.
    """
    for text in misplaced(tensor.shape, dims):
        raise PruneError(f"select: {text}; keep each index once, in rising order.")
    result = tensor.detach()
    for dim, rows in dims.items():
        index = torch.tensor(rows, dtype=torch.long, device=tensor.device)
        result = result.index_select(dim, index)
    return as_channels_last(result) if is_channels_last(tensor) else result.contiguous()


def _zeroed(tensor: Tensor, dims: Mapping[int, tuple[int, ...]]) -> Tensor:
    result = tensor.detach().clone()
    for dim, rows in dims.items():
        dropped = torch.ones(tensor.shape[dim], dtype=torch.bool, device=tensor.device)
        dropped[list(rows)] = False
        result.index_fill_(dim, dropped.nonzero().flatten(), 0)
    return result


def correct_attributes(
    model: nn.Module,
    kept: Kept,
    attributes: Mapping[str, Mapping[str, int]],
    originals: Mapping[str, Tensor],
) -> None:
    """Let the attributes of all modules tell the sizes that their tensors have after pruning.

    Args:
        model: a copy whose tensors are already pruned and whose attributes are still dense.
        originals: the dense network's tensors.
    """
    for name, module in model.named_modules():
        for key, value in true_attributes(name, module, kept, originals).items():
            setattr(module, key, value)
    for name, values in attributes.items():
        module = model.get_submodule(name)
        for key, value in values.items():
            set_count(module, key, value)


def true_attributes(
    name: str, module: nn.Module, kept: Kept, originals: Mapping[str, Tensor]
) -> dict[str, int]:
    """What the size attributes of a module must be, given its pruned tensors.

    Only those that it stores (a property follows by itself), and only those that told the truth
    before: a class that is not torch's may call anything `num_features`.

    Args:
        name: of the module in the network.
        module: holds pruned tensors; its `groups` or `num_groups` are those before they were cut.
        originals: the dense network's tensors.
    """
    prefix = f"{name}." if name else ""
    own = (*module._parameters, *module._buffers)
    cut = {key: kept[prefix + key] for key in own if prefix + key in kept}
    if not cut:
        return {}
    before = {key: tuple(originals[prefix + key].shape) for key in own if prefix + key in originals}
    stored = vars(module)
    found = _sizes_of(module, cut, before)
    return {key: value for key, value in found.items() if type(stored.get(key)) is int}


def _sizes_of(
    module: nn.Module,
    cut: Mapping[str, Mapping[int, tuple[int, ...]]],
    before: Mapping[str, tuple[int, ...]],
) -> dict[str, int]:
    weight = getattr(module, "weight", None)
    shape = tuple(weight.shape) if isinstance(weight, Tensor) else ()
    if isinstance(module, nn.RNNBase) and "weight_ih_l0" in cut:
        return {"input_size": module.get_parameter("weight_ih_l0").shape[1]}
    if isinstance(module, nn.Linear):
        return {"in_features": shape[1], "out_features": shape[0]}
    if len(shape) > 2 and _is_convolution(module, before.get("weight", ())):
        transposed = bool(getattr(module, "transposed", False))
        groups = _surviving_groups(cut.get("weight", {}).get(0), module, "groups", transposed)
        narrow, wide = shape[1] * groups, shape[0]
        ins, outs = (wide, narrow) if transposed else (narrow, wide)
        return {"in_channels": ins, "out_channels": outs, "groups": groups}
    named = {**module._parameters, **module._buffers}.items()
    entries = next(((key, len(t)) for key, t in named if t is not None and t.dim() == 1), None)
    if entries is None:
        return {}
    size, dense_size = entries[1], before.get(entries[0], (0,))[0]
    if isinstance(module, nn.GroupNorm):
        rows = next((dims[0] for dims in cut.values() if 0 in dims), None)
        groups = _surviving_groups(rows, module, "num_groups", False)
        return {"num_channels": size, "num_groups": groups}
    if isinstance(module, nn.PReLU):
        return {"num_parameters": size}
    if vars(module).get("num_features") == dense_size:
        return {"num_features": size}
    return {}


def _is_convolution(module: nn.Module, weight: tuple[int, ...]) -> bool:
    """Whether it stores the three counts of a convolution, and they fit its dense weight."""
    stored = vars(module)
    counts = [stored.get(key) for key in ("in_channels", "out_channels", "groups")]
    if len(weight) < 3 or not all(type(count) is int and count > 0 for count in counts):
        return False
    ins, outs, groups = (int(count or 0) for count in counts)
    if getattr(module, "transposed", False):
        ins, outs = outs, ins
    return weight[0] == outs and weight[1] * groups == ins


def _surviving_groups(
    rows: tuple[int, ...] | None, module: nn.Module, attribute: str, transposed: bool
) -> int:
    """How many groups still have a channel: all, or those that were not removed as a whole."""
    groups = int(getattr(module, attribute))
    if rows is None:
        return groups
    total = {"groups": "in_channels" if transposed else "out_channels"}.get(
        attribute, "num_channels"
    )
    width = int(getattr(module, total)) // groups
    return len({row // width for row in rows})
