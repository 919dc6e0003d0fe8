"""What each layer costs and loses: every layer alone is pruned to a share of its channels.

No labels are needed: the pruned network's output is compared with the dense one's. Layers that can
only lose channels together (a residual stream, a depthwise convolution and what feeds it) are one
row.
"""

from __future__ import annotations

import glob
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

import torch
from torch import Tensor

from segprune.core.execution import run_method
from segprune.core.plan import PrunePlan
from segprune.core.planning.calibration import images_of, primary, two_classes
from segprune.core.planning.config import PruneConfig
from segprune.core.planning.cost import cost
from segprune.core.planning.make_plan import make_plan
from segprune.core.surgery import prune
from segprune.core.tracing.graph import ChannelGraph, layer_name
from segprune.core.tracing.trace import trace
from segprune.errors import BudgetError, InputError
from segprune.records.environment import environment
from segprune.records.sensitivity import LayerSensitivity, SensitivityRecord
from segprune.workflows.dense import Dense
from segprune.workflows.jobs import KEEP

__all__ = ["run_sensitivity"]


def run_sensitivity(
    model: str,
    dense: Dense,
    *,
    layers: Sequence[str] = (),
    keep: float = KEEP,
    importance: str = str(PruneConfig.importance),
    seed: int = PruneConfig.seed,
    command: tuple[str, ...] = (),
    progress: Callable[[str, int, int], None] = lambda step, done, total: None,
) -> SensitivityRecord:
    """Prune every layer alone and compare outputs on the frames, or on the random example.

    Args:
        model: what to call the network in the record.
        layers: globs over layer names; none means all.
        keep: share of its channels that the layer keeps, in (0, 1).

    Raises:
        InputError: no layer matches, or `keep` is out of range.
    """
    if not 0 < keep < 1:
        raise InputError(f"keep: expected a share between 0 and 1, found {keep!r}; 0.5 is usual.")
    progress("trace", 0, 1)
    graph = trace(dense.model, dense.example)
    names = _chosen(graph, layers)
    batches = _batches(dense)
    outputs = [_outputs(dense.model, batch) for batch in batches]
    rows: dict[str, LayerSensitivity] = {}
    skipped: list[str] = []
    whole = cost(dense.model, graph)
    for number, name in enumerate(names):
        progress("layers", number, len(names))
        try:
            plan = make_plan(
                dense.model,
                graph,
                config=PruneConfig(
                    layers={glob.escape(name): keep}, importance=importance, seed=seed, floor=0,
                    min_channels=1,
                ),
                calibration=dense.frames.batches if dense.frames else None,
            )  # fmt: skip
        except BudgetError as error:
            skipped.append(f"{name}: {_in_terms_of_keep(error, name)}")
            continue
        if plan.is_empty:
            skipped.append(f"{name}: no channel of it can go")
            continue
        if plan.digest in rows:
            rows[plan.digest] = _joined(rows[plan.digest], name)
            continue
        small = prune(dense.model, plan)
        compared = [
            _compared(_outputs(small, batch), wanted)
            for batch, wanted in zip(batches, outputs, strict=True)
        ]
        counted = cost(small, dense.example)
        before, after = _width(graph, plan, name)
        rows[plan.digest] = LayerSensitivity(
            layers=(name,),
            channels=before,
            kept=after,
            macs=1 - counted.macs / whole.macs,
            params=1 - counted.params / whole.params,
            changed=_mean([changed for changed, _ in compared]),
            error=_mean([error for _, error in compared]) or 0.0,
        )
    progress("layers", len(names), len(names))
    return SensitivityRecord(
        command=command,
        model=model,
        input=tuple(dense.example.shape),
        keep=keep,
        importance=importance,
        seed=seed,
        weights=dense.weights,
        frames=dense.frames.count if dense.frames else 0,
        frames_digest=dense.frames.digest if dense.frames else None,
        network=graph.network,
        layers=tuple(sorted(rows.values(), key=lambda row: (row.error, row.layers))),
        skipped=tuple(skipped),
        environment=environment(),
        preprocessing=dense.normalisation.preprocessing if dense.frames else None,
        normalisation=dense.normalisation.source if dense.frames else "",
    )


def _in_terms_of_keep(error: BudgetError, name: str) -> str:
    """Say what is wrong with a layer's share as this job's user gave it: one share for all."""
    reason = str(error).removeprefix(f"layers[{glob.escape(name)!r}]: ")
    return reason.replace("ask for ", "pass --keep ")


def _chosen(graph: ChannelGraph, globs: Sequence[str]) -> list[str]:
    """Layers that inference uses and that can lose channels, as far as a glob matches."""
    inference = {layer_name(weight) for weight in graph.parameters}
    found = [layer.name for layer in graph.layers if layer.free and layer.name in inference]
    for pattern in globs:
        if not any(fnmatchcase(name, pattern) for name in found):
            raise InputError(
                f"layers: expected a glob that matches a layer with removable channels, found "
                f"{pattern!r}, which matches none of {', '.join(found[:3])} …"
            )
    return [n for n in found if not globs or any(fnmatchcase(n, pattern) for pattern in globs)]


def _batches(dense: Dense) -> list[Tensor]:
    if dense.frames is None:
        return [dense.example]
    return [images_of(batch) for batch in dense.frames.batches]


def _outputs(model: torch.nn.Module, batch: Tensor) -> Tensor:
    with torch.inference_mode():
        return primary(run_method(model, "forward", batch)).float()


def _compared(found: Tensor, wanted: Tensor) -> tuple[float | None, float]:
    """Share of pixels whose class changed, and the relative error of the output."""
    scale = wanted.square().mean().sqrt().item()
    error = (found - wanted).square().mean().sqrt().item() / scale if scale > 0 else 0.0
    found, wanted = two_classes(found), two_classes(wanted)
    if wanted.dim() < 2 or wanted.shape[1] < 2:
        return None, error
    return (found.argmax(1) != wanted.argmax(1)).float().mean().item(), error


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _joined(row: LayerSensitivity, name: str) -> LayerSensitivity:
    return LayerSensitivity(
        (*row.layers, name), row.channels, row.kept, row.macs, row.params, row.changed, row.error
    )


def _width(graph: ChannelGraph, plan: PrunePlan, name: str) -> tuple[int, int]:
    weight = name if name in graph.state.layers else f"{name}.weight"
    layer = graph.state.layers[weight]
    kept = plan.kept.get(weight, {}).get(layer.row_dim, layer.rows)
    return len(layer.rows), len(kept)
