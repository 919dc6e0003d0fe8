"""`verify`: is this network what the plan makes of the dense one, and does it compute the same?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.prune import BasePruningMethod

from segprune.core.execution import tensors_in
from segprune.core.modules import aliases, digest_of, require_prunable, tensors_of
from segprune.core.plan import PrunePlan
from segprune.core.plan_check import misfits
from segprune.core.surgery import select
from segprune.core.tracing.graph import ChannelGraph
from segprune.core.verification.behaviour import compare_behaviour
from segprune.core.verification.equivalence import compare_outputs
from segprune.core.verification.gradients import compare_gradients
from segprune.core.verification.violations import KINDS, Violation, mismatch
from segprune.errors import InputError, PlanError

__all__ = ["KINDS", "Violation", "verify"]


def verify(
    model: nn.Module,
    pruned: nn.Module,
    plan: PrunePlan,
    example_inputs: Any,
    *,
    trained: bool = False,
) -> tuple[Violation, ...]:
    """Return everything that is wrong with a pruned network; empty means proved.

    The plan, tensors and modules (classes, attributes, order, modes, hooks) are checked one by one.
    An attribute that a run of the network changes, such as a cache, is not a setting and may
    differ. Then both networks run, in evaluation mode and for a training step, on several sizes and
    batch sizes, in float32 and float64, on private copies with randomised normalisation statistics,
    affine terms, biases and slopes: at initialisation a wrong slice of a BatchNorm would be
    invisible.

    Args:
        model: the dense network; not changed.
        pruned: the network to be proved; not changed.
        plan: the plan that should lead from one to the other.
        example_inputs: as for `trace`, or the `ChannelGraph` of `model`.
        trained: the pruned network's values may differ from the dense ones; the twin is then the
            dense-shaped network with the pruned tensors at their kept indices and zeros elsewhere.

    Raises:
        PlanError: the plan was made for another network than `model`.
        InputError: the example inputs hold no tensor.
        TraceError: the dense network does not run on the example inputs.
    """
    require_prunable(model)
    if not isinstance(plan, PrunePlan) or not isinstance(pruned, nn.Module):
        raise PlanError(
            f"verify: expected (model, pruned network, PrunePlan, example inputs), found "
            f"{type(pruned).__name__} and {type(plan).__name__} as the second and third."
        )
    inputs = example_inputs
    if isinstance(example_inputs, ChannelGraph):
        inputs = example_inputs.example_inputs
    if not tensors_in(inputs):
        raise InputError(
            f"example_inputs: expected tensors, found {type(inputs).__name__}; pass what "
            "forward takes."
        )
    dense = tensors_of(model)
    found = digest_of(model)
    if found != plan.network:
        raise PlanError(
            f"plan: expected one for this dense network ({found[:12]}), found one for "
            f"{plan.network[:12]}; verify against the network the plan was made for."
        )
    misfit = [Violation("plan", at or "the network", text) for at, text in misfits(model, plan)]
    if unusable := misfit or [*_masks(pruned)]:
        return tuple(unusable)
    small = tensors_of(pruned)
    violations = [*_names(dense, small), *_shapes(dense, small, plan)]
    comparable = not violations
    if violations:
        violations += _never_removed(dense, small, plan)
    violations += _finite(small)
    if not trained:
        violations += _values(dense, small, plan)
    violations += _storage(model, pruned)
    violations += _types(dense, small)
    violations += compare_behaviour(model, pruned, plan, inputs)
    if comparable:
        if not any(violation.kind == "not-finite" for violation in violations):
            violations += compare_outputs(model, pruned, plan, inputs)
        violations += compare_gradients(model, pruned, inputs)
    return tuple(violations)


# -- tensors -------------------------------------------------------------------------------------


def _masks(pruned: nn.Module) -> Iterator[Violation]:
    for name, module in pruned.named_modules():
        for hook in module._forward_pre_hooks.values():
            if isinstance(hook, BasePruningMethod):
                found = (
                    f"a mask of torch.nn.utils.prune ({type(hook).__name__}) on full-size ones: "
                    "nothing was removed"
                )
                yield mismatch("masked", name, "smaller weights", found)


def _names(dense: dict[str, Tensor], small: dict[str, Tensor]) -> Iterator[Violation]:
    for name in dense:
        if name not in small:
            yield mismatch("missing-tensor", name, "as in the dense network", "none")
    for name in small:
        if name not in dense:
            found = "one that the dense network lacks"
            yield mismatch("unexpected-tensor", name, "none", found)


def _shapes(
    dense: dict[str, Tensor], small: dict[str, Tensor], plan: PrunePlan
) -> Iterator[Violation]:
    for name, ours, theirs in _shared(dense, small):
        dims = plan.kept.get(name, {})
        wanted = tuple(len(dims[d]) if d in dims else size for d, size in enumerate(ours.shape))
        if theirs.shape != wanted:
            yield mismatch("shape", name, wanted, tuple(theirs.shape))


def _shared(
    dense: dict[str, Tensor], small: dict[str, Tensor]
) -> Iterator[tuple[str, Tensor, Tensor]]:
    """Yield what both networks have, in the dense network's order."""
    return ((name, tensor, small[name]) for name, tensor in dense.items() if name in small)


