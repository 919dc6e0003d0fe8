"""Compare two outputs channel by channel, each on its own scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from segprune.core.execution import tensors_in

__all__ = ["NOISE_FACTOR", "Closeness", "channels_of", "difference", "judge", "structure"]

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-11}
"""Largest difference of a channel, relative to its largest value, that needs no second look."""

FLIPS = {torch.float32: 1e-3, torch.float64: 0.0}
"""Largest share of whole numbers and truth values that rounding may change."""

NOISE_FACTOR = 64.0
"""How much more than the disturbances show is allowed; a wrong slice is off by far more."""

_BLIND = 0.1
"""Where rounding alone could explain a difference of this share of a channel, it hides faults."""


@dataclass(frozen=True)
class Closeness:
    """The largest difference of one output, over what is allowed in its channel.

    Attributes:
        found: the difference in the channel that is worst, relative to that channel's scale.
        allowed: what is allowed there.
        channel: its name for messages; empty where the output has no channels.
        blind: whether there are differences, and rounding makes so large ones that nothing is
            proved by them: a wrong slice could look the same.
    """

    found: float
    allowed: float
    channel: str = ""
    blind: bool = False

    @property
    def holds(self) -> bool:
        return self.found <= self.allowed  # NaN is not


def channels_of(tensor: Tensor) -> Tensor:
    """Return an output as one row a channel, in float64: `(C, everything else)`.

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
    noises: Sequence[Tensor] = (),
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
        noises: the twin's output again, each time rounded otherwise; empty: not looked at yet.
        share: how many of a channel's numbers of floating point have to be close.
    """
    if not wanted.numel():
        return Closeness(0.0, 0.0)
    if not (wanted.is_floating_point() or wanted.is_complex()):
        turned = _share(found, wanted)
        usual = FLIPS[dtype]
        noisy = [NOISE_FACTOR * _share(noise, wanted) for noise in noises]
        allowed = max(usual, *noisy) if noisy else usual
        return Closeness(turned, allowed, blind=turned > usual and allowed >= _BLIND)
    names = {1: "channel", -1: "entry of the last axis"} if wanted.dim() == 3 else {1: "channel"}
    judged = [
        _worst(found, wanted, TOLERANCE[dtype], noises, dim, name, share)
        for dim, name in names.items()
    ]
    return max(judged, key=_severity)


def _severity(one: Closeness) -> tuple[bool, bool, float]:
    excess = one.found / one.allowed if one.allowed else (math.inf if one.found else 0.0)
    return not one.holds and not one.blind, one.blind, excess


def _share(found: Tensor, wanted: Tensor) -> float:
    return float((found != wanted).double().mean())


def _worst(
    found: Tensor,
    wanted: Tensor,
    tolerance: float,
    noises: Sequence[Tensor],
    dim: int,
    name: str,
    share: float,
) -> Closeness:
    theirs = _rows(wanted, dim)
    scale = _scale(theirs)
    apart = _apart(_rows(found, dim), theirs, share)
    usual = allowed = tolerance * scale
    if noises:
        rounding = torch.stack([_apart(_rows(noise, dim), theirs) for noise in noises]).amax(0)
        # A channel of few numbers may round little by luck: it may do as channels usually do.
        shares = (rounding / scale)[scale > 0].nan_to_num(0.0, 0.0, 0.0)
        typical = shares.median() if shares.numel() else rounding.new_zeros(())
        allowed = torch.maximum(allowed, NOISE_FACTOR * torch.maximum(rounding, typical * scale))
    excess = torch.where(apart > 0, apart / allowed, 0.0).nan_to_num(math.inf)
    blind = (apart > usual) & (allowed >= _BLIND * scale) & apart.isfinite()
    if blind.any():  # a channel that rounding cannot explain comes first, then those it hides
        plain = (excess > 1) & ~blind
        excess = torch.where(plain if plain.any() else blind, excess, -1.0)
    channel = int(excess.argmax())
    size = float(scale[channel]) or 1.0
    label = f"{name} {channel}" if wanted.dim() > 1 else ""
    return Closeness(
        float(apart[channel]) / size,
        float(allowed[channel]) / size,
        label,
        blind=bool(blind[channel]),
    )


def _scale(rows: Tensor) -> Tensor:
    """Return the largest finite value of each row; masked logits are infinite in both networks."""
    return torch.where(rows.isfinite(), rows.abs(), 0.0).amax(1)


def _apart(ours: Tensor, theirs: Tensor, share: float = 1.0) -> Tensor:
    """Return the largest difference in each row; infinite where one number alone is finite.

    With a share below 1, the largest one among so many of a row's smallest differences.
    """
    same = (ours == theirs) | (ours.isnan() & theirs.isnan())
    differences = torch.where(same, 0.0, (ours - theirs).abs()).nan_to_num(math.inf, math.inf)
    count = math.ceil(share * differences.shape[1])
    return differences.amax(1) if share == 1.0 else differences.kthvalue(max(1, count), 1).values


def difference(found: Tensor, wanted: Tensor) -> float:
    """Return the largest difference over the largest value; infinite if one is not finite."""
    ours, theirs = found.detach().double(), wanted.detach().double()
    if not theirs.numel():
        return 0.0
    worst = float(_apart(ours.reshape(1, -1), theirs.reshape(1, -1)))
    scale = float(_scale(theirs.reshape(1, -1)))
    if worst == 0.0:
        return 0.0
    return worst / scale if scale > 0 else math.inf


def structure(output: Any) -> str:
    """Describe containers, keys, shapes, types, numbers and strings of an output in one line."""
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
