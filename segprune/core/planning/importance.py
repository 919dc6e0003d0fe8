"""Score how much channels matter, along axes of tensors.

An importance is a function from `Evidence` to scores: `(tensor name, dimension) -> scores (size,)`,
larger meaning more important. Register your own with `register_importance`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segprune.core.modules import copy_with, tensors_of
from segprune.core.planning.calibration import mean_activations
from segprune.core.planning.evidence import Evidence, Scores
from segprune.core.planning.fisher import fisher
from segprune.core.planning.gradients import on_each_batch
from segprune.core.tracing.graph import ChannelGraph
from segprune.errors import PlanError

__all__ = [
    "Evidence",
    "Importance",
    "Scores",
    "importances",
    "own_name",
    "register_importance",
    "score_classes",
]

Importance = Callable[[Evidence], Scores]

_IMPORTANCES: dict[str, Importance] = {}
_OWN_SCALE = {"fisher", "lamp", "random"}


def register_importance(name: str, function: Importance, *, normalize: bool = True) -> None:
    """Make an importance available by name.

    Args:
        function: from `Evidence` (network, graph, calibration batches) to scores: a mapping
            `(tensor name, dimension) -> (size,)`, such as `("head.0.weight", 0)` to one number per
            filter; larger matters more. Channels without a score get that of their L2 norm.
        normalize: divide the scores of each layer by their mean before layers are compared.
    """
    _IMPORTANCES[name] = function
    (_OWN_SCALE.discard if normalize else _OWN_SCALE.add)(name)


def importances() -> tuple[str, ...]:
    """Return the names that `make_plan(importance=…)` knows."""
    return tuple(sorted(_IMPORTANCES))


def own_name(name: str) -> str:
    """Return the name that an importance's function bears itself: `magnitude` is `magnitude_l2`.

    Raises:
        PlanError: unknown name.
    """
    if name not in _IMPORTANCES:
        raise _unknown(name)
    own = getattr(_IMPORTANCES[name], "__name__", name)
    return own if _IMPORTANCES.get(own) is _IMPORTANCES[name] else name


def score_classes(
    importance: str | Importance, evidence: Evidence, normalize: bool
) -> NDArray[np.float64]:
    """Return one score per label, `(labels,)`: the mean over the scored channels of its class.

    Raises:
        PlanError: unknown name, no function, no score at all, or scores that are not finite or not
            of the axis's size.
    """
    if isinstance(importance, str):
        if importance not in _IMPORTANCES:
            raise _unknown(importance)
        function, own = _IMPORTANCES[importance], importance in _OWN_SCALE
    elif callable(importance):
        function, own = importance, False
    else:
        raise PlanError(
            f"importance: expected a name or a function from Evidence to scores, found "
            f"{importance!r}; known names are {', '.join(importances())}."
        )
    found = function(evidence)
    if not isinstance(found, Mapping) or not all(map(_is_score, found.items())):
        strange = found if isinstance(found, Mapping) else type(found).__name__
        raise PlanError(
            f"importance: expected a mapping (tensor name, dimension) -> tensor of scores, found "
            f"{str(strange)[:80]}; see segprune.core.planning.importance."
        )
    if not found:  # otherwise the L2 norm would rank all channels, and nothing would say so
        name = importance if isinstance(importance, str) else getattr(function, "__name__", "")
        raise PlanError(
            f"importance {name!r}: expected a score for at least one channel, found none, as "
            "bn_scale has for a network without BatchNorm; choose another importance."
        )
    scores = _gather(evidence.graph, found, normalize and not own)
    missing = np.isnan(scores)
    if missing.any():  # channels without a score, such as those without a BatchNorm
        norms = _gather(evidence.graph, magnitude_l2(evidence), True)[missing]
        scores[missing] = norms * np.nanmean(scores)  # in the unit of the known ones
    return np.nan_to_num(scores, nan=1.0)


def _is_score(item: tuple[Any, Any]) -> bool:
    key, scores = item
    return isinstance(key, tuple) and len(key) == 2 and isinstance(scores, Tensor)


def _unknown(name: str) -> PlanError:
    close = difflib.get_close_matches(name, importances(), 1)
    hint = f"did you mean {close[0]!r}?" if close else "register_importance adds your own."
    known = ", ".join(importances())
    return PlanError(f"importance: expected one of {known}, found {name!r}; {hint}")


def _gather(graph: ChannelGraph, scores: Scores, normalize: bool) -> NDArray[np.float64]:
    total = np.zeros(len(graph.roots))
    count = np.zeros(len(graph.roots))
    for (name, dim), tensor in scores.items():
        values = tensor.detach().cpu().double().numpy()
        labels = graph.state.slots.get(name, {}).get(dim)
        if labels is None or values.shape != labels.shape or not np.isfinite(values).all():
            raise PlanError(
                f"importance of {name}, dimension {dim}: expected finite scores of shape "
                f"{None if labels is None else labels.shape}, found {values.shape}"
                f"{'' if np.isfinite(values).all() else ' with NaN or infinity'}."
            )
        mean = values.mean()
        if normalize and mean > 0:
            values = values / mean
        np.add.at(total, graph.roots[labels], values)
        np.add.at(count, graph.roots[labels], 1)
    with np.errstate(invalid="ignore"):
        return (total / count)[graph.roots]


def magnitude_l1(evidence: Evidence) -> Scores:
    """L1 norm of each filter (Li et al., ICLR 2017, arXiv 1608.08710)."""
    return {(name, dim): rows.abs().sum(1) for name, dim, rows in evidence.rows()}


def magnitude_l2(evidence: Evidence) -> Scores:
    """L2 norm of each filter."""
    return {(name, dim): rows.norm(dim=1) for name, dim, rows in evidence.rows()}


def bn_scale(evidence: Evidence) -> Scores:
    """|γ| of the normalisation behind a channel (Network Slimming, Liu et al., ICCV 2017)."""
    tensors = tensors_of(evidence.model)
    return {(name, 0): tensors[name].abs() for name in sorted(evidence.graph.state.scales)}


def fpgm(evidence: Evidence) -> Scores:
    """Summed distance to the layer's other filters (He et al., CVPR 2019, arXiv 1811.00250)."""
    return {(name, dim): torch.cdist(rows, rows).sum(1) for name, dim, rows in evidence.rows()}


