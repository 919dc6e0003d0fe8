"""Gradients of a loss with respect to weights, batch by batch, on a private copy of a network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only

from segprune.core.execution import preserve_global_state, run_method, tensors_in
from segprune.core.modules import tensors_of
from segprune.core.planning.calibration import (
    VOID,
    images_of,
    labels_of,
    logits_of,
    moved,
    named,
    some,
)
from segprune.errors import InputError

__all__ = ["on_each_batch", "one_by_one"]


def on_each_batch(
    model: nn.Module,
    weights: Iterable[str],
    batches: Iterable[Any],
    loss: Callable[[Any, Any], Tensor] | None,
    take: Callable[[dict[str, Tensor]], None],
) -> None:
    """Hand over w · ∂L/∂w of every batch, by the name of the weight.

    Args:
        model: a private copy; it is put into evaluation mode.
        weights: names of the weights w.
        take: takes the products of one batch, each in its weight's shape; weights that the loss
            does not depend on are not among them.

    Raises:
        InputError: batches that the network does not take, a loss without a gradient, or gradients
            that are not finite or cannot be had.
    """
    model.eval()
    tensors = tensors_of(model)
    chosen = {name: tensors[name].requires_grad_() for name in weights}
    with preserve_global_state(model=model), torch.enable_grad():
        for batch in some(batches):
            batch = moved(batch, model)
            try:
                gradients = _gradients(model, chosen, batch, loss)
            except _OverwrittenError:  # an operator works in place, as ReLU(inplace=True) may
                with torch.autograd.graph.allow_mutation_on_saved_tensors():
                    gradients = _gradients(model, chosen, batch, loss)
            found = {
                name: weight.detach() * gradient
                for (name, weight), gradient in zip(chosen.items(), gradients, strict=True)
                if gradient is not None
            }
            if strange := [name for name, product in found.items() if not product.isfinite().all()]:
                raise InputError(
                    f"calibration: expected finite gradients, found NaN or infinity in that of "
                    f"{strange[0]}; check the images' normalisation, the labels and the loss."
                )
            take(found)


class _OverwrittenError(Exception):
    """An operator wrote over what the backward pass needs."""


def _gradients(
    model: nn.Module,
    chosen: Mapping[str, Tensor],
    batch: Any,
    loss: Callable[[Any, Any], Tensor] | None,
) -> Sequence[Tensor | None]:
    with named(batch):
        output = run_method(model, "forward", images_of(batch))
        value = None if loss else _cross_entropy(logits_of(output), batch)
    if loss is not None:
        value = loss(output, batch)
    if not isinstance(value, Tensor) or value.numel() != 1 or not value.requires_grad:
        raise InputError(
            "loss: expected (output, batch) -> one number with a gradient, found "
            f"{type(value).__name__}; return e.g. cross_entropy(output, batch[1])."
        )
    try:
        return torch.autograd.grad(value, list(chosen.values()), allow_unused=True)
    except RuntimeError as error:
        if "modified by an inplace operation" in str(error):
            raise _OverwrittenError from error
        raise InputError(
            f"calibration: expected a network with a backward pass, found {type(error).__name__}: "
            f"{error}; choose an importance that needs no gradients, such as activation."
        ) from error


def one_by_one(batches: Iterable[Any]) -> Iterator[Any]:
    """Take batches apart into single images, whose gradients are then their own.

    A batch whose tensors disagree in their first dimension stays whole.
    """
    for batch in batches:
        counts = {tensor.shape[0] if tensor.dim() else 0 for tensor in tensors_in(batch)}
        if len(counts) != 1 or 0 in counts:
            yield batch
            continue
        for number in range(counts.pop()):
            yield tree_map_only(
                Tensor, partial(Tensor.narrow, dim=0, start=number, length=1), batch
            )


def _cross_entropy(logits: Tensor, batch: Any) -> Tensor:
    labels = labels_of(batch)
    if labels is None:
        labels = logits.detach().argmax(1)
    elif logits.shape[-2:] != labels.shape[-2:]:
        logits = nn.functional.interpolate(logits, labels.shape[-2:], mode="bilinear")
    return nn.functional.cross_entropy(logits.float(), labels, ignore_index=VOID)
