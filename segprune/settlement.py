"""Conclusions from trials: what must be read otherwise, rewritten, tied or frozen."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import nn

from segprune.axes import Site, Veto
from segprune.labels import LabelVector, Reason
from segprune.network import counts_of
from segprune.probing import Mismatch
from segprune.programs import Node, Program, Value
from segprune.propagation import Propagation

__all__ = ["Settlement"]

_POWERS = (1.0, -1.0, 0.5, -0.5, 2.0, -2.0)
_UPSTREAM = 4
_SINGLE_SUSPECTS = 8


@dataclass(frozen=True)
class Place:
    """Where in the record the labels lie that an attribute counts."""

    site: Site
    value: int | None
    axis: int
    argument: str = ""


@dataclass
class Settlement:
    """What the trials of one network have shown so far.

    Attributes:
        readings: how many meanings of an operator have been refuted.
        options: the meanings that its rule offers.
        vetoes: axes that must keep all channels.
        bindings: (module path, attribute) -> the labels that this stored count follows.
        ties: places that one stored count must describe both.
    """

    model: nn.Module
    readings: dict[Site, int] = field(default_factory=dict)
    options: dict[Site, tuple[str, ...]] = field(default_factory=dict)
    vetoes: list[Veto] = field(default_factory=list)
    bindings: dict[tuple[str, str], Place] = field(default_factory=dict)
    ties: list[tuple[Place, Place]] = field(default_factory=list)
    _followed: set[tuple[Site, Place, Place]] = field(default_factory=set)
    _accused: dict[Site, list[Place]] = field(default_factory=dict)
    _tried: set[tuple[Site, int, str, str, Place]] = field(default_factory=set)

    def bound(self, state: Propagation) -> dict[tuple[str, str], LabelVector]:
        """The labels behind every stored count that is rewritten; ties are carried out."""
        for first, second in self.ties:
            one, other = _labels_at(state, first), _labels_at(state, second)
            if one is not None and other is not None and len(one) == len(other):
                state.labels.unite(one, other)
        found = {key: _labels_at(state, place) for key, place in self.bindings.items()}
        return {key: labels for key, labels in found.items() if labels is not None}

    def learn(self, mismatch: Mismatch, state: Propagation, keep: NDArray[np.bool_]) -> None:
        """Draw one conclusion.

        A stored count that equals the number in question is rewritten along with the channels.
        Failing that, an operator with wrong shapes has a next meaning, the last being "its inputs
        are frozen". A number computed from a pruned size, or another path through the user's code,
        was caused further up: the nearest axis that changes size, and fits the number, is frozen.
        """
        site = mismatch.site
        program = state.programs[site[0]]
        node = program.nodes[site[1]]
        own = mismatch.kind != "path" and not state.exhausted(site)
        if own and mismatch.numbers and not state.options.get(site) and not _takes_sizes(node):
            own = False
        upstream = [] if own else list(_changing(state, site[0], program, node, keep))
        places = (
            _places(state, site, node) if own else (place for place, _, _ in upstream[:_UPSTREAM])
        )
        if mismatch.asked and self._follow(mismatch, state, program, node, keep):
            return
        if (mismatch.numbers is None or own) and self._rewrite(mismatch, state, places):
            return
        if own:
            self.readings[site] = self.readings.get(site, 0) + 1
            return
        fitting = [c for c in upstream if mismatch.numbers and _fits(mismatch.numbers, c[1], c[2])]
        suspects = self._suspects(site, state, [place for place, _, _ in (*fitting, *upstream)])
        accused = self._accused.setdefault(site, [])
        frozen = list(accused) if len(accused) == _SINGLE_SUSPECTS or not suspects else []
        accused += suspects[:1]
        reason = _reason(mismatch, node)
        for place in (*frozen, *suspects[:1]):
            self.vetoes.append(Veto(site[0], place.value or 0, place.axis, reason))
        if not suspects:
            self.readings[site] = self.readings.get(site, 0) + 1

    def _suspects(self, site: Site, state: Propagation, places: list[Place]) -> list[Place]:
        """Axes not yet tried for a difference that came back; the last one tried was innocent.

        One axis at a time is frozen and released again. After a number of these it seems to take
        several at once: then all of them are frozen, and nothing is released any more.
        """
        accused = self._accused.get(site, [])
        if 0 < len(accused) < _SINGLE_SUSPECTS:
            last = accused[-1]
            self.vetoes = [
                veto
                for veto in self.vetoes
                if (veto.program, veto.value, veto.axis) != (site[0], last.value, last.axis)
            ]
        known = {
            state.labels.find(labels).tobytes()
            for labels in (_labels_at(state, place) for place in accused)
            if labels is not None
        }
        fresh = []
        for place in places:
            labels = _labels_at(state, place)
            if labels is not None and state.labels.find(labels).tobytes() not in known:
                fresh.append(place)
        return fresh

    def _follow(
        self,
        mismatch: Mismatch,
        state: Propagation,
        program: Program,
        node: Node,
        keep: NDArray[np.bool_],
    ) -> bool:
        """A view that was given the size of another tensor's axis: tie the two axes."""
        output = node.outputs[0]
        axes = state.final_axes(mismatch.site[0], output)
        if len(mismatch.asked) != len(output.shape):
            return False
        for dim, asked in enumerate(mismatch.asked):
            if dim not in axes or asked in (
                -1,
                output.shape[dim],
                int(keep[axes[dim].labels].sum()),
            ):
                continue
            here = Place(mismatch.site, output.index, dim)
            for place, dense, now in _changing(state, mismatch.site[0], program, node, keep):
                labels = _labels_at(state, place)
                key = (mismatch.site, here, place)
                if (dense, now) != (output.shape[dim], asked) or key in self._followed:
                    continue
                if labels is None or np.array_equal(
                    state.labels.find(labels), state.labels.find(axes[dim].labels)
                ):
                    continue
                self._followed.add(key)
                self.ties.append((place, here))
                return True
        return False

    def _rewrite(self, mismatch: Mismatch, state: Propagation, places: Iterator[Place]) -> bool:
        """Let a stored count follow the labels it may be meant to count, if one is left to try."""
        for key, place in list(self.bindings.items()):
            if place.site == mismatch.site and key[0] == mismatch.module:
                del self.bindings[key]  # did not help
        module = self.model.get_submodule(mismatch.module)
        counts = counts_of(module)
        reading = self.readings.get(mismatch.site, 0)
        for place in places:
            labels = _labels_at(state, place)
            if labels is None or state.labels.is_frozen(labels).all():
                continue
            for name, number in counts.items():
                key = (mismatch.module, name)
                attempt = (mismatch.site, reading, *key, place)
                if number != len(labels) or attempt in self._tried:
                    continue
                self._tried.add(attempt)
                here = Place(mismatch.site, place.value, place.axis, place.argument)
                if key in self.bindings:
                    self.ties.append((self.bindings[key], here))
                else:
                    self.bindings[key] = here
                return True
        return False


