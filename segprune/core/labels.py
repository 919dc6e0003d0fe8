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
        self._is_frozen = np.zeros(1024, dtype=np.bool_)  # the keys of `_frozen`
        self._place = np.zeros(1024, dtype=np.int64)  # scratch, zero between calls

    def __len__(self) -> int:
        return self._size

    def fresh(self, count: int) -> LabelVector:
        """`count` new labels, each a class of its own."""
        first, self._size = self._size, self._size + count
        if self._size > len(self._parent):
            grown = np.arange(max(self._size, 2 * len(self._parent)), dtype=np.int64)
            more = len(grown) - len(self._parent)
            grown[: len(self._parent)] = self._parent
            self._parent = grown
            self._is_frozen = np.pad(self._is_frozen, (0, more))
            self._place = np.pad(self._place, (0, more))
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
        ours, theirs = ours[different], theirs[different]
        if not self._are_apart(ours, theirs):
            for one, other in zip(ours.tolist(), theirs.tolist(), strict=True):
                a, b = self._root(one), self._root(other)
                if a != b:
                    self._parent[b] = a
                    self._hand_over(b, a)
            return
        self._parent[theirs] = ours
        for place in np.flatnonzero(self._is_frozen[theirs]).tolist():
            self._hand_over(int(theirs[place]), int(ours[place]))

    def _are_apart(self, ours: LabelVector, theirs: LabelVector) -> bool:
        """Whether no pair changes what another one finds: all can be united at once."""
        places = np.arange(1, len(theirs) + 1)
        self._place[theirs] = places
        apart = np.array_equal(self._place[theirs], places) and not self._place[ours].any()
        self._place[theirs] = 0
        return apart

    def _hand_over(self, root: int, new: int) -> None:
        """Let the class that took over another one be frozen, if that one was."""
        reason = self._frozen.pop(root, None)
        if reason is not None:
            self._is_frozen[root] = False
            self._is_frozen[new] = True
            self._frozen.setdefault(new, reason)

    def freeze(self, labels: LabelVector, reason: Reason) -> None:
        """Forbid the removal of these labels' classes; the first reason for a class is kept."""
        roots = self.find(labels)
        roots = roots[~self._is_frozen[roots]]
        self._is_frozen[roots] = True
        self._frozen.update(dict.fromkeys(roots.tolist(), reason))

    def is_frozen(self, labels: LabelVector) -> NDArray[np.bool_]:
        """For each label, whether its class is frozen."""
        return self._is_frozen[self.find(labels)]

    def reason(self, label: int) -> Reason | None:
        """Why this label's class is frozen, or None if it is free."""
        return self._frozen.get(self._root(int(label)))