def _never_removed(
    dense: dict[str, Tensor], small: dict[str, Tensor], plan: PrunePlan
) -> Iterator[Violation]:
    """Find full-size tensors: those whose dropped slots are zero are masked, others regrew."""
    masked, regrown, untouched = [], [], []
    for name, dims in plan.kept.items():
        tensor, original = small.get(name), dense[name]
        if tensor is None or tensor.shape != original.shape or not tensor.is_floating_point():
            continue
        dropped = torch.ones(tensor.shape, dtype=torch.bool, device=tensor.device)
        dropped[torch.meshgrid(*_kept_rows(tensor, dims), indexing="ij")] = False
        values = tensor.detach()[dropped]
        if (values == 0).all():
            masked.append(name)
        elif torch.equal(values, original.detach()[dropped].to(values)):
            untouched.append(name)
        else:
            regrown.append(name)
    expected = f"{len(plan.kept)} smaller tensors"
    if regrown:
        found = (
            f"{len(regrown)} of full size whose channels to be removed are not zero: masked "
            "weights that were trained regrow"
        )
        yield mismatch("regrown", regrown[0], expected, found)
    elif len(masked) > len(untouched):
        found = (
            f"{len(masked)} of full size that are only zeroed: parameters, MACs and speed are "
            "those of the dense network"
        )
        yield mismatch("masked", masked[0], expected, found)


def _kept_rows(tensor: Tensor, dims: Mapping[int, tuple[int, ...]]) -> list[Tensor]:
    """Return the kept positions along each dimension."""
    return [
        torch.tensor(dims.get(dim, range(size)), device=tensor.device)
        for dim, size in enumerate(tensor.shape)
    ]


def _finite(small: dict[str, Tensor]) -> Iterator[Violation]:
    for name, tensor in small.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            yield mismatch("not-finite", name, "finite numbers", "NaN or infinity")


def _values(
    dense: dict[str, Tensor], small: dict[str, Tensor], plan: PrunePlan
) -> Iterator[Violation]:
    for name, ours, theirs in _shared(dense, small):
        wanted = select(ours, plan.kept.get(name, {}))
        found = theirs.detach().to(wanted.dtype)
        if found.shape != wanted.shape or torch.equal(found, wanted):
            continue
        both_nan = torch.isnan(found).any() and torch.isnan(wanted).any()
        wrong = int((found != wanted).sum())
        if wrong and not both_nan:
            others = f"{wrong} others of {found.numel()}"
            yield mismatch("value", name, "the kept dense values", others)


def _storage(model: nn.Module, pruned: nn.Module) -> Iterator[Violation]:
    dense, small, dense_ties = tensors_of(model), tensors_of(pruned), aliases(model)
    owners = {_memory(tensor): "the dense network" for tensor in dense.values() if tensor.numel()}
    for first, names in aliases(pruned).items():
        tensor = small[first]
        if not tensor.numel():
            continue
        memory = _memory(tensor)
        if memory in owners:
            yield mismatch("storage", first, "memory of its own", f"{owners[memory]}'s")
        owners.setdefault(memory, first)
        held, needed = tensor.untyped_storage().nbytes(), tensor.numel() * tensor.element_size()
        original = dense.get(first)
        roomy = original is not None and (
            original.untyped_storage().nbytes() > original.numel() * original.element_size()
        )
        if held > needed and not roomy:
            found = f"a view into {held}: not removed"
            yield mismatch("storage", first, f"{needed} bytes", found)
        ours = dense_ties.get(first)
        if ours is not None and set(ours) != set(names):
            expected = f"to be tied as {', '.join(ours)}"
            yield mismatch("storage", first, expected, ", ".join(names))


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _types(dense: dict[str, Tensor], small: dict[str, Tensor]) -> Iterator[Violation]:
    for name, ours, theirs in _shared(dense, small):
        if ours.dtype != theirs.dtype:
            yield mismatch("interface", name, ours.dtype, theirs.dtype)
        if ours.requires_grad != theirs.requires_grad:
            expected = f"requires_grad={ours.requires_grad}"
            yield mismatch("gradient", name, expected, theirs.requires_grad)
