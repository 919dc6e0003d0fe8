"""`make_plan`: from a budget, an importance and a scope to a prune plan."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from segprune.budget import Ledger, Limit, Unit, drop_in_order, units_of
from segprune.cost import Term, channel_terms, mac_terms, param_terms
from segprune.errors import BudgetError, InputError, PlanError
from segprune.graph import ChannelGraph, layer_name, trace
from segprune.importance import Evidence, Importance, score_classes
from segprune.network import network_digest, require_prunable, tensors_of
from segprune.plan import PrunePlan

__all__ = ["make_plan"]

_TERMS: Mapping[str, Callable[[ChannelGraph], list[Term]]] = {
    "macs": mac_terms,
    "params": param_terms,
    "channels": channel_terms,
}


def make_plan(
    model: nn.Module,
    example_inputs: Any,
    *,
    budget: Mapping[str, float] | None = None,
    importance: str | Importance = "magnitude",
    scope: str | Mapping[str, float] = "global",
    round_to: int = 1,
    ignored_layers: Sequence[nn.Module | str] = (),
    calibration: Iterable[Any] | None = None,
    loss: Callable[[Any, Any], Tensor] | None = None,
    seed: int = 0,
    floor: float = 0.1,
    min_channels: int = 4,
    normalize: bool = True,
) -> PrunePlan:
    """Decide which channels of a network go.

    Args:
        model: any `nn.Module`; it is not changed.
        example_inputs: a tensor `(N, C, H, W)`, a tuple, a dict of keyword arguments, or the
            `ChannelGraph` that `trace` made of this network.
        budget: the share kept of `{"macs": …}`, `{"params": …}` or `{"channels": …}` (of the
            prunable ones), in (0, 1]; default `{"macs": 0.5}`. The plan is never above it, and less
            than 1 % of the total below it when `round_to` is 1.
        importance: a name (`importances()` lists them) or a function from `Evidence` to scores.
        scope: "global" ranks all channels together; "local" keeps the same share of every layer;
            a mapping of module-name globs to the share kept prunes just these (and has no budget).
        round_to: widths become multiples of this, or stay as they are.
        ignored_layers: modules, or globs over module names, whose output channels all stay.
        calibration: batches for importances that look at images: tensors or (images, labels).
        loss: `(output, batch) -> scalar` for Taylor importance.
        seed: for importance "random".
        floor: least share of its channels that a layer keeps.
        min_channels: least number of channels that a layer keeps.
        normalize: divide scores by their mean within each layer, so that a global ranking does not
            empty whole layers.

    Raises:
        BudgetError: the budget is malformed or cannot be reached; the smallest reachable is named.
        PlanError: unknown importance, scope or layer; weights that are not finite.
        InputError: calibration or an option has the wrong form.
        TraceError: the network does not run on the example inputs.
    """
    require_prunable(model)
    _check_options(round_to, floor, min_channels, normalize)
    _check_finite(model)
    kind, share = _parse_budget(budget, scope)
    graph = example_inputs if isinstance(example_inputs, ChannelGraph) else trace(model, example_inputs)
    _check_graph(model, graph)
    stay = graph.frozen_mask.copy()
    for name, rows in _matched_rows(model, graph, ignored_layers, "ignored_layers"):
        del name
        stay |= np.isin(graph.roots, graph.roots[rows])
    evidence = Evidence(model, graph, calibration, loss, seed)
    score = score_classes(importance, evidence, normalize)
    dropped = _choose(model, graph, stay, score, kind, share, scope, round_to, floor, min_channels)
    keep = np.ones(len(graph.roots), dtype=bool)
    keep[[root for unit in dropped for root in unit]] = False
    keep = keep[graph.roots]
    notes = {
        "budget": {kind: share} if kind else None,
        "importance": importance if isinstance(importance, str) else getattr(importance, "__name__", "custom"),
        "scope": scope if isinstance(scope, str) else dict(scope),
        "round_to": round_to,
        "ignored_layers": [item if isinstance(item, str) else type(item).__name__ for item in ignored_layers],
        "seed": seed,
        "floor": floor,
        "min_channels": min_channels,
        "normalize": normalize,
    }
    return plan_from_mask(model, graph, keep, notes)


def plan_from_mask(
    model: nn.Module, graph: ChannelGraph, keep: NDArray[np.bool_], notes: Mapping[str, Any]
) -> PrunePlan:
    """The plan that keeps exactly the labels of a mask, `(labels,)`, equal within each class."""
    kept = graph.kept(keep)
    result = {
        name: tuple(
            len(kept[name][dim]) if name in kept and dim in kept[name] else size
            for dim, size in enumerate(shape)
        )
        for name, shape in graph.shapes.items()
    }
    attributes = graph.attributes(model, keep)
    return PrunePlan(graph.network, kept, attributes, network_digest(result), notes)


def _choose(
    model: nn.Module,
    graph: ChannelGraph,
    stay: NDArray[np.bool_],
    score: NDArray[np.float64],
    kind: str | None,
    share: float,
    scope: str | Mapping[str, float],
    round_to: int,
    floor: float,
    min_channels: int,
) -> list[Unit]:
    rows = [record.rows for record in graph.state.layers.values()]
    limits = [Limit(r, min(len(r), max(min_channels, math.ceil(floor * len(r))))) for r in rows]
    slots = [vector for dims in graph.state.slots.values() for vector in dims.values()]
    limits += [Limit(vector, 1) for vector in (*slots, *graph.state.parts) if len(vector)]
    where: dict[int, list[int]] = {}
    times: dict[int, int] = {}
    for number, labels in enumerate(rows):
        found, counts = np.unique(graph.roots[labels], return_counts=True)
        for root, count in zip(found.tolist(), counts.tolist(), strict=True):
            where.setdefault(root, []).append(number)
            times[root] = min(times.get(root, count), count)
    free = [root for root in where if not stay[root]]
    if scope == "local":
        score = _rank_in_family(free, where, score)
    if not isinstance(scope, str):
        return _by_layer(model, graph, scope, stay, score, limits, round_to)
    assert kind is not None
    ledger = Ledger(_TERMS[kind](graph), limits, graph.roots)
    units = units_of(
        free, lambda root: float(score[root]), lambda root: tuple(where[root]), times.__getitem__, round_to
    )
    return drop_in_order(ledger, units, share, name=kind, exact=round_to == 1)


def _rank_in_family(
    free: Sequence[int], where: Mapping[int, list[int]], score: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Position within the layer instead of the score: every layer loses the same share."""
    families: dict[tuple[int, ...], list[int]] = {}
    for root in free:
        families.setdefault(tuple(where[root]), []).append(root)
    ranks = score.copy()
    for members in families.values():
        members.sort(key=lambda root: (score[root], root))
        for place, root in enumerate(members):
            ranks[root] = (place + 0.5) / len(members)
    return ranks


