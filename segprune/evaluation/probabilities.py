"""Check that a network returns logits, and not probabilities.

Probabilities of one channel are all above zero, so that each pixel would be foreground; and a loss
on logits would train the network wrongly.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from segprune.errors import InputError

__all__ = ["require_logits"]

_SQUASH = {"sigmoid", "hardsigmoid"}
_CARRY = {
    "_to_copy", "_unsafe_view", "alias", "clone", "detach", "expand", "permute", "select", "slice",
    "squeeze", "transpose", "unsqueeze", "upsample_bicubic2d", "upsample_bilinear2d",
    "upsample_nearest2d", "_upsample_bilinear2d_aa", "view",
}  # fmt: skip
"""Operators whose result is a probability if their input is one."""


def require_logits(output: Tensor, model: nn.Module, images: Tensor, of: str) -> None:
    """Check that the output of a network is not probabilities.

    Args:
        output: `(N, K, h, w)`, the output for these images.
        of: how to name the network in an error.

    Raises:
        InputError: all of it lies in [0, 1] and comes from a sigmoid. Softmax is left alone: its
            largest class is that of the logits.
    """
    if not output.numel() or bool(((output < 0) | (output > 1)).any()):
        return
    with torch.no_grad(), _Watch() as watch:
        model(images)
    if watch.last_is_squashed(output.shape):
        kind = "sigmoid" if output.shape[1] == 1 else "sigmoid of each class"
        raise InputError(
            f"{of}: expected logits, found probabilities: the output {tuple(output.shape)} is a "
            f"{kind}; return what goes into it (z > 0 is where its probability is above a half). "
            "Classes that overlap (multilabel) are not supported."
        )


class _Watch(TorchDispatchMode):
    """Tracks which tensors are probabilities, and whether the last one of a shape is."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._squashed: dict[int, Tensor] = {}  # held, so that no other takes its id
        self._last: dict[tuple[int, ...], bool] = {}

    def last_is_squashed(self, shape: torch.Size) -> bool:
        """Return whether the last tensor of this shape that was made is a probability."""
        return self._last.get(tuple(shape), False)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor):
            name = str(func.overloadpacket.__name__).removesuffix("_")
            source = args[0] if args else None
            squashed = name in _SQUASH or (name in _CARRY and id(source) in self._squashed)
            self._last[tuple(result.shape)] = squashed
            if squashed:
                self._squashed[id(result)] = result
            else:
                self._squashed.pop(id(result), None)  # changed in place
        return result
