"""How far two outputs are apart: channel by channel, each held to its own scale."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from segprune.execution import tensors_in

__all__ = ["Closeness", "channels_of", "difference", "judge", "structure"]

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-11}
"""Largest difference of a channel, relative to its largest value, that needs no second look."""

FLIPS = {torch.float32: 1e-3, torch.float64: 0.0}
"""Largest share of whole numbers and truth values that rounding may turn into others."""

_NOISE_FACTOR = 64.0
"""How much more than one disturbance shows is allowed; a wrong slice is off by far more."""


class Closeness:
    """The largest difference of one output, over what is allowed in its channel.

    Attributes:
        found: the difference in the channel that is worst, relative to that channel's scale.
        allowed: what is allowed there.
        channel: which one it is, in words; empty where the output has no channels.
    """

    def __init__(self, found: float, allowed: float, channel: str = "") -> None:
        self.found, self.allowed, self.channel = found, allowed, channel

    @property
    def holds(self) -> bool:
        return self.found <= self.allowed  # NaN is not


def channels_of(tensor: Tensor) -> Tensor:
    """An output as one row a channel, in float64: `(C, everything else)`.

    Channels lie along dimension 1, as in `(N, C)`, `(N, C, L)` and `(N, C, H, W)`; a tensor of one
    dimension or none is one channel.
    """
    return _rows(tensor, 1)


def _rows(tensor: Tensor, dim: int) -> Tensor:
    values = tensor.detach()
    values = (torch.view_as_real(values) if values.is_complex() else values).double()
    if tensor.dim() < 2:
        return values.reshape(1, -1)
    return values.movedim(dim, 0).flatten(1)


def judge(
    found: Tensor,
    wanted: Tensor,
    dtype: torch.dtype,
    noise: Tensor | None,
    share: float = 1.0,
) -> Closeness:
    """Compare an output with the twin's.

    Floating point is compared channel by channel, along dimension 1 and, for `(N, L, C)`, along the
    last one as well, where transformers keep their channels. A channel that is zero in the twin has
    to be zero. Whole numbers and truth values come from comparisons of
    numbers, which rounding can turn round: what counts is the share of them that differs.

    Args:
        found: the pruned network's output, of the shape and type of `wanted`.
        wanted: the twin's.
        dtype: the precision both ran in.
        noise: the twin's output again, disturbed by rounding; None: not looked at yet.
        share: how many of a channel's numbers of floating point have to be close.
    """
    if not wanted.numel():
        return Closeness(0.0, 0.0)
    if not (wanted.is_floating_point() or wanted.is_complex()):
        allowed = FLIPS[dtype]
        if noise is not None:
            allowed = max(allowed, _NOISE_FACTOR * _share(noise, wanted))
        return Closeness(_share(found, wanted), allowed)
    names = {1: "channel", -1: "entry of the last axis"} if wanted.dim() == 3 else {1: "channel"}
    judged = [
        _worst(found, wanted, TOLERANCE[dtype], noise, dim, name, share)
        for dim, name in names.items()
    ]
    return max(judged, key=lambda one: math.inf if one.found != one.found else _excess(one))


def _excess(one: Closeness) -> float:
    return one.found / one.allowed if one.allowed else (math.inf if one.found else 0.0)


def _share(found: Tensor, wanted: Tensor) -> float:
    return float((found != wanted).double().mean())


def _worst(
    found: Tensor,
    wanted: Tensor,
    tolerance: float,
    noise: Tensor | None,
    dim: int,
    name: str,
    share: float,
) -> Closeness:
    theirs = _rows(wanted, dim)
    scale = _scale(theirs)
    apart = _apart(_rows(found, dim), theirs, share)
    allowed = tolerance * scale
    if noise is not None:
        rounding = _apart(_rows(noise, dim), theirs)
        # A channel of few numbers may be lucky: it is given what channels usually are.
        usual = (rounding / scale)[scale > 0].nan_to_num(0.0, 0.0, 0.0)
        typical = usual.median() if usual.numel() else rounding.new_zeros(())
        allowed = torch.maximum(allowed, _NOISE_FACTOR * torch.maximum(rounding, typical * scale))
    excess = torch.where(apart > 0, apart / allowed, 0.0).nan_to_num(math.inf)
    channel = int(excess.argmax())
    size = float(scale[channel]) or 1.0
    label = f"{name} {channel}" if wanted.dim() > 1 else ""
    return Closeness(float(apart[channel]) / size, float(allowed[channel]) / size, label)


def _scale(rows: Tensor) -> Tensor:
    """The largest finite value of each row: masked logits are infinite in both networks."""
    return torch.where(rows.isfinite(), rows.abs(), 0.0).amax(1)


def _apart(ours: Tensor, theirs: Tensor, share: float = 1.0) -> Tensor:
    """The largest difference in each row; infinite where only one of two numbers is finite.

    With a share below 1, the largest one among so many of a row's smallest differences.
    """
    same = (ours == theirs) | (ours.isnan() & theirs.isnan())
    differences = torch.where(same, 0.0, (ours - theirs).abs()).nan_to_num(math.inf)
    count = math.ceil(share * differences.shape[1])
    return differences.amax(1) if share == 1.0 else differences.kthvalue(max(1, count), 1).values


def difference(found: Tensor, wanted: Tensor) -> float:
    """Largest difference relative to the largest value; infinite where one is not finite."""
    ours, theirs = found.detach().double(), wanted.detach().double()
    if not theirs.numel():
        return 0.0
    worst = float(_apart(ours.reshape(1, -1), theirs.reshape(1, -1)))
    scale = float(_scale(theirs.reshape(1, -1)))
    if worst == 0.0:
        return 0.0
    return worst / scale if scale > 0 else math.inf


def structure(output: Any) -> str:
    """Containers, keys, shapes, types, whole numbers and words of an output, as one line."""
    if isinstance(output, Tensor):
        kind = str(output.dtype).removeprefix("torch.")
        return f"{'x'.join(map(str, output.shape))} {kind}"
    if isinstance(output, dict):
        return "{" + ", ".join(f"{key}: {structure(value)}" for key, value in output.items()) + "}"
    if isinstance(output, (list, tuple)):
        return "(" + ", ".join(map(structure, output)) + ")"
    if isinstance(output, (int, str)):  # a size, or a name: in a pruned network the same
        return repr(output)
    parts = tensors_in(output)
    return type(output).__name__ + (f"({', '.join(map(structure, parts))})" if parts else "")