def lamp(evidence: Evidence) -> Scores:
    """Squared norm over the sum of all larger ones (Lee et al., ICLR 2021, arXiv 2010.07611)."""
    scores = {}
    for name, dim, rows in evidence.rows():
        squares = rows.square().sum(1)
        order = squares.argsort(descending=True)
        larger = squares[order].cumsum(0)
        result = torch.empty_like(squares)
        result[order] = squares[order] / larger.clamp_min(torch.finfo(larger.dtype).tiny)
        scores[(name, dim)] = result
    return scores


def taylor(evidence: Evidence) -> Scores:
    """(Σ w · ∂L/∂w)² over each filter, summed over batches (Molchanov et al., CVPR 2019, eq. 8).

    Each batch is squared on its own: products of opposite sign on two batches would cancel.
    """
    copy = copy_with(evidence.model, {})
    dims = {name: dim for name, dim, _ in evidence.rows()}

    scores: dict[tuple[str, int], Tensor] = {}

    def take(products: dict[str, Tensor]) -> None:
        for name, product in products.items():
            key = name, dims[name]
            square = product.movedim(dims[name], 0).flatten(1).sum(1).square()
            scores[key] = scores[key] + square if key in scores else square

    on_each_batch(copy, dims, evidence.batches("taylor"), evidence.loss, take)
    return scores


def activation(evidence: Evidence) -> Scores:
    """Mean |activation| that the next layer reads, per image and pixel (Hu et al., 1607.03250)."""
    copy = copy_with(evidence.model, {})
    names = {id(tensors_of(copy)[first]): first for first in evidence.graph.names}
    return mean_activations(copy, names, evidence.batches("activation"))


def random(evidence: Evidence) -> Scores:
    """Uniform numbers from `seed`: the control every other importance must beat."""
    generator = torch.Generator().manual_seed(evidence.seed)
    return {
        (name, dim): torch.rand(len(rows), generator=generator, device="cpu")
        for name, dim, rows in evidence.rows()
    }


_BUILT_IN = (
    magnitude_l1, magnitude_l2, bn_scale, fpgm, lamp, taylor, fisher, activation, random,
)  # fmt: skip
_IMPORTANCES |= {function.__name__: function for function in _BUILT_IN}
_IMPORTANCES["magnitude"] = magnitude_l2
