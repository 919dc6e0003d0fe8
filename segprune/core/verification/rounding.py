"""Rounding, made visible: the last bits of weights, inputs and sums are drawn at random.

What a network computes then differs by what rounding can explain. Each draw is twice as coarse as
the one before: where activations are steep, a fine one may change next to nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map_only

from segprune.core.modules import copy_with, tensors_of

__all__ = ["PerturbedSums", "perturb_inputs", "perturb_weights", "scale_randomly"]

_SUMS = {
    "addbmm", "addmm", "avg_pool1d", "avg_pool2d", "avg_pool3d", "baddbmm", "batch_norm",
    "bilinear", "bmm", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d",
    "conv_transpose3d",
    "einsum", "group_norm", "instance_norm", "layer_norm", "linear", "matmul", "__matmul__", "mean",
    "mm", "multi_head_attention_forward", "__rmatmul__", "rms_norm", "scaled_dot_product_attention",
    "sum", "tensordot",
}  # fmt: skip
"""Functions that add up many numbers."""


class PerturbedSums(TorchFunctionMode):
    """Draw the last bits of every sum over channels or pixels at random.

    The pruned network adds up fewer numbers, in another order. Perturbed weights do not show what
    that does: an error that two terms share cancels in their difference, one of their sums does
    not.
    """

    def __init__(self, dtype: torch.dtype, draw: int) -> None:
        super().__init__()
        self.dtype, self.last = dtype, torch.finfo(dtype).eps * 2**draw
        self.generator = torch.Generator().manual_seed(13 + 2 * draw)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        adds_up = getattr(func, "__name__", "") in _SUMS
        return tree_map_only(Tensor, self._perturbed, result) if adds_up else result

    def _perturbed(self, tensor: Tensor) -> Tensor:
        if tensor.dtype != self.dtype:
            return tensor
        return _perturbed(tensor, self.last, self.generator)


def perturb_inputs(inputs: Any, dtype: torch.dtype, draw: int) -> Any:
    """Return inputs in a precision, with the last bits of every number at random."""
    generator = torch.Generator().manual_seed(12 + 2 * draw)

    def perturbed(tensor: Tensor) -> Tensor:
        if not tensor.is_floating_point():
            return tensor
        return _perturbed(tensor.to(dtype), torch.finfo(dtype).eps * 2**draw, generator)

    return tree_map_only(Tensor, perturbed, inputs)


def perturb_weights(network: nn.Module, dtype: torch.dtype, draw: int) -> nn.Module:
    """Return a copy of a network with the last bits of every number at random."""
    last = torch.finfo(dtype).eps * 2**draw
    return scale_randomly(network, lambda noise: 1 + last * noise, dtype, 11 + 2 * draw)


def scale_randomly(
    network: nn.Module, factor: Callable[[Tensor], Tensor], dtype: torch.dtype, seed: int = 11
) -> nn.Module:
    """Return a copy with every number times a factor, made from noise of the tensor's shape."""
    copy = copy_with(network, {}).to(dtype)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in {id(t): t for t in tensors_of(copy).values()}.values():
            if tensor.is_floating_point():
                noise = torch.randn(tensor.shape, generator=generator, dtype=dtype, device="cpu")
                tensor.mul_(factor(noise).to(tensor))
    return copy


def _perturbed(tensor: Tensor, last: float, generator: torch.Generator) -> Tensor:
    """Multiply every number by 1 plus a random multiple of `last`, which is drawn on the CPU."""
    noise = torch.randn(tensor.shape, generator=generator, dtype=tensor.dtype, device="cpu")
    return tensor * (1 + last * noise.to(tensor.device))
