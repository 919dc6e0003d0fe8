"""Labels on their way through recorded programs: what the rules read, unite and freeze."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from segprune.core.axes import Axes, Axis, Count, LayerRecord, Site, Term, Veto
from segprune.core.labels import Labels, LabelVector, Reason
from segprune.core.rules.operators import CREATIONS, RULES, Rule
from segprune.core.tracing.ir import Node, Program, Value

__all__ = ["ONLY", "OUTPUT", "Propagation", "kept_count", "propagate"]

OUTPUT = Reason("network output")
ONLY = "as its rule says"
_FIXED = "{} is given a fixed number of channels (a literal or a stored count)"


@dataclass
class Propagation:
    """Labels of all tensors of all programs of a network, and what the rules said about them."""

    programs: Sequence[Program]
    refuted: Mapping[Site, frozenset[str]]
    sealed: Mapping[str, str] = field(default_factory=dict)
    preferred: Mapping[Site, str] = field(default_factory=dict)
    labels: Labels = field(default_factory=Labels)
    slots: dict[str, dict[int, LabelVector]] = field(default_factory=dict)
    predicted: dict[Site, tuple[Axes, ...]] = field(default_factory=dict)
    options: dict[Site, tuple[str, ...]] = field(default_factory=dict)
    expected: dict[Site, dict[str, LabelVector | None]] = field(default_factory=dict)
    layers: dict[str, LayerRecord] = field(default_factory=dict)
    mac_terms: list[Term] = field(default_factory=list)
    scales: set[str] = field(default_factory=set)
    parts: list[LabelVector] = field(default_factory=list)
    attributes: dict[tuple[str, str], tuple[LabelVector, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._program = 0
        self._axes: list[dict[int, Axes]] = [{} for _ in self.programs]
        self._by_storage: dict[int, list[Value]] = {}

    # -- reading and writing labels ------------------------------------------------------------

    def axes(self, value: Value) -> Axes:
        """Labelled axes of a tensor; a parameter or buffer has slots along all of its axes."""
        known = self._axes[self._program].get(value.index)
        if known is not None:
            return known
        if value.state is None:
            return {}
        if value.state not in self.slots:
            self.slots[value.state] = {
                dim: self.labels.fresh(size) for dim, size in enumerate(value.shape)
            }
            if value.state in self.sealed:
                for labels in self.slots[value.state].values():
                    self.labels.freeze(labels, Reason(self.sealed[value.state]))
        return {dim: Axis(labels, True) for dim, labels in self.slots[value.state].items()}

    def final_axes(self, program: int, value: Value) -> Axes:
        """Labelled axes of a tensor after all programs were walked through."""
        self._program = program
        return self.axes(value)

    def set(self, value: Value, axes: Axes) -> None:
        """Label a result; axes of other sizes than the tensor's would be a bug in a rule."""
        for dim, axis in axes.items():
            if len(axis.labels) != value.shape[dim]:
                raise AssertionError(
                    f"rule gave {len(axis.labels)} labels to axis {dim} of {value}"
                )
        self._axes[self._program][value.index] = axes
        self._by_storage.setdefault(value.storage, []).append(value)

    def write(self, value: Value, axes: Axes) -> None:
        """Like `set`, for in-place operators: other views of the memory lose the zeros it loses."""
        self.set(value, axes)
        spoiled = {dim for dim, axis in axes.items() if not axis.zero}
        if not spoiled:
            return
        for other in self._by_storage.get(value.storage, []):
            if other is not value:
                known = self._axes[self._program][other.index]
                self._axes[self._program][other.index] = {
                    dim: Axis(axis.labels, False) for dim, axis in known.items()
                }

    # -- what rules say ------------------------------------------------------------------------

    def reason(self, node: Node, text: str) -> Reason:
        return Reason(text, str(node.source) if node.source else None, node.module)

    def freeze(self, node: Node, axes: Iterable[Axis], text: str) -> None:
        reason = self.reason(node, text)
        for axis in axes:
            self.labels.freeze(axis.labels, reason)

    def freeze_tensors(self, node: Node, values: Iterable[Value], text: str) -> None:
        for value in values:
            self.freeze(node, self.axes(value).values(), text)

    def unlabelled(self, node: Node, axis: Axis | None, text: str) -> None:
        """An axis meets one that carries no channels: it may not lose any."""
        if axis is not None:
            self.freeze(node, [axis], text)

    def tie(self, node: Node, first: Axis | None, second: Axis | None, what: str) -> None:
        """Positions of two axes correspond one to one."""
        if first is not None and second is not None:
            self.labels.unite(first.labels, second.labels)
        else:
            self.unlabelled(node, first or second, f"{what} an axis that has no channels to remove")

    def contract(self, node: Node, first: Axis | None, second: Axis | None, what: str) -> None:
        """Two axes are multiplied and summed; exact if either is zero where it was dropped."""
        self.tie(node, first, second, what)
        if first and second and not (first.zero or second.zero):
            text = f"{node.name} sums over channels that are not zero once masked"
            self.freeze(node, [first, second], text)

    def reading(self, node: Node, options: tuple[str, ...]) -> str:
        """Which of several possible meanings of an operator holds; probing settles it."""
        site = (self._program, node.index)
        wish = self.preferred.get(site)
        if wish in options:
            options = (wish, *(option for option in options if option != wish))
        self.options[site] = options
        return self.chosen(site) or options[-1]

    def chosen(self, site: Site) -> str | None:
        """The first reading of an operator that probing has not refuted."""
        refuted = self.refuted.get(site, frozenset())
        return next((o for o in self.options.get(site, (ONLY,)) if o not in refuted), None)

    def exhausted(self, site: Site) -> bool:
        """Whether probing has refuted every reading of an operator; then it freezes its inputs."""
        return self.chosen(site) is None

    def expect(self, node: Node, argument: str, labels: LabelVector | None) -> None:
        """An argument counts the kept of these labels; None: the output's shape implies it."""
        self.expected.setdefault((self._program, node.index), {})[argument] = labels

    def layer(self, node: Node, weight: Value, rows: Axis, row_dim: int) -> None:
        """Remember a layer whose output channels `rows` may go."""
        name = weight.state or f"{node.module}.weight"
        self.layers.setdefault(name, LayerRecord(name, node.module, rows.labels, row_dim))

    def computed(self, node: Node, weight: Value, rows: Axis | None, row_dim: int) -> Axis | None:
        """The rows of a weight; one that forward computes has none to remove."""
        if weight.state is not None or rows is not None:
            return rows
        frozen = Axis(self.labels.fresh(weight.shape[row_dim]), False)
        owner = node.module or "the network"
        text = f"the weight of {owner} is computed (a parametrization, or a dynamic layer)"
        self.freeze(node, [frozen], text)
        return frozen

    def scale(self, weight: Value) -> None:
        """Remember a normalisation's factor per channel."""
        if weight.state is not None:
            self.scales.add(weight.state)

    def part(self, labels: LabelVector) -> None:
        """An axis that must keep at least one channel, such as a part of a split."""
        self.parts.append(labels)

    def attribute(self, node: Node, name: str, axis: Axis, divisor: int = 1) -> None:
        """A module attribute that counts the channels (or groups of `divisor`) of an axis."""
        self.attributes[(node.module, name)] = (axis.labels, divisor)

    def work(self, node: Node, sizes: Sequence[int | Axis]) -> None:
        """Multiply-adds of an operator: the product of sizes and labelled axes."""
        if self._program != 0:
            return  # only evaluation-mode `forward` counts in costs
        fixed = math.prod(size for size in sizes if isinstance(size, int))
        axes = tuple(size.labels for size in sizes if isinstance(size, Axis))
        self.mac_terms.append(Term(node.module, fixed, axes))

    # -- broadcasting --------------------------------------------------------------------------

    def broadcast(
        self,
        node: Node,
        operands: Sequence[Value],
        shape: Sequence[int],
        zero: Callable[[Sequence[bool | None]], bool],
    ) -> Axes:
        """Unite the labels of element-wise operands.

        An operand of size 1 that is stretched over C channels is never united with them. `zero`
        is told per operand whether its dropped positions are zero (None: it has none here).
        """
        result: Axes = {}
        for dim, size in enumerate(shape):
            flags: list[bool | None] = []
            labelled: list[Axis] = []
            bare = False
            for operand in operands:
                own = dim - (len(shape) - len(operand.shape))
                axis = self.axes(operand).get(own) if own >= 0 else None
                stretched = own < 0 or (operand.shape[own] == 1 and size != 1)
                if stretched or axis is None:
                    flags.append(None)
                    bare = bare or not stretched
                else:
                    flags.append(axis.zero)
                    labelled.append(axis)
            if not labelled:
                continue
            if bare and size > 1:
                text = f"{node.name} combines them with values that have no channels to remove"
                self.freeze(node, labelled, text)
            for axis in labelled[1:]:
                self.labels.unite(labelled[0].labels, axis.labels)
            result[dim] = Axis(labelled[0].labels, zero(flags))
        return result

    # -- walking -------------------------------------------------------------------------------

    def walk(self, program: int) -> None:
        """Carry labels through all operators of one program and freeze its outputs."""
        self._program = program
        self._by_storage = {}
        for node in self.programs[program].nodes:
            site = (program, node.index)
            function = RULES.get(node.name)
            if function is None:
                self.freeze_tensors(node, node.tensors(), f"operator {node.name} has no rule")
            elif node.name in CREATIONS and self.exhausted(site):
                pass  # unlabelled, hence fixed
            else:
                if self.exhausted(site):
                    self.freeze_tensors(node, node.tensors(), _FIXED.format(node.name))
                self._apply(function, node)
            self.predicted[site] = tuple(dict(self.axes(value)) for value in node.outputs)
        for value in self.programs[program].outputs:
            for axis in self.axes(value).values():
                self.labels.freeze(axis.labels, OUTPUT)

    def _apply(self, function: Rule, node: Node) -> None:
        """A form of an operator that its rule does not foresee freezes what it touches."""
        try:
            function(self, node)
        except Exception as error:
            text = f"{node.name} is used in a form its rule does not know ({error})"
            self.freeze_tensors(node, node.tensors(), text)


def propagate(
    programs: Sequence[Program],
    sealed: Mapping[str, str],
    refuted: Mapping[Site, frozenset[str]] | None = None,
    options: Mapping[Site, tuple[str, ...]] | None = None,
    preferred: Mapping[Site, str] | None = None,
    vetoes: Sequence[Veto] = (),
) -> Propagation:
    """Label every tensor of every program; parameters shared by programs share their labels.

    Args:
        sealed: tensors that must keep their shape -> why, in words.
        refuted: readings of operators that trials have shown to be wrong.
        options: the readings that rules have offered before.
        preferred: the reading to try first, where a rule offers it.
        vetoes: axes that must keep all channels.
    """
    state = Propagation(
        programs, refuted or {}, sealed, preferred or {}, options=dict(options or {})
    )
    for index in range(len(programs)):
        state.walk(index)
    for veto in vetoes:
        value = programs[veto.program].values[veto.value]
        axis = state.final_axes(veto.program, value).get(veto.axis)
        if axis is not None:
            state.labels.freeze(axis.labels, veto.reason)
    return state


def kept_count(labels: Labels, keep: np.ndarray) -> Count:
    """Counts kept positions under a boolean mask over label representatives."""
    return lambda vector: int(keep[labels.find(vector)].sum())
