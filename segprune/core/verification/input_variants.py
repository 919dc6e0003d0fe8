"""Inputs to compare networks on: the example itself, and random ones of other sizes."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map_only

from segprune.core.execution import tensors_in

__all__ = ["alternatives", "cloned", "downscale_factor", "resized", "small_trial", "trials"]

_SMALL_AREA = 96 * 160
_SMALL_SIDE = 64


def cloned(inputs: Any) -> Any:
    """Return the inputs in memory of their own, since a forward may write to them."""
    return tree_map_only(Tensor, Tensor.clone, inputs)


def downscale_factor(inputs: Any) -> float:
    """Return the factor for height and width of large images in all but one comparison."""
    areas = [t.shape[-2] * t.shape[-1] for t in tensors_in(inputs) if t.dim() >= 4]
    return min(1.0, math.sqrt(_SMALL_AREA / max(areas))) if areas else 1.0


def trials(inputs: Any) -> list[Any]:
    """Return the example itself, then random inputs of other sizes and batch sizes."""
    shrink = downscale_factor(inputs)
    found = [
        tree_map_only(Tensor, _example, inputs),
        resized(inputs, 2, shrink, shrink, seed=1),
        resized(inputs, 2, 1.25 * shrink, 0.75 * shrink, seed=2),
        resized(inputs, 3, 0.5 * shrink, shrink, seed=3),
    ]
    if downscale_factor(resized(inputs, 1, 2.0, 2.0, seed=4)) == 1.0:
        found.append(resized(inputs, 2, 2.0, 2.0, seed=4))
    return found


def small_trial(inputs: Any, batch: int = 2, seed: int = 6) -> Any:
    """Return random inputs of about half the usual height and width, to run in many modes."""
    sides = [min(t.shape[-2:]) for t in tensors_in(inputs) if t.dim() >= 4]
    shrink = max(0.5 * downscale_factor(inputs), _SMALL_SIDE / min(sides)) if sides else 1.0
    return resized(inputs, batch, min(1.0, shrink), min(1.0, shrink), seed)


def alternatives(inputs: Any) -> tuple[Any, Any]:
    """Return inputs of the same shapes with other values: new ones, and the opposite ones.

    A forward may look at the sign of its input's sum.
    """
    opposite = tree_map_only(Tensor, lambda t: -t if t.is_floating_point() else t, inputs)
    return tree_map_only(Tensor, partial(_redrawn, seed=9), inputs), opposite


def _redrawn(tensor: Tensor, seed: int) -> Tensor:
    """Draw other values of the same shape; whole numbers come in another order."""
    if tensor.is_complex():
        return tensor
    if tensor.is_floating_point():
        return _random(tensor.shape, tensor, seed)
    generator = torch.Generator().manual_seed(seed)
    if tensor.dtype == torch.uint8:
        values = torch.randint(256, tuple(tensor.shape), generator=generator, device="cpu")
        return values.to(tensor.device, tensor.dtype)
    order = torch.randperm(tensor.numel(), generator=generator, device="cpu").to(tensor.device)
    return tensor.flatten()[order].view(tensor.shape)


def _example(tensor: Tensor) -> Tensor:
    """Return an example's tensor; constant images (zeros, ones) prove nothing and are replaced."""
    if not tensor.is_floating_point():
        return tensor
    constant = tensor.is_meta or not torch.isfinite(tensor).all() or tensor.min() == tensor.max()
    return _random(tensor.shape, tensor, 0) if constant else tensor.detach()


def resized(inputs: Any, batch: int, height: float, width: float, seed: int) -> Any:
    """Return random inputs with other heights, widths and, where it was 1, another batch size."""

    def redrawn(tensor: Tensor) -> Tensor:
        if tensor.dim() < 3:
            return tensor
        if not tensor.is_floating_point():
            return tensor.repeat(batch, *(1,) * (tensor.dim() - 1))
        shape = list(tensor.shape)
        shape[0] = batch if shape[0] == 1 else shape[0]
        if len(shape) >= 4 and min(shape[-2:]) >= 32:
            shape[-2] = _to_32(shape[-2] * height)
            shape[-1] = _to_32(shape[-1] * width)
        return _random(shape, tensor, seed)

    return tree_map_only(Tensor, redrawn, inputs)


def _to_32(size: float) -> int:
    return max(32, round(size / 32) * 32)


def _random(shape: Any, like: Tensor, seed: int) -> Tensor:
    """Draw noise whose images differ in contrast and in the mean of each channel, too.

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