def _by_layer(
    model: nn.Module,
    graph: ChannelGraph,
    scope: Mapping[str, float],
    stay: NDArray[np.bool_],
    score: NDArray[np.float64],
    limits: Sequence[Limit],
    round_to: int,
) -> list[Unit]:
    """Drop the least important channels of the named layers until each keeps its share."""
    ledger = Ledger([], limits, graph.roots)
    dropped: list[Unit] = []
    gone: set[int] = set()
    for pattern, share in scope.items():
        if not isinstance(share, (int, float)) or not 0 < share <= 1:
            raise BudgetError(
                f"scope[{pattern!r}]: expected a share kept in (0, 1], found {share!r}."
            )
        for name, rows in _matched_rows(model, graph, [pattern], "scope"):
            roots = graph.roots[rows]
            named = pattern == name  # a glob takes what it can get, a name is an order
            keep = int(share * len(rows) + 1e-9) // round_to * round_to or round_to
            order = sorted({r for r in roots.tolist() if not stay[r]}, key=lambda r: (score[r], r))
            for root in order:
                left = sum(1 for r in roots.tolist() if r not in gone)
                if left <= keep:
                    break
                times = int((roots == root).sum())
                if root not in gone and left - times >= min(keep, left) and ledger.allowed((root,)):
                    ledger.drop((root,))
                    gone.add(root)
                    dropped.append((root,))
            left = sum(1 for r in roots.tolist() if r not in gone)
            if named and left > keep and share < 1:
                raise BudgetError(
                    f"scope[{pattern!r}]: expected {name} to keep {keep} of {len(rows)} channels, "
                    f"found that {left} must stay (floor, frozen or tied channels); "
                    f"ask for {left / len(rows):.3f} or more."
                )
    return dropped


