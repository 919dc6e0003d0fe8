"""Which stored counts follow which channels: first by where they are used, else by their value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from torch import nn

from segprune.core.axes import Site
from segprune.core.labels import LabelVector
from segprune.core.stored import counts_of
from segprune.core.tracing.ir import Node
from segprune.core.tracing.propagate import ONLY, Propagation
from segprune.core.tracing.provenance import Key, Origins
from segprune.core.tracing.trial_run import Mismatch

__all__ = ["Bindings", "Place", "labels_at"]

_GUESSES = 12


@dataclass(frozen=True)
class Place:
    """Where in the record the labels lie that a stored count counts.

    Attributes:
        site: the operator at which this was concluded.
        value: the tensor; None for an argument of the operator.
        axis: its axis.
        argument: the argument, where there is no tensor.
        times: how often the count holds the axis (`heads * head_width` holds `head_width` so).
    """

    site: Site
    value: int | None
    axis: int
    argument: str = ""
    times: int = 1


@dataclass
class Bindings:
    """The stored counts of one network that are rewritten along with the channels.

    Attributes:
        places: (module path, attribute) -> the labels that this stored count follows.
        ties: places that one stored count must describe both.
    """

    model: nn.Module
    places: dict[Key, Place] = field(default_factory=dict)
    ties: list[tuple[Place, Place]] = field(default_factory=list)
    _counts: dict[str, dict[str, int]] = field(default_factory=dict)
    _used: set[tuple[Site, str, Key, Place]] = field(default_factory=set)
    _guessed: dict[Site, list[list[Key]]] = field(default_factory=dict)
    _given_up: set[Key] = field(default_factory=set)
    _fresh: set[Key] = field(default_factory=set)

    def begin(self) -> None:
        """A new trial begins: what was bound after the last one has been tried."""
        self._fresh.clear()

    def changed(self, keys: Iterable[Key]) -> bool:
        """Whether one of these stored counts was bound, tied or dropped since the last trial."""
        return not self._fresh.isdisjoint(keys)

    def labels(self, state: Propagation) -> dict[Key, LabelVector]:
        """The labels that every stored count counts."""
        found = {key: labels_at(state, place) for key, place in self.places.items()}
        return {key: labels for key, labels in found.items() if labels is not None}

    def follow(self, site: Site, state: Propagation, node: Node, origins: Origins) -> bool:
        """Bind all stored counts behind the numbers of an operator; whether any was new."""
        changed = False
        done: set[Key] = set()
        for key, place in self._meanings(site, state, node, origins):
            mark = (site, state.chosen(site) or ONLY, key, place)
            if key in done or mark in self._used or key in self._given_up:
                continue
            labels, known = labels_at(state, place), self.places.get(key)
            if labels is None:
                continue
            done.add(key)
            if known is None and state.labels.is_frozen(labels).all():
                continue  # as it is
            self._used.add(mark)
            if known is None:
                self.places[key] = place
                self._fresh.add(key)
                changed = True
                continue
            before = labels_at(state, known)
            if before is None or len(before) != len(labels):
                continue
            if not np.array_equal(state.labels.find(before), state.labels.find(labels)):
                self.ties.append((known, place))
                self._fresh.add(key)
                changed = True
        return changed

    def _meanings(
        self, site: Site, state: Propagation, node: Node, origins: Origins
    ) -> Iterator[tuple[Key, Place]]:
        """What each stored count behind an operator may count, the most certain first."""
        for argument, elements in origins.elements.items():
            for position, keys in enumerate(elements):
                place = _place_of(site, state, node, argument, position)
                value = _numbers_of(node, argument)[position]
                if place is not None and len(keys) == 1 and value == self._value(*keys):
                    yield next(iter(keys)), place
        axes = [
            (Place(site, value.index, dim), len(axis.labels))
            for value in (*node.outputs, *node.tensors())
            for dim, axis in state.final_axes(site[0], value).items()
        ]
        for key in sorted(origins.every - _counting_no_channels(site, state, node, origins)):
            count = self._value(key)
            for place, size in axes:
                if size == count:
                    yield key, place
            for place, size in axes:
                if 1 < size < count and count % size == 0:
                    yield key, replace(place, times=count // size)

    def guess(
        self, mismatch: Mismatch, state: Propagation, places: Iterable[Place], known: bool
    ) -> bool:
        """Bind stored counts that equal the sizes in question, if some are left to try.

        All of them at first, since an operator may be given several; then one by one.

        Args:
            known: the stored counts behind this operator are known: there is nothing to guess.
        """
        site = mismatch.site
        first = site not in self._guessed
        guessed = self._guessed.setdefault(site, [])
        for key in guessed[-1] if guessed else ():
            if key in self.places and self.places[key].site == site:
                del self.places[key]  # did not help
        if known or len(guessed) >= _GUESSES:
            return False
        chosen: dict[Key, Place] = {}
        for key, place in self._equal(mismatch, state, places):
            mark = (site, state.chosen(site) or ONLY, key, place)
            if mark in self._used or key in self._given_up or key in chosen:
                continue
            if place in chosen.values():
                continue
            chosen[key] = place
            if not first:
                self._used.add(mark)
                break
        for key, place in chosen.items():
            if key in self.places:
                self.ties.append((self.places[key], place))
            else:
                self.places[key] = place
        guessed.append([*chosen])
        return bool(chosen)

    def _equal(
        self, mismatch: Mismatch, state: Propagation, places: Iterable[Place]
    ) -> Iterator[tuple[Key, Place]]:
        """Stored counts around an operator, and axes that may shrink, of equal size."""
        for place in places:
            labels = labels_at(state, place)
            if labels is None or state.labels.is_frozen(labels).all():
                continue
            for key, number in self._around(mismatch.module):
                if number == len(labels):
                    yield key, replace(place, site=mismatch.site)

    def withdraw(self, site: Site) -> None:
        """Forget what was concluded at an operator: its meaning is another one."""
        self.places = {key: place for key, place in self.places.items() if place.site != site}
        self.ties = [(a, b) for a, b in self.ties if site not in (a.site, b.site)]

    def misused(self, site: Site, state: Propagation, node: Node, origins: Origins) -> set[Key]:
        """Rewritten counts that stand for something else at this operator."""
        return _counting_no_channels(site, state, node, origins) & self.places.keys()

    def drop(self, key: Key) -> Place | None:
        """Rewrite a stored count no more; the place that it surely counted."""
        self._given_up.add(key)
        self._fresh.add(key)
        place = self.places.pop(key, None)
        guessed = any(key in keys for every in self._guessed.values() for keys in every)
        return None if guessed else place

    def of_module(self, path: str) -> list[Key]:
        """The rewritten counts of a module and of those around it."""
        return [key for key in self.places if path == key[0] or path.startswith(f"{key[0]}.")]

    def _around(self, path: str) -> Iterator[tuple[Key, int]]:
        """Stored counts of a module, then of those that hold it."""
        while True:
            for name, number in self._stored(path).items():
                yield (path, name), number
            if not path:
                return
            path = path.rpartition(".")[0]

    def _value(self, key: Key) -> int:
        return self._stored(key[0])[key[1]]

    def _stored(self, path: str) -> dict[str, int]:
        if path not in self._counts:
            self._counts[path] = counts_of(self.model.get_submodule(path))
        return self._counts[path]


def labels_at(state: Propagation, place: Place) -> LabelVector | None:
    """The labels that lie at a place, as often as it is counted."""
    if place.value is None:
        return state.expected.get(place.site, {}).get(place.argument)
    program = place.site[0]
    value = state.programs[program].values[place.value]
    axis = state.final_axes(program, value).get(place.axis)
    return np.tile(axis.labels, place.times) if axis is not None else None


def _numbers_of(node: Node, argument: str) -> list[int]:
    given = node.arguments[argument]
    return [*given] if isinstance(given, (list, tuple)) else [given]


def _counting_no_channels(site: Site, state: Propagation, node: Node, origins: Origins) -> set[Key]:
    """Stored counts behind a size along which no channels lie."""
    return {
        key
        for argument, elements in origins.elements.items()
        for position, keys in enumerate(elements)
        if keys and _place_of(site, state, node, argument, position) is None
        for key in keys
    }


def _place_of(
    site: Site, state: Propagation, node: Node, argument: str, position: int
) -> Place | None:
    """The axis, if it has labels, whose size is that number among an operator's arguments."""
    if state.expected.get(site, {}).get(argument) is not None:
        return Place(site, None, 0, argument)
    source, output = next(node.tensors(), None), node.outputs[0]
    rank = len(source.shape) if source is not None else 1
    dim = int(node.arguments.get("dim", 0) or 0) % max(rank, 1)
    if argument in ("split_size", "split_sizes"):
        value, axis = node.outputs[position], dim
    elif argument == "indices" and position == 0:  # the first part ends there
        value, axis = output, dim
    elif argument == "sizes":  # unflatten
        value, axis = output, dim + position
    elif argument in ("size", "shape"):
        value, axis = output, position
    elif argument == "normalized_shape" and source is not None:
        value, axis = source, rank - len(node.arguments[argument]) + position
    else:
        return None
    labelled = axis in state.final_axes(site[0], value)
    return Place(site, value.index, axis) if labelled else None
