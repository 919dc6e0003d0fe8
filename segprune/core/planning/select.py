"""Select the classes of channels that go: by budget over all layers, or layer by layer."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import NDArray
from torch import nn

from segprune.core.axes import Term
from segprune.core.planning.budget import (
    CostTracker,
    Selection,
    by_cost,
    counted,
    drop_in_order,
    units_of,
)
from segprune.core.planning.config import PruneConfig
from segprune.core.planning.cost import channel_terms, mac_terms, param_terms
from segprune.core.planning.widths import MinWidth, least_width
from segprune.core.tracing.graph import ChannelGraph, layer_name
from segprune.errors import BudgetError, PlanError

__all__ = ["TERMS", "choose", "matched_rows"]

TERMS: Mapping[str, Callable[[ChannelGraph], list[Term]]] = {
    "macs": mac_terms,
    "params": param_terms,
    "channels": channel_terms,
}


def choose(
    model: nn.Module,
    graph: ChannelGraph,
    stay: NDArray[np.bool_],
    score: NDArray[np.float64],
    config: PruneConfig,
) -> Selection:
    """Choose the classes to drop, and report how close that comes to the budget.

    Args:
        stay: which labels must stay, `(labels,)`.
        score: importance of each label's class, `(labels,)`.

    Raises:
        BudgetError: the config's shares cannot be reached.
    """
    rows = [record.rows for record in graph.state.layers.values()]
    limits = [
        MinWidth(labels, least_width(len(labels), config.floor, config.min_channels))
        for labels in rows
    ]
    slots = [vector for dims in graph.state.slots.values() for vector in dims.values()]
    limits += [MinWidth(vector, 1) for vector in (*slots, *graph.state.parts) if len(vector)]
    where: dict[int, list[int]] = {}
    times: dict[int, int] = {}
    for number, labels in enumerate(rows):
        for root, count in counted(graph.roots[labels]):
            where.setdefault(root, []).append(number)
            times[root] = min(times.get(root, count), count)
    families: dict[tuple[int, ...], list[int]] = {}
    for root in where:
        if not stay[root]:
            families.setdefault(tuple(where[root]), []).append(root)
    if config.scope == "local":
        score = _positions(families.values(), score)
    if config.layers is not None:
        return _by_layer(model, graph, config.layers, stay, score, limits, config.round_to)
    ((kind, share),) = (config.budget or {}).items()
    tracker = CostTracker(TERMS[kind](graph), limits, graph.roots)
    scored = units_of(families.values(), score, times, config.round_to)
    units = by_cost(tracker, scored) if config.cost_aware else (unit for _, unit in scored)
    try:
        return drop_in_order(tracker, units, share, name=kind)
    except BudgetError as error:
        stays = "".join(f" What stays: {group}." for group in graph.frozen[:2])
        step = config.round_to
        steps = f" Widths go in steps of {step} (round_to)." if step > 1 else ""
        raise BudgetError(f"{error}{steps}{stays}") from None


def _positions(
    families: Iterable[Iterable[int]], score: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Replace scores by positions within the layer, so that every layer loses the same share."""
    positions = score.copy()
    for family in families:
        members = sorted(family, key=lambda root: (score[root], root))
        positions[members] = (np.arange(len(members)) + 0.5) / len(members)
    return positions


def _by_layer(
    model: nn.Module,
    graph: ChannelGraph,
    layers: Mapping[str, float],
    stay: NDArray[np.bool_],
    score: NDArray[np.float64],
    limits: Sequence[MinWidth],
    round_to: int,
) -> Selection:
    """Drop the least important channels of the named layers until each keeps its share."""
    tracker = CostTracker([], limits, graph.roots)
    gone: set[int] = set()

    def width(roots: NDArray[np.int64]) -> int:
        return sum(1 for root in roots.tolist() if root not in gone)

    wanted = list(_layer_shares(model, graph, layers))
    whole = [
        graph.roots[rows] for pattern, share, name, rows in wanted if (pattern, share) == (name, 1)
    ]
    stay = stay | np.isin(graph.roots, np.concatenate([*whole, np.empty(0, np.int64)]))
    for pattern, share, name, rows in wanted:
        roots = graph.roots[rows]
        keep = len(rows) if share == 1 else _rounded(share * len(rows), round_to)
        order = sorted({r for r in roots.tolist() if not stay[r]}, key=lambda r: (score[r], r))
        taken: list[int] = []
        for root in order:
            left = width(roots)
            times = int((roots == root).sum())
            if root not in gone and left - times >= keep and tracker.allowed((root,)):
                tracker.drop((root,))
                gone.add(root)
                taken.append(root)
        while taken and width(roots) % round_to:  # what must stay is no multiple: the next one is
            tracker.restore((taken[-1],))
            gone.remove(taken.pop())
        # A glob takes what it can get, a name is an order.
        least = min(len(rows), keep)
        if pattern == name and (left := width(roots)) > least:
            raise BudgetError(
                f"layers[{pattern!r}]: expected {name} to keep {least} of {len(rows)} channels, "
                f"found that {left} must stay (floor, frozen or tied channels, or round_to); "
                f"ask for {left / len(rows):.3f} or more."
            )
    missed = {
        name: {"asked": float(share), "kept": left / len(rows)}
        for _, share, name, rows in wanted
        if (left := width(graph.roots[rows])) != _rounded(share * len(rows), 1)
    }
    return Selection([(root,) for root in sorted(gone)], 1.0, missed=missed)


def _rounded(channels: float, round_to: int) -> int:
    """Round down to a multiple, of which at least one stays."""
    return int(channels + 1e-9) // round_to * round_to or round_to


def _layer_shares(
    model: nn.Module, graph: ChannelGraph, layers: Mapping[str, float]
) -> Iterator[tuple[str, float, str, NDArray[np.int64]]]:
    """Yield pattern, share, layer and labels. A layer's own name counts before any glob."""
    named = {weight for weight in map(layer_name, graph.state.layers) if weight in layers}
    for pattern, share in layers.items():
        for name, rows in matched_rows(model, graph, [pattern], "layers"):
            if name == pattern or name not in named:
                yield pattern, share, name, rows


def matched_rows(
    model: nn.Module, graph: ChannelGraph, wanted: Iterable[nn.Module | str], option: str
) -> list[tuple[str, NDArray[np.int64]]]:
    """Return the output channels of every layer that is, or lies beneath, a wanted module."""
    modules = dict(model.named_modules())
    found: list[tuple[str, NDArray[np.int64]]] = []
    for item in wanted:
        if isinstance(item, str):
            roots = [name for name in modules if name and fnmatchcase(name, item)]
        else:
            roots = [name for name, module in modules.items() if module is item]
        if not roots:
            shown = item if isinstance(item, str) else type(item).__name__
            close = difflib.get_close_matches(str(shown), list(modules), 3, 0.4)
            raise PlanError(
                f"{option}: expected a module of {type(model).__name__}, found {shown!r}, which "
                f"matches none. Close names: {', '.join(close) or 'none'}."
            )
        for weight, record in graph.state.layers.items():
            layer = layer_name(weight)
            if any(layer == root or layer.startswith(f"{root}.") or root == "" for root in roots):
                found.append((layer, record.rows))
        for first, slots in graph.state.slots.items():
            owner = first.rpartition(".")[0]
            if first not in graph.state.layers and 0 in slots and owner in roots:
                found.append((owner, slots[0]))  # a BatchNorm, say, named on its own
    return found