def _matched_rows(
    model: nn.Module, graph: ChannelGraph, wanted: Iterable[nn.Module | str], option: str
) -> list[tuple[str, NDArray[np.int64]]]:
    """Output channels of every layer that is, or lies beneath, a named module."""
    modules = dict(model.named_modules())
    found: list[tuple[str, NDArray[np.int64]]] = []
    for item in wanted:
        if isinstance(item, str):
            roots = [name for name in modules if name and fnmatchcase(name, item)]
        elif isinstance(item, nn.Module):
            roots = [name for name, module in modules.items() if module is item]
        else:
            raise InputError(
                f"{option}: expected modules or name globs, found {type(item).__name__}."
            )
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


def _parse_budget(
    budget: Mapping[str, float] | None, scope: str | Mapping[str, float]
) -> tuple[str | None, float]:
    if isinstance(scope, Mapping):
        if budget is not None:
            raise BudgetError(
                "budget: expected none beside a mapping of layers to shares, found both; "
                "the shares alone decide how much goes."
            )
        if not scope:
            raise PlanError("scope: expected at least one layer glob, found an empty mapping.")
        return None, 1.0
    if scope not in ("global", "local"):
        raise PlanError(
            f"scope: expected 'global', 'local' or a mapping of layer globs to shares kept, "
            f"found {scope!r}."
        )
    if budget is None:
        budget = {"macs": 0.5}
    if not isinstance(budget, Mapping) or len(budget) != 1 or next(iter(budget)) not in _TERMS:
        raise BudgetError(
            f"budget: expected one of {{'macs': share}}, {{'params': share}}, {{'channels': share}}, "
            f"found {budget!r}."
        )
    kind, share = next(iter(budget.items()))
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 < share <= 1:
        raise BudgetError(
            f"budget[{kind!r}]: expected the share kept, in (0, 1], found {share!r}; "
            "0.5 halves the cost."
        )
    return kind, float(share)


def _check_options(round_to: int, floor: float, min_channels: int, normalize: bool) -> None:
    if not isinstance(normalize, bool):
        raise InputError(
            f"normalize: expected True or False, found {normalize!r}; "
            "True compares layers by scores divided by their mean."
        )
    if not isinstance(round_to, int) or round_to < 1:
        raise InputError(f"round_to: expected a whole number of at least 1, found {round_to!r}.")
    if not 0 <= floor <= 1:
        raise InputError(f"floor: expected a share in [0, 1], found {floor!r}.")
    if not isinstance(min_channels, int) or min_channels < 1:
        raise InputError(
            f"min_channels: expected a whole number of at least 1, found {min_channels!r}."
        )


def _check_finite(model: nn.Module) -> None:
    for name, tensor in tensors_of(model).items():
        if tensor.is_floating_point() and not tensor.is_meta and not torch.isfinite(tensor).all():
            raise PlanError(
                f"{name}: expected finite numbers, found NaN or infinity; an importance of such "
                "weights means nothing. Load sound weights first."
            )


def _check_graph(model: nn.Module, graph: ChannelGraph) -> None:
    found = network_digest({name: tuple(t.shape) for name, t in tensors_of(model).items()})
    if found != graph.network:
        raise PlanError(
            f"graph: expected one traced from this {type(model).__name__} ({found[:12]}), found one "
            f"of another network ({graph.network[:12]}); trace this network."
        )