def _labels_at(state: Propagation, place: Place) -> LabelVector | None:
    if place.value is None:
        return state.expected.get(place.site, {}).get(place.argument)
    program = place.site[0]
    value = state.programs[program].values[place.value]
    axis = state.final_axes(program, value).get(place.axis)
    return axis.labels if axis is not None else None


def _places(state: Propagation, site: Site, node: Node) -> Iterator[Place]:
    """Axes whose size an operator may have been told: arguments, results, then inputs."""
    for argument, labels in state.expected.get(site, {}).items():
        if labels is not None:
            yield Place(site, None, 0, argument)
    for value in (*node.outputs, *node.tensors()):
        for dim in state.final_axes(site[0], value):
            yield Place(site, value.index, dim)


def _takes_sizes(node: Node) -> bool:
    """Whether numbers among the arguments are sizes of the result rather than values."""
    return any(key in node.arguments for key in ("groups", "num_groups", "start", "size", "pad"))


def _reason(mismatch: Mismatch, node: Node) -> Reason:
    if mismatch.numbers:
        text = f"a number computed from this size is used by {node.name}: {mismatch.text}"
    else:
        text = f"forward takes another path once it shrinks: {mismatch.text}"
    return Reason(text, str(node.source) if node.source else None, node.module)


def _changing(
    state: Propagation, number: int, program: Program, node: Node, keep: NDArray[np.bool_]
) -> Iterator[tuple[Place, int, int]]:
    """Axes that change size, nearest upstream first, then any earlier: place, old and new size."""
    before = program.nodes[: node.index]
    made_by = {value.index: other for other in before for value in other.outputs}
    ordered: dict[int, Value] = {}
    queue = list(node.tensors())
    while queue:
        value = queue.pop(0)
        if value.index not in ordered:
            ordered[value.index] = value
            maker = made_by.get(value.index)
            queue.extend(maker.tensors() if maker is not None else ())
    for other in reversed(before):
        for value in other.outputs:
            ordered.setdefault(value.index, value)
    for value in ordered.values():
        for dim, axis in sorted(state.final_axes(number, value).items(), reverse=True):
            dense, now = len(axis.labels), int(keep[axis.labels].sum())
            if now != dense and not state.labels.is_frozen(axis.labels).all():
                yield Place((number, node.index), value.index, dim), dense, now


def _fits(numbers: tuple[float, float], dense: int, now: int) -> bool:
    """Whether a number could have been computed from this size."""
    before, after = numbers
    if before and after and before * after > 0:
        ratio = after / before
        if any(math.isclose(ratio, (now / dense) ** power, rel_tol=1e-6) for power in _POWERS):
            return True
    if after - before == now - dense:
        return True
    return before > 0 and before.is_integer() and after == now // max(1, round(dense / before))
