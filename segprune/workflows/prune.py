"""The prune job: build, trace, plan, prune, verify, measure, write.

Nothing is printed, and nothing is written before everything is proved: the results appear as one
folder at the end.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from segprune.artifacts import require_deployable, save
from segprune.core.execution import run_method, tensors_in
from segprune.core.plan import PrunePlan
from segprune.core.planning.calibration import logits_of, primary, two_classes
from segprune.core.planning.make_plan import make_plan
from segprune.core.surgery import mask, prune
from segprune.core.tracing.graph import ChannelGraph
from segprune.core.tracing.trace import trace
from segprune.core.verification.closeness import difference
from segprune.core.verification.verify import verify
from segprune.core.verification.violations import Violation
from segprune.data import Frames
from segprune.data.source import ImageSource
from segprune.errors import InputError
from segprune.evaluation.evaluate import best_classes, near_chance
from segprune.evaluation.metrics import ConfusionMatrix
from segprune.evaluation.probabilities import require_logits
from segprune.records.io import new_folder, write_atomic, write_record
from segprune.records.prune import PruneRecord
from segprune.speed import measure
from segprune.workflows.dense import Dense, on_images
from segprune.workflows.folder import choose_folder
from segprune.workflows.jobs import Progress, PruneJob, Say
from segprune.workflows.open import network_name, open_network
from segprune.workflows.prune_record import prune_record

__all__ = ["PruneResult", "run_prune"]

# Any other importance, a registered one too, may want them.
_WITHOUT_LABELS = (
    "activation", "bn_scale", "fpgm", "lamp", "magnitude", "magnitude_l1", "magnitude_l2", "random",
)  # fmt: skip


@dataclass(frozen=True)
class PruneResult:
    """The folder and the record of a job; or the violations, and nothing on disk."""

    violations: tuple[Violation, ...]
    folder: Path | None
    record: PruneRecord | None


def run_prune(
    job: PruneJob,
    progress: Progress = lambda step, done, total: None,
    say: Say = lambda line: None,
) -> PruneResult:
    """Do the whole job.

    Args:
        say: called with each line that the user has to see at once.

    A network that fails its proof leaves nothing on disk. Interrupted at any time, nothing is left
    either: the folder of results appears at the end, in one move.

    Raises:
        SegpruneError: of the kind that fits; see the functions this calls.
    """
    # Before the work: a name that is taken should not cost minutes.
    folder = choose_folder(job.out, job.name, _stem(job), replace=job.replace)
    progress("load", 0, 1)
    images = ImageSource(job.frames, job.data, job.root, job.split, job.label_map)
    seed = job.config.seed
    opened = open_network(
        job.model, weights=job.weights, num_classes=job.num_classes, seed=seed, given=job.given
    )
    dense = on_images(
        opened, job.input, images, batches=job.batches,
        labels=job.config.importance not in _WITHOUT_LABELS, seed=seed,
    )  # fmt: skip
    if job.deploy:
        require_deployable(dense.model)
    for line in dense.lines:
        say(line)
    progress("trace", 0, 1)
    graph = trace(dense.model, dense.example)
    _check_labels(dense)
    before = _counted(dense.model, dense.frames)
    if before is not None and (doubt := near_chance(before)):
        say(f"note: {doubt}")
    progress("plan", 0, 1)
    plan = make_plan(
        dense.model, graph, config=job.config,
        calibration=dense.frames.batches if dense.frames else None,
    )  # fmt: skip
    plan = _annotated(plan, job, graph)
    progress("prune", 0, 1)
    small = prune(dense.model, plan)
    progress("verify", 0, 1)
    violations = verify(dense.model, small, plan, graph)
    if violations:
        return PruneResult(violations, None, None)
    apart = _difference(dense, small, plan)
    after = _counted(small, dense.frames)
    mious = (
        {}
        if before is None or after is None
        else {"dense": before.score().miou, "pruned": after.score().miou}
    )
    speed = None
    if job.speed:
        speed = measure(
            dense.model, small, dense.example, pairs=job.pairs, threads=job.threads,
            seed=seed, max_seconds=job.max_seconds,
            progress=lambda done, total: progress("measure", done, total),
        )  # fmt: skip
    progress("write", 0, 1)
    with new_folder(folder, replace=job.replace) as staging:
        artifact = staging / f"{folder.name}.safetensors"
        save(
            artifact, small, plan, dtype=torch.float16 if job.half else None, deploy=job.deploy,
            metadata={
                "model": job.model, "weights": dense.weights, "input": list(job.input),
                "half": job.half, **_seen(job, dense),
            },
        )  # fmt: skip
        record = prune_record(
            job, dense, graph, plan, small, artifact,
            difference=apart, speed=speed, mious=mious,
        )  # fmt: skip
        write_atomic(staging / "plan.json", plan.to_json() + "\n")
        write_record(staging / "record.json", record)
    progress("write", 1, 1)
    return PruneResult((), folder, record)


# -- steps -----------------------------------------------------------------------------------------


def _stem(job: PruneJob) -> str:
    """Return the name of a run for which the user gives none."""
    config = job.config.to_plain()
    amount = "-".join(f"{kind}-{share:g}" for kind, share in (config["budget"] or {}).items())
    return f"{network_name(job.model)}-{amount or 'layers'}-{config['importance']}"


def _seen(job: PruneJob, dense: Dense) -> dict[str, Any]:
    """Return how images are prepared, for the file; empty if that is assumed and no image used."""
    if dense.frames is None and dense.normalisation.is_assumed:
        return {}
    height, width = job.input[-2:]
    prepared = dataclasses.replace(dense.normalisation.preprocessing, size=(height, width))
    return {"preprocessing": prepared.as_metadata()}


def _check_labels(dense: Dense) -> None:
    """Check that labels are classes of the network; their number is known from its output."""
    if dense.frames is None or not dense.frames.labelled:
        return
    with torch.no_grad():
        output = primary(run_method(dense.model, "forward", dense.example))
    require_logits(output, dense.model, dense.example, "model")
    classes = two_classes(output).shape[1]
    for _, labels in dense.frames.batches:
        highest = int(labels[labels != 255].max()) if bool((labels != 255).any()) else 0
        if highest >= classes:
            raise InputError(
                f"data: expected labels below {classes}, the network's number of classes, or 255 "
                f"for void, found {highest}; build it with more classes, or map the labels."
            )


def _counted(model: nn.Module, frames: Frames | None) -> ConfusionMatrix | None:
    """Evaluate a network on the labelled pixels of the frames; None where there are none."""
    matrix: ConfusionMatrix | None = None
    for images, labels in frames.batches if frames is not None and frames.labelled else ():
        with torch.no_grad():
            logits = logits_of(run_method(model, "forward", images))
        matrix = ConfusionMatrix(logits.shape[1]) if matrix is None else matrix
        matrix.update(best_classes(logits, labels.shape[-2:]), labels)
    return matrix if matrix is not None and matrix.counts.any() else None


def _annotated(plan: PrunePlan, job: PruneJob, graph: ChannelGraph) -> PrunePlan:
    """Note the dense width of every layer in the plan, so that it can be read alone."""
    layers = [  # a list, for JSON objects on disk are sorted and this order means something
        [weight, layer.row_dim, len(layer.rows)] for weight, layer in graph.state.layers.items()
    ]
    return dataclasses.replace(plan, notes={**plan.notes, "model": job.model, "widths": layers})


def _difference(dense: Dense, small: nn.Module, plan: PrunePlan) -> float:
    twin = mask(dense.model, plan)
    twin.eval()
    with torch.inference_mode():
        theirs = tensors_in(run_method(twin, "forward", dense.example))
        ours = tensors_in(run_method(small, "forward", dense.example))
    return max(difference(one, other) for one, other in zip(ours, theirs, strict=True))
