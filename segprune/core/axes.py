"""Axes that carry labels, and the facts rules note about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from segprune.core.labels import LabelVector, Reason

__all__ = ["Axes", "Axis", "Count", "LayerRecord", "Site", "Term", "Veto"]

Site = tuple[int, int]
"""(program, node): one operator call."""

Count = Callable[[LabelVector], int]
"""How many positions of an axis are kept."""


@dataclass(frozen=True)
class Axis:
    """Labels along one axis of a tensor.

    Attributes:
        labels: one label per position.
        zero: whether positions that were dropped hold exactly 0 in the masked twin. Sums and
            contractions over an axis are exact only where that holds.
    """

    labels: LabelVector
    zero: bool


Axes = dict[int, Axis]


@dataclass(frozen=True)
class Veto:
    """Freeze the labels of one axis of one recorded tensor, found necessary by probing."""

    program: int
    value: int
    axis: int
    reason: Reason


@dataclass(frozen=True)
class Term:
    """A part of a cost: `coefficient` times the number of kept positions of each axis.

    Attributes:
        owner: path of the module that it counts for.
    """

    owner: str
    coefficient: int
    axes: tuple[LabelVector, ...]


@dataclass(frozen=True)
class LayerRecord:
    """A convolution or linear layer met on the way, by the name of its weight.

    Attributes:
        weight: state-dict name of its weight.
        module: path of the module that ran it.
        rows: labels of its output channels, `(out_channels,)`.
        row_dim: the dimension of the weight along which they lie.
    """

    weight: str
    module: str
    rows: LabelVector
    row_dim: int
