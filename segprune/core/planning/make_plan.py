"""`make_plan`: decide which channels of a network go, as a config asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from segprune.core.finite import not_finite
from segprune.core.modules import digest_of, network_digest, require_prunable, tensors_of
from segprune.core.plan import PrunePlan
from segprune.core.planning.config import PruneConfig
from segprune.core.planning.importance import Evidence, Importance, score_classes
from segprune.core.planning.select import choose, matched_rows
from segprune.core.tracing.graph import ChannelGraph
from segprune.core.tracing.trace import trace
from segprune.errors import InputError, PlanError

__all__ = ["departures", "make_plan"]

_SHOWN = 3


def make_plan(
    model: nn.Module,
    example_inputs: Any,
    *,
    budget: Mapping[str, float] | None = None,
    layers: Mapping[str, float] | None = None,
    importance: str | Importance = PruneConfig.importance,
    scope: str | Mapping[str, float] = PruneConfig.scope,
    round_to: int = PruneConfig.round_to,
    ignored_layers: Sequence[nn.Module | str] = PruneConfig.ignored_layers,
    calibration: Iterable[Any] | None = None,
    loss: Callable[[Any, Any], Tensor] | None = None,
    seed: int = PruneConfig.seed,
    floor: float = PruneConfig.floor,
    min_channels: int = PruneConfig.min_channels,
    normalize: bool = PruneConfig.normalize,
    cost_aware: bool = PruneConfig.cost_aware,
    config: PruneConfig | None = None,
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
        layers: module-name globs -> share kept; prunes just these, and has no budget. 1.0 keeps
            everything, and a layer's own name counts before any glob. Layers that keep another
            share, for their floor, frozen or tied channels or `round_to`, are listed in
            `notes["missed_shares"]`.
        importance: a name (`importances()` lists them) or a function from `Evidence` to scores.
        scope: "global" ranks all channels together; "local" keeps the same share of every layer;
            a mapping is the same as `layers`.
        round_to: widths become multiples of this, or stay as they are.
        ignored_layers: modules, or globs over module names, whose output channels all stay.
        calibration: batches for importances that look at images: tensors or (images, labels).
        loss: `(output, batch) -> scalar` for Taylor importance.
        seed: for importance "random".
        floor: least share of its channels that a layer keeps.
        min_channels: least number of channels that a layer keeps.
        normalize: divide scores by their mean within each layer, so that a global ranking does not
            empty whole layers.
        cost_aware: rank channels by score ÷ what removing them saves at the time, in the budget's
            unit, so that many cheap channels and one dear channel are compared fairly.
        config: all of these options but `calibration` and `loss` in one object, in their place.

    Raises:
        BudgetError: the budget is malformed, or below the smallest share that can be reached, which
            is named.
        PlanError: unknown importance, scope or layer; weights that are not finite.
        InputError: calibration or an option has the wrong form.
        TraceError: the network does not run on the example inputs.
    """
    if isinstance(scope, Mapping):
        if layers is not None:
            raise PlanError(
                "layers: expected none beside a mapping as scope, which means the same, found "
                "both; leave scope out."
            )
        layers, scope = scope, "global"
    options = PruneConfig(
        budget, layers, importance, scope, round_to, ignored_layers, floor, min_channels,
        normalize, cost_aware, seed,
    )  # fmt: skip
    config = options if config is None else _alone(config, options, budget)
    graph = _graph_of(model, example_inputs)
    stay = graph.frozen_mask.copy()
    for _, rows in matched_rows(model, graph, config.ignored_layers, "ignored_layers"):
        stay |= np.isin(graph.roots, graph.roots[rows])
    evidence = Evidence(model, graph, calibration, loss, config.seed)
    score = score_classes(config.importance, evidence, config.normalize)
    selection = choose(model, graph, stay, score, config)
    keep = ~np.isin(graph.roots, [root for unit in selection.dropped for root in unit])
    notes = config.to_plain()
    if selection.above is not None:
        (kind,) = config.budget or {}
        notes |= {"reached": {kind: selection.share}, "nearest_above": {kind: selection.above}}
    if selection.missed:
        notes["missed_shares"] = selection.missed
    return plan_from_mask(model, graph, keep, notes)


def departures(notes: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each way in which a plan departs from its config.

    Args:
        notes: those of a plan, or the same fields of a record.
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
    """Format a share with four digits, since two shares could read alike with fewer."""
    return f"{100 * share:.4g} %"


def plan_from_mask(
    model: nn.Module, graph: ChannelGraph, keep: NDArray[np.bool_], notes: Mapping[str, Any]
) -> PrunePlan:
    """Return the plan that keeps the labels of a mask, `(labels,)`, equal within each class."""
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


def _alone(
    config: PruneConfig, options: PruneConfig, budget: Mapping[str, float] | None
) -> PruneConfig:
    """Return the config; refuse other options beside it."""
    if not isinstance(config, PruneConfig):
        raise InputError(f"config: expected a PruneConfig, found {type(config).__name__}.")
    usual = PruneConfig()
    others = [
        field.name
        for field in fields(PruneConfig)
        if getattr(options, field.name) != getattr(usual, field.name)
        or (field.name == "budget" and budget is not None)
    ]
    if others:
        raise InputError(
            f"config: expected no options of a plan beside it, found {', '.join(others)}; change "
            "a config with dataclasses.replace(config, …)."
        )
    return config


def _graph_of(model: nn.Module, example_inputs: Any) -> ChannelGraph:
    require_prunable(model)
    if broken := not_finite(tensors_of(model), model):
        raise PlanError(f"{type(model).__name__}: {broken}")
    if not isinstance(example_inputs, ChannelGraph):
        return trace(model, example_inputs)
    found, expected = example_inputs.network, digest_of(model)
    if found != expected:
        raise PlanError(
            f"graph: expected one traced from this {type(model).__name__} ({expected[:12]}), found "
            f"one of another network ({found[:12]}); trace this network."
        )
    return example_inputs
