"""Inputs to compare networks on: the example itself, and random ones of other sizes."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from segprune.execution import tensors_in

__all__ = ["resized", "shrinkage", "trials"]

_SMALL_AREA = 96 * 160


def shrinkage(inputs: Any) -> float:
    """By how much height and width of large images are reduced for all but one comparison."""
    areas = [t.shape[-2] * t.shape[-1] for t in tensors_in(inputs) if t.dim() >= 4]
    return min(1.0, math.sqrt(_SMALL_AREA / max(areas))) if areas else 1.0


def trials(inputs: Any) -> list[Any]:
    """The example itself, then random inputs of other sizes and batch sizes."""
    shrink = shrinkage(inputs)
    found = [
        _example(inputs),
        resized(inputs, 2, shrink, shrink, seed=1),
        resized(inputs, 2, 1.25 * shrink, 0.75 * shrink, seed=2),
        resized(inputs, 3, 0.5 * shrink, shrink, seed=3),
    ]
    if shrinkage(resized(inputs, 1, 2.0, 2.0, seed=4)) == 1.0:
        found.append(resized(inputs, 2, 2.0, 2.0, seed=4))
    return found


def _example(inputs: Any) -> Any:
    """The given example; constant images (zeros, ones) prove nothing and are replaced."""

    def varied(item: Any) -> Any:
        if not isinstance(item, Tensor) or not item.is_floating_point():
            return item
        constant = item.is_meta or not torch.isfinite(item).all() or item.min() == item.max()
        return _random(item.shape, item, 0) if constant else item.detach()

    return tree_map(varied, inputs)


def resized(inputs: Any, batch: int, height: float, width: float, seed: int) -> Any:
    def changed(item: Any) -> Any:
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

    return tree_map(changed, inputs)


def _to_32(size: float) -> int:
    return max(32, round(size / 32) * 32)


def _random(shape: Any, like: Tensor, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(tuple(shape), generator=generator).to(like.device, like.dtype)
