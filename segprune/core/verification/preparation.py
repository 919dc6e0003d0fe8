"""Prepare private copies: values far from their initialisation, and activations that live.

The law that `verify` compares by holds for all values of a pruned network's tensors: it computes
what the dense-shaped network computes that has them at the kept indices, and zeros elsewhere. So
values may be chosen that hide nothing, as long as the twin is made from them afterwards.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from segprune.core.execution import preserve_global_state, run_method
from segprune.core.modules import copy_with, tensors_of
from segprune.core.plan import PrunePlan
from segprune.core.state.snapshot import preserve_attributes
from segprune.core.verification.input_variants import cloned

__all__ = ["expand_to_dense", "prepared"]

_FAINT = 1e-12


def prepared(
    pruned: nn.Module, plan: PrunePlan, methods: list[str], sizes: Sequence[Any]
) -> nn.Module:
    """Return a copy of a pruned network in evaluation mode that hides no wrong slice.

    Args:
        sizes: inputs for the scaling of activations; the first that the network takes are used.
    """
    small = copy_with(pruned, {})
    small.eval()  # a user's own `eval` may return nothing
    _randomise(small)
    _fill_zeros(small, plan)
    _scale(small, methods, sizes)
    return small


def _randomise(model: nn.Module, seed: int = 0) -> None:
    """Give normalisations, biases and slopes values that are far from their initialisation."""
    generator = torch.Generator().manual_seed(seed)

    def fill(tensor: Any, low: float, high: float) -> None:
        if isinstance(tensor, Tensor) and tensor.is_floating_point():
            values = (
                torch.rand(tensor.shape, generator=generator, device="cpu") * (high - low) + low
            )
            tensor.copy_(values.to(tensor))

    with torch.no_grad():
        for module in model.modules():
            kind = type(module).__name__.lower()
            if "norm" in kind:
                fill(module._parameters.get("weight"), 0.5, 1.5)
                fill(module._parameters.get("bias"), -0.5, 0.5)
                fill(module._buffers.get("running_mean"), -0.5, 0.5)
                fill(module._buffers.get("running_var"), 0.5, 1.5)
            elif "prelu" in kind:
                fill(module._parameters.get("weight"), 0.05, 0.6)
            else:
                fill(module._parameters.get("bias"), -0.2, 0.2)
            for parameter in module._parameters.values():
                # A gate or a layer that starts at zero would hide the branch behind it.
                if parameter is not None and parameter.numel() and not parameter.any():
                    fill(parameter, 0.1, 0.6)


def _fill_zeros(small: nn.Module, plan: PrunePlan, seed: int = 1) -> None:
    """Give numbers to pruned tensors that are all zero: what was removed is zero in the twin."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in tensors_of(small).items():
            if name in plan.kept and tensor.is_floating_point() and not tensor.float().any():
                tensor.copy_(
                    (torch.rand(tensor.shape, generator=generator, device="cpu") * 0.5 + 0.1).to(
                        tensor
                    )
                )


# -- healthy activations -------------------------------------------------------------------------


def _scale(small: nn.Module, methods: list[str], sizes: Sequence[Any]) -> None:
    """Bring each layer's output to unit size, and each normalisation's statistics to what it sees.

    In a new network activations may die out layer by layer, down to where biases alone are left.
    """
    done: set[int] = set()
    generator = torch.Generator().manual_seed(2)

    def before(module: nn.Module, received: Any) -> None:
        if id(module) in done or not received or not isinstance(received[0], Tensor):
            return
        done.add(id(module))
        with torch.no_grad():
            _normalise(module, received[0], generator)
            _rescale(module, received, done)

    handles = [module.register_forward_pre_hook(before) for module in small.modules()]
    try:
        for inputs in sizes:
            # Where all of them raise, comparing says so; what was reached has been scaled.
            with (
                contextlib.suppress(Exception),
                preserve_attributes(small),
                preserve_global_state(model=small),
            ):
                for method in methods:
                    with torch.no_grad():
                        run_method(small, method, cloned(inputs))
                break
    finally:
        for handle in handles:
            handle.remove()


def _normalise(module: nn.Module, received: Tensor, generator: torch.Generator) -> None:
    mean, variance = (module._buffers.get(key) for key in ("running_mean", "running_var"))
    if mean is None or variance is None or not received.is_floating_point() or received.dim() < 2:
        return
    if mean.shape != (received.shape[1],) or variance.shape != mean.shape:
        return
    rows = received.movedim(1, 0).flatten(1).double()
    spread, centre = rows.var(1, correction=0), rows.mean(1)
    if not (spread.isfinite().all() and spread.any()):
        return
    spread = torch.where(spread > _FAINT * centre.square(), spread, spread.mean())
    shift, factor = (
        torch.rand(len(rows), generator=generator, device="cpu").to(rows) for _ in range(2)
    )
    mean.copy_(centre + (shift - 0.5) * spread.sqrt())
    variance.copy_(spread * (0.6 + factor))


def _rescale(module: nn.Module, received: Any, done: set[int]) -> None:
    """Scale a layer with a weight of two or more dimensions so that its output has unit size."""
    weight = module._parameters.get("weight")
    if weight is None or weight.dim() < 2 or not weight.is_floating_point() or module._modules:
        return
    if id(weight) in done:
        return
    done.add(id(weight))
    try:
        output = module.forward(*cloned(received))
    except Exception:  # it takes keywords as well
        return
    if isinstance(output, Tensor) and output.is_floating_point() and output.numel():
        size = float(output.double().square().mean().sqrt())
        if _FAINT < size < 1 / _FAINT:
            weight.div_(size)


# -- the twin ------------------------------------------------------------------------------------


def expand_to_dense(model: nn.Module, pruned: nn.Module, plan: PrunePlan) -> nn.Module:
    """Return the dense-shaped network: pruned tensors at their kept indices, zeros elsewhere."""
    dense, small = tensors_of(model), tensors_of(pruned)
    spread: dict[str, Tensor] = {}
    for name, original in dense.items():
        tensor = small[name].detach()
        for dim, rows in plan.kept.get(name, {}).items():
            shape = list(tensor.shape)
            shape[dim] = original.shape[dim]
            index = torch.tensor(rows, dtype=torch.long, device=tensor.device)
            whole = tensor.new_zeros(shape)
            bits = torch.uint8 if tensor.dtype.itemsize == 1 else tensor.dtype  # float8 has no copy
            whole.view(bits).index_copy_(dim, index, tensor.view(bits))
            tensor = whole
        spread[name] = tensor.clone() if tensor is small[name] or name not in plan.kept else tensor
    return copy_with(model, spread)
