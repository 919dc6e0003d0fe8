"""`make_plan`: from a budget, an importance and a scope to a prune plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from segprune.core.finite import not_finite
from segprune.core.modules import digest_of, network_digest, require_prunable, tensors_of
from segprune.core.plan import PrunePlan
from segprune.core.planning.importance import Evidence, Importance, score_classes
from segprune.core.planning.select import TERMS, Goal, choose, matched_rows
from segprune.core.tracing.graph import ChannelGraph
from segprune.core.tracing.trace import trace
from segprune.errors import BudgetError, InputError, PlanError

__all__ = ["departures", "make_plan"]

_SHOWN = 3


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
            prunable ones), in (0, 1]; default `{"macs": 0.5}`. The plan is never above it. Where
            channels go in steps too coarse to come within 1 % of the total, `notes["reached"]` and
            `notes["nearest_above"]` hold the share that stays and the nearest one above.
        importance: a name (`importances()` lists them) or a function from `Evidence` to scores.
        scope: "global" ranks all channels together; "local" keeps the same share of every layer;
            a mapping of module-name globs to the share kept prunes just these (and has no budget).
            1.0 keeps everything, and a layer's own name counts before any glob. Layers that keep
            another share, for their floor, frozen or tied channels or `round_to`, are listed in
            `notes["missed_shares"]`.
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
        BudgetError: the budget is malformed, or below the smallest share that can be reached, which
            is named.
        PlanError: unknown importance, scope or layer; weights that are not finite.
        InputError: calibration or an option has the wrong form.
        TraceError: the network does not run on the example inputs.
    """
    require_prunable(model)
    _check_options(round_to, floor, min_channels, normalize, seed)
    _check_finite(model)
    kind, share = _parse_budget(budget, scope)
    goal = Goal(kind, share, scope, round_to, floor, min_channels)
    graph = (
        example_inputs if isinstance(example_inputs, ChannelGraph) else trace(model, example_inputs)
    )
    _check_graph(model, graph)
    stay = graph.frozen_mask.copy()
    for _, rows in matched_rows(model, graph, ignored_layers, "ignored_layers"):
        stay |= np.isin(graph.roots, graph.roots[rows])
    evidence = Evidence(model, graph, calibration, loss, seed)
    score = score_classes(importance, evidence, normalize)
    landing = choose(model, graph, stay, score, goal)
    keep = np.ones(len(graph.roots), dtype=bool)
    keep[[root for unit in landing.dropped for root in unit]] = False
    keep = keep[graph.roots]
    notes = {
        "budget": {kind: share} if isinstance(scope, str) else None,
        "importance": getattr(importance, "__name__", importance),
        "scope": scope if isinstance(scope, str) else dict(scope),
        "round_to": round_to,
        "ignored_layers": [
            item if isinstance(item, str) else type(item).__name__ for item in ignored_layers
        ],
        "seed": seed,
        "floor": floor,
        "min_channels": min_channels,
        "normalize": normalize,
    }
    if landing.above is not None:
        notes |= {"reached": {kind: landing.share}, "nearest_above": {kind: landing.above}}
    if landing.missed:
        notes["missed_shares"] = landing.missed
    return plan_from_mask(model, graph, keep, notes)


def departures(notes: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each way in which a plan departs from what was asked.

    Args:
        notes: of a plan, or the same fields of a record.
    """
    for kind, share in (notes.get("reached") or {}).items():
        counted = {"macs": "MACs", "params": "parameters"}.get(kind, "prunable channels")
        yield (
            f"{_percent(notes['budget'][kind])} of the {counted} were asked for; channels go in "
            f"steps too coarse for that: {_percent(share)} stay, and the nearest share above is "
            f"{_percent(notes['nearest_above'][kind])}"
        )
    missed = notes.get("missed_shares") or {}
    if missed:
        shown = [
            f"{name} keeps {_percent(share['kept'])} of its channels ({_percent(share['asked'])})"
            for name, share in [*missed.items()][:_SHOWN]
        ]
        more = f", and {len(missed) - _SHOWN} more layers" if len(missed) > _SHOWN else ""
        yield (
            f"other shares stay than were asked for, for a floor, frozen or tied channels or steps "
            f"of round_to: {', '.join(shown)}{more}; the plan lists them as missed_shares"
        )


def _percent(share: float) -> str:
    return f"{100 * share:.4g} %"


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


def _parse_budget(
    budget: Mapping[str, float] | None, scope: str | Mapping[str, float]
) -> tuple[str, float]:
    if isinstance(scope, Mapping):
        if budget is not None:
            raise BudgetError(
                "budget: expected none beside a mapping of layers to shares, found both; "
                "the shares alone decide how much goes."
            )
        if not scope:
            raise PlanError("scope: expected at least one layer glob, found an empty mapping.")
        return "macs", 1.0
    if scope not in ("global", "local"):
        raise PlanError(
            f"scope: expected 'global', 'local' or a mapping of layer globs to shares kept, "
            f"found {scope!r}."
        )
    if budget is None:
        budget = {"macs": 0.5}
    if not isinstance(budget, Mapping) or len(budget) != 1 or next(iter(budget)) not in TERMS:
        raise BudgetError(
            f"budget: expected one of {{'macs': share}}, {{'params': share}}, "
            f"{{'channels': share}}, found {budget!r}."
        )
    kind, share = next(iter(budget.items()))
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 < share <= 1:
        raise BudgetError(
            f"budget[{kind!r}]: expected the share kept, in (0, 1], found {share!r}; "
            "0.5 halves the cost."
        )
    return kind, float(share)


def _check_options(
    round_to: int, floor: float, min_channels: int, normalize: bool, seed: int
) -> None:
    if not isinstance(normalize, bool):
        raise InputError(
            f"normalize: expected True or False, found {normalize!r}; "
            "True compares layers by scores divided by their mean."
        )
    if type(round_to) is not int or round_to < 1:
        raise InputError(f"round_to: expected a whole number of at least 1, found {round_to!r}.")
    if not isinstance(floor, (int, float)) or not 0 <= floor <= 1:
        raise InputError(f"floor: expected a share in [0, 1], found {floor!r}.")
    if type(seed) is not int:
        raise InputError(f"seed: expected a whole number, found {seed!r}; 0 is the usual one.")
    if type(min_channels) is not int or min_channels < 1:
        raise InputError(
            f"min_channels: expected a whole number of at least 1, found {min_channels!r}."
        )


def _check_finite(model: nn.Module) -> None:
    if broken := not_finite(tensors_of(model), model):
        raise PlanError(f"{type(model).__name__}: {broken}")


def _check_graph(model: nn.Module, graph: ChannelGraph) -> None:
    found = digest_of(model)
    if found != graph.network:
        raise PlanError(
            f"graph: expected one traced from this {type(model).__name__} ({found[:12]}), found "
            f"one of another network ({graph.network[:12]}); trace this network."
        )
