"""Conclusions from trials: what must be read otherwise, rewritten, tied or frozen.

Every conclusion is drawn once, so that trials come to an end: a reading is refuted for good, a
stored count is tried once on each axis, and what is left in the end is frozen.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import nn

from segprune.core.axes import Site, Veto
from segprune.core.labels import LabelVector, Reason
from segprune.core.tracing.bindings import Bindings, Place, labels_at
from segprune.core.tracing.candidates import changing, fits
from segprune.core.tracing.ir import Node, Program
from segprune.core.tracing.propagate import ONLY, Propagation
from segprune.core.tracing.provenance import Key, Origins
from segprune.core.tracing.trial_run import Mismatch

__all__ = ["Settlement"]

_UPSTREAM = 4
_SINGLE_SUSPECTS = 8


@dataclass
class Settlement:
    """What the trials of one network have shown so far.

    Attributes:
        origins: program -> node -> the stored counts behind the numbers of an operator.
        refuted: meanings of an operator that trials have shown to be wrong.
        preferred: the meaning of an operator to be tried first.
        weighed: meanings that were once preferred, for a try.
        options: the meanings that its rule offers.
        vetoes: axes that must keep all channels.
        ties: axes one of which was given the size of the other.
        bindings: the stored counts that follow channels.
    """

    model: nn.Module
    origins: Callable[[int], Mapping[int, Origins]]
    refuted: dict[Site, frozenset[str]] = field(default_factory=dict)
    preferred: dict[Site, str] = field(default_factory=dict)
    weighed: set[tuple[Site, str]] = field(default_factory=set)
    options: dict[Site, tuple[str, ...]] = field(default_factory=dict)
    vetoes: list[Veto] = field(default_factory=list)
    ties: list[tuple[Place, Place]] = field(default_factory=list)
    _followed: set[tuple[Site, Place, Place]] = field(default_factory=set)
    _accused: dict[Site, list[Place]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.bindings = Bindings(self.model)

    def copy(self) -> Settlement:
        """The same conclusions, to go on from later."""
        shared = {id(kept): kept for kept in (self.model, self.origins)}
        return copy.deepcopy(self, shared)

    def bound(self, state: Propagation) -> dict[Key, LabelVector]:
        """The labels behind every stored count that is rewritten; ties are carried out."""
        for first, second in (*self.ties, *self.bindings.ties):
            one, other = labels_at(state, first), labels_at(state, second)
            if one is None or other is None:
                continue
            if len(one) < len(other):
                one, other = other, one
            if len(one) % len(other) == 0:
                state.labels.unite(one, np.tile(other, len(one) // len(other)))
        return self.bindings.labels(state)

    def conclude(
        self, mismatches: Sequence[Mismatch], state: Propagation, keep: NDArray[np.bool_]
    ) -> None:
        """Draw a conclusion at every operator where one trial has shown a difference."""
        self.bindings.begin()
        first = {mismatch.site: mismatch for mismatch in reversed(mismatches)}
        for mismatch in reversed(first.values()):
            self._learn(mismatch, state, keep)

    def _learn(self, mismatch: Mismatch, state: Propagation, keep: NDArray[np.bool_]) -> None:
        """Draw one conclusion.

        Stored counts behind the numbers in question are rewritten along with the channels. Failing
        that, an operator with wrong shapes has a next meaning, the last being "its inputs are
        frozen". A number computed from a pruned size, or another path through the user's code, was
        caused further up: the nearest axis that changes size, and fits the number, is frozen.
        """
        site = mismatch.site
        program = state.programs[site[0]]
        node = program.nodes[site[1]]
        origins = self.origins(site[0]).get(site[1], Origins())
        if self.bindings.changed(origins.every):
            return  # the next trial shows what that has changed here
        own = mismatch.kind != "path" and not state.exhausted(site)
        if own and mismatch.numbers and not state.options.get(site) and not _takes_sizes(node):
            own = False
        upstream = [] if own else list(changing(state, site[0], program, node, keep))
        if mismatch.asked and self._follow(mismatch, state, program, node, keep):
            return
        if own:
            if self.bindings.follow(site, state, node, origins):
                return
            if self._release(self.bindings.misused(site, state, node, origins), state, node):
                return
            if self.bindings.guess(
                mismatch, state, _places(state, site, node), bool(origins.every)
            ):
                return
            self.bindings.withdraw(site)
            self._refute(site, state)
            return
        if mismatch.numbers is None:
            nearest = (place for place, _, _ in upstream[:_UPSTREAM])
            if self.bindings.guess(mismatch, state, nearest, False):
                return
        if mismatch.kind != "path" and self._release(origins.every, state, node):
            return
        self._accuse(mismatch, state, upstream, _reason(mismatch, node))

    def _refute(self, site: Site, state: Propagation) -> None:
        reading = state.chosen(site) or ONLY
        self.refuted[site] = self.refuted.get(site, frozenset()) | {reading}

    def freeze_rest(
        self, mismatches: Sequence[Mismatch], state: Propagation, keep: NDArray[np.bool_]
    ) -> None:
        """Freeze all that changes size before operators whose differences come back and back."""
        for mismatch in mismatches:
            program = state.programs[mismatch.site[0]]
            node = program.nodes[mismatch.site[1]]
            text = f"trials came to no end here: {mismatch.text}"
            reason = Reason(text, str(node.source) if node.source else None, node.module)
            for place, _, _ in changing(state, mismatch.site[0], program, node, keep):
                self._veto(place, reason)
            for key in self.bindings.of_module(mismatch.module):
                self.bindings.drop(key)

    def _veto(self, place: Place, reason: Reason) -> None:
        self.vetoes.append(Veto(place.site[0], place.value or 0, place.axis, reason))

    def _release(self, keys: Iterable[Key], state: Propagation, node: Node) -> bool:
        """Stored counts that were rewritten mean something else here: what they count must stay."""
        counted = self.bindings.labels(state)
        rewritten = [
            key for key in keys if key in counted and not state.labels.is_frozen(counted[key]).all()
        ]
        for key in sorted(rewritten):
            place = self.bindings.drop(key)
            if place is not None and place.value is not None:
                name = ".".join(part for part in key if part)
                text = f"{name} counts these channels, and is a number of {node.name} as well"
                source = str(node.source) if node.source else None
                self._veto(place, Reason(text, source, node.module))
        return bool(rewritten)

    def _accuse(
        self,
        mismatch: Mismatch,
        state: Propagation,
        upstream: list[tuple[Place, int, int]],
        reason: Reason,
    ) -> None:
        """Freeze the nearest axis upstream that may have caused a difference.

        One axis at a time is frozen and released again. After a number of these it seems to take
        several at once: then all of them are frozen, and nothing is released any more.
        """
        site = mismatch.site
        accused = self._accused.setdefault(site, [])
        fitting = [c for c in upstream if mismatch.numbers and fits(mismatch.numbers, c[1], c[2])]
        suspects = self._suspects(site, state, [place for place, _, _ in (*fitting, *upstream)])
        together = list(accused) if len(accused) == _SINGLE_SUSPECTS or not suspects else []
        if len(accused) > _SINGLE_SUSPECTS:
            together = suspects
        accused += together if len(accused) > _SINGLE_SUSPECTS else suspects[:1]
        for place in (*together, *suspects[:1]):
            self._veto(place, reason)
        if not suspects:
            self._refute(site, state)
            for key in self.bindings.of_module(mismatch.module):
                self.bindings.drop(key)

    def _suspects(self, site: Site, state: Propagation, places: list[Place]) -> list[Place]:
        """Axes not yet tried for a difference that came back; the last one tried was innocent."""
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
            for labels in (labels_at(state, place) for place in accused)
            if labels is not None
        }
        fresh = []
        for place in places:
            labels = labels_at(state, place)
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
        """A view that was given the size of another tensor's axis, or a part: tie the two axes."""
        output = node.outputs[0]
        axes = state.final_axes(mismatch.site[0], output)
        if len(mismatch.asked) != len(output.shape):
            return False
        for dim, asked in enumerate(mismatch.asked):
            size = output.shape[dim]
            if dim not in axes or asked in (-1, size, int(keep[axes[dim].labels].sum())):
                continue
            here = Place(mismatch.site, output.index, dim)
            own = state.labels.find(axes[dim].labels)
            upstream = changing(state, mismatch.site[0], program, node, keep)
            fitting = [
                (dense // size, place)
                for place, dense, now in upstream
                if dense % size == 0 and now // (dense // size) == asked
            ]
            for parts, place in sorted(fitting, key=lambda pair: pair[0] > 1):
                labels, key = labels_at(state, place), (mismatch.site, here, place)
                if key in self._followed or labels is None:
                    continue
                if not np.array_equal(state.labels.find(labels), np.tile(own, parts)):
                    self._followed.add(key)
                    self.ties.append((place, here))
                    return True
        return False


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
