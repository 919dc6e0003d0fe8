"""Channel labels: integers with union-find; channels of one class stay or go together.

Every position along an axis that holds channels carries a label. Rules unite labels that an
operator ties together and freeze classes that must not be removed, with a reason in words.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["LabelVector", "Labels", "Reason"]

LabelVector = NDArray[np.int64]
"""One label per position of an axis, shape `(size,)`."""


@dataclass(frozen=True)
class Reason:
    """Why a channel may not be removed.

    Attributes:
        text: the cause in words.
        source: `file:line` of the user's code at which it happened, where known.
        module: module path in which it happened ("" is the network itself).
    """

    text: str
    source: str | None = None
    module: str = ""


class Labels:
    """A union-find forest over channel labels; each class may be frozen with a `Reason`."""

    def __init__(self) -> None:
        self._parent = np.arange(1024, dtype=np.int64)
        self._size = 0
        self._frozen: dict[int, Reason] = {}

    def __len__(self) -> int:
        return self._size

    def fresh(self, count: int) -> LabelVector:
        """`count` new labels, each a class of its own."""
        first, self._size = self._size, self._size + count
        if self._size > len(self._parent):
            grown = np.arange(max(self._size, 2 * len(self._parent)), dtype=np.int64)
            grown[: len(self._parent)] = self._parent
            self._parent = grown
        return np.arange(first, self._size, dtype=np.int64)

    def find(self, labels: LabelVector) -> LabelVector:
        """The representative of each label's class; any shape."""
        roots = self._parent[labels]
        while True:
            above = self._parent[roots]
            if np.array_equal(above, roots):
                break
            roots = above
        self._parent[labels] = roots  # path compression
        return roots

    def _root(self, label: int) -> int:
        parent = self._parent
        while parent[label] != label:
            parent[label] = parent[parent[label]]
            label = int(parent[label])
        return label

    def unite(self, first: LabelVector, second: LabelVector) -> None:
        """Tie `first[i]` to `second[i]` for every i (arrays of equal, or broadcastable, shape)."""
        ours, theirs = np.broadcast_arrays(self.find(first), self.find(second))
        different = ours != theirs
        for one, other in zip(ours[different].tolist(), theirs[different].tolist(), strict=True):
            a, b = self._root(one), self._root(other)
            if a == b:
                continue
            self._parent[b] = a
            if b in self._frozen:
                reason = self._frozen.pop(b)
                self._frozen.setdefault(a, reason)

    def freeze(self, labels: LabelVector, reason: Reason) -> None:
        """Forbid the removal of these labels' classes; the first reason for a class is kept."""
        for root in np.unique(self.find(labels)).tolist():
            self._frozen.setdefault(root, reason)

    def is_frozen(self, labels: LabelVector) -> NDArray[np.bool_]:
        """For each label, whether its class is frozen."""
        frozen = np.fromiter(self._frozen, dtype=np.int64, count=len(self._frozen))
        return np.isin(self.find(labels), frozen)

    def reason(self, label: int) -> Reason | None:
        """Why this label's class is frozen, or None if it is free."""
        return self._frozen.get(self._root(int(label)))
