"""Inputs to compare networks on: the example itself, and random ones of other sizes."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from segprune.core.execution import tensors_in

__all__ = ["alternatives", "cloned", "downscale_factor", "resized", "small_trial", "trials"]

_SMALL_AREA = 96 * 160
_SMALL_SIDE = 64


def cloned(inputs: Any) -> Any:
    """The same inputs in memory of their own: a forward may write to them."""
    return tree_map(lambda item: item.clone() if isinstance(item, Tensor) else item, inputs)


def downscale_factor(inputs: Any) -> float:
    """By how much height and width of large images are reduced for all but one comparison."""
    areas = [t.shape[-2] * t.shape[-1] for t in tensors_in(inputs) if t.dim() >= 4]
    return min(1.0, math.sqrt(_SMALL_AREA / max(areas))) if areas else 1.0


def trials(inputs: Any) -> list[Any]:
    """The example itself, then random inputs of other sizes and batch sizes."""
    shrink = downscale_factor(inputs)
    found = [
        _example(inputs),
        resized(inputs, 2, shrink, shrink, seed=1),
        resized(inputs, 2, 1.25 * shrink, 0.75 * shrink, seed=2),
        resized(inputs, 3, 0.5 * shrink, shrink, seed=3),
    ]
    if downscale_factor(resized(inputs, 1, 2.0, 2.0, seed=4)) == 1.0:
        found.append(resized(inputs, 2, 2.0, 2.0, seed=4))
    return found


def small_trial(inputs: Any, batch: int = 2, seed: int = 6) -> Any:
    """Random inputs of about half the usual height and width, for what is run in many ways."""
    sides = [min(t.shape[-2:]) for t in tensors_in(inputs) if t.dim() >= 4]
    shrink = max(0.5 * downscale_factor(inputs), _SMALL_SIDE / min(sides)) if sides else 1.0
    return resized(inputs, batch, min(1.0, shrink), min(1.0, shrink), seed)


def alternatives(inputs: Any) -> tuple[Any, Any]:
    """Other values in inputs of the same shapes: drawn anew, and the given ones' opposites.

    A forward may look at the sign of its input's sum.
    """

    def negated(item: Any) -> Any:
        fraction = isinstance(item, Tensor) and item.is_floating_point()
        return -item if fraction else item

    return _changed(inputs, 9), tree_map(negated, inputs)


def _changed(inputs: Any, seed: int) -> Any:
    """Other values in inputs of the same shapes; whole numbers are drawn from those given."""

    def redrawn(item: Any) -> Any:
        if not isinstance(item, Tensor) or item.is_complex():
            return item
        if item.is_floating_point():
            return _random(item.shape, item, seed)
        generator = torch.Generator().manual_seed(seed)
        if item.dtype == torch.uint8:
            values = torch.randint(256, tuple(item.shape), generator=generator, device="cpu")
            return values.to(item.device, item.dtype)
        order = torch.randperm(item.numel(), generator=generator, device="cpu").to(item.device)
        return item.flatten()[order].view(item.shape)

    return tree_map(redrawn, inputs)


def _example(inputs: Any) -> Any:
    """The given example; constant images (zeros, ones) prove nothing and are replaced."""

    def varied(item: Any) -> Any:
        if not isinstance(item, Tensor) or not item.is_floating_point():
            return item
        constant = item.is_meta or not torch.isfinite(item).all() or item.min() == item.max()
        return _random(item.shape, item, 0) if constant else item.detach()

    return tree_map(varied, inputs)


def resized(inputs: Any, batch: int, height: float, width: float, seed: int) -> Any:
    """Random inputs with other heights, widths and, where it was 1, another batch size."""

    def redrawn(item: Any) -> Any:
        if not isinstance(item, Tensor):
            return item
        if item.dim() < 3 or not item.is_floating_point():
            return item.repeat(batch, *(1,) * (item.dim() - 1)) if item.dim() > 2 else item
        shape = list(item.shape)
        shape[0] = batch if shape[0] == 1 else shape[0]
        if len(shape) >= 4 and min(shape[-2:]) >= 32:
            shape[-2] = _to_32(shape[-2] * height)
            shape[-1] = _to_32(shape[-1] * width)
        return _random(shape, item, seed)

    return tree_map(redrawn, inputs)


def _to_32(size: float) -> int:
    return max(32, round(size / 32) * 32)


def _random(shape: Any, like: Tensor, seed: int) -> Tensor:
    """Noise; images differ in contrast and in the mean of each channel, too.

    Behind an average over all pixels, images of plain noise would hardly differ.
    """
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(tuple(shape), generator=generator, device="cpu")
    if values.dim() >= 4:
        ones = [1] * (values.dim() - 2)
        contrast = torch.rand((values.shape[0], 1, *ones), generator=generator, device="cpu") + 0.5
        mean = torch.randn((*values.shape[:2], *ones), generator=generator, device="cpu")
        values = values * contrast + 0.5 * mean
    return values.to(like.device, like.dtype)
