"""The prune job, from a network's name to an artefact on disk: build, trace, plan, prune, verify, measure, write.

Nothing is printed and nothing is written before everything is proved: the results appear as one
folder at the end.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from segprune.artifacts import save
from segprune.comparison import difference
from segprune.cost import cost
from segprune.data import Frames, read_batches
from segprune.environment import Environment, environment
from segprune.errors import InputError
from segprune.graph import ChannelGraph, trace
from segprune.models.references import is_reference, resolve
from segprune.models.weights import file_digest, load_weights, read_weights
from segprune.network import aliases, tensors_of
from segprune.observation import primary
from segprune.plan import PrunePlan
from segprune.planning import make_plan
from segprune.recording import run_method, tensors_in
from segprune.records import new_folder, write_atomic, write_record
from segprune.speed import Speed, measure
from segprune.surgery import mask, prune
from segprune.verification import verify
from segprune.violations import Violation

__all__ = [
    "Dense",
    "FrozenGroup",
    "Progress",
    "PruneJob",
    "PruneRecord",
    "PruneResult",
    "Size",
    "load_dense",
    "run_prune",
]

STEPS = ("load", "trace", "plan", "prune", "verify", "measure", "write")

Progress = Callable[[str, int, int], None]
"""Called with a step's name, and how much of it is done out of how much."""


@dataclass(frozen=True)
class PruneJob:
    """What to do; every field has the meaning of the option of the same name.

    Attributes:
        model: a built-in network's name, or `package.module:factory`.
        input: size of one batch, `(N, C, H, W)`.
        budget: as for `make_plan`; None where `scope` says how much each layer keeps.
        name: of the folder under `out`; None derives a free one.
        command: the command line to record, without paths.
    """

    model: str
    input: tuple[int, ...] = (1, 3, 512, 1024)
    budget: Mapping[str, float] | None = None
    scope: str | Mapping[str, float] = "global"
    importance: str = "magnitude"
    round_to: int = 1
    ignore: tuple[str, ...] = ()
    classes: int | None = None
    weights: Path | None = None
    data: Path | None = None
    batches: int = 8
    seed: int = 0
    out: Path = Path("runs")
    name: str | None = None
    replace: bool = False
    measure: bool = True
    pairs: int = 30
    threads: int = 1
    deploy: bool = False
    half: bool = False
    command: tuple[str, ...] = ()


@dataclass(frozen=True)
class Size:
    """What a network costs: `macs` and `activation_bytes` for one image, bytes of its file."""

    params: int
    macs: int
    activation_bytes: int
    file_bytes: int


@dataclass(frozen=True)
class FrozenGroup:
    """Channels that had to stay, and why; as `segprune.graph.Frozen`."""

    layers: tuple[str, ...]
    channels: int
    reason: str
    source: str | None


@dataclass(frozen=True)
class PruneRecord:
    """A run, as it is kept in `record.json`; digests are SHA-256.

    Attributes:
        weights: digest of the file of dense weights; None where none was given.
        frames, frames_digest: how many images were read, and their digest; 0 and None without.
        network: digest of the dense network's names and shapes.
        plan, artifact: digests of the plan and of the artefact's file.
        widths: how many kept layer widths there are, and how many of them are multiples of 8.
        depthwise: how many of the convolutions are depthwise, and how many convolutions there are.
        free_share: share of the hidden channels that may go.
        difference: largest difference to the masked twin's output on the example, relative to the
            largest output.
        violations: what verification found; empty in every record that is written by `run_prune`.
    """

    SCHEMA: ClassVar[str] = "segprune.prune/1"

    command: tuple[str, ...]
    model: str
    input: tuple[int, ...]
    budget: Mapping[str, float]
    scope: str
    shares: Mapping[str, float]
    importance: str
    round_to: int
    ignore: tuple[str, ...]
    seed: int
    deploy: bool
    half: bool
    weights: str | None
    frames: int
    frames_digest: str | None
    network: str
    plan: str
    artifact: str
    dense: Size
    pruned: Size
    widths: tuple[int, ...]
    depthwise: tuple[int, ...]
    free_share: float
    frozen: tuple[FrozenGroup, ...]
    unreached: tuple[str, ...]
    difference: float
    violations: tuple[str, ...]
    speed: Speed | None
    environment: Environment


@dataclass(frozen=True)
class PruneResult:
    """What came of a job: where it is, and its record; or the violations, and nothing on disk."""

    violations: tuple[Violation, ...]
    folder: Path | None
    record: PruneRecord | None


@dataclass(frozen=True)
class Dense:
    """A dense network with what it is run on.

    Attributes:
        example: images `(N, C, H, W)`: frames where a folder was given, random numbers otherwise.
        weights: digest of the file they came from, or None.
    """

    model: nn.Module
    example: Tensor
    frames: Frames | None
    weights: str | None


def load_dense(
    model: str,
    *,
    input: tuple[int, ...],
    classes: int | None = None,
    weights: Path | None = None,
    data: Path | None = None,
    batches: int = 1,
    seed: int = 0,
) -> Dense:
    """Build a network, fill it with weights, and read or draw its example input.

    Raises:
        ModelError: no such network, or weights of another one.
        ArtifactError: a file of weights that cannot be read.
        InputError: images that cannot be read, or sizes that do not fit them.
    """
    state = read_weights(weights) if weights else None
    # Checkpoints for inference lack the auxiliary heads; then the network is built without.
    aux = state is None or any("aux" in name for name in state)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = resolve(model, classes, aux)
    if state is not None:
        load_weights(network, state, str(weights))
    frames = None
    if data is not None:
        known = None if is_reference(model) else (classes or 19)
        frames = read_batches(data, batches, input, known)
        example = frames.images
    else:
        example = torch.randn(input, generator=torch.Generator().manual_seed(seed))
    return Dense(network, example, frames, file_digest(weights) if weights else None)


def run_prune(job: PruneJob, progress: Progress = lambda step, done, total: None) -> PruneResult:
    """Do the whole job.

    A network that fails its proof leaves nothing on disk. Interrupted at any time, nothing is left
    either: the folder of results appears at the end, in one move.

    Raises:
        SegpruneError: of the kind that fits; see the functions this calls.
    """
    folder = _folder(job)  # before the work: a name that is taken should not cost minutes
    progress("load", 0, 1)
    dense = load_dense(
        job.model, input=job.input, classes=job.classes, weights=job.weights, data=job.data,
        batches=job.batches, seed=job.seed,
    )  # fmt: skip
    progress("trace", 0, 1)
    graph = trace(dense.model, dense.example)
    _check_labels(dense)
    progress("plan", 0, 1)
    plan = _annotated(_plan(job, dense, graph), job, graph)
    progress("prune", 0, 1)
    small = prune(dense.model, plan)
    progress("verify", 0, 1)
    violations = verify(dense.model, small, plan, graph)
    if violations:
        return PruneResult(violations, None, None)
    apart = _difference(dense, small, plan)
    speed = None
    if job.measure:
        speed = measure(
            dense.model, small, dense.example, pairs=job.pairs, threads=job.threads, seed=job.seed,
            progress=lambda done, total: progress("measure", done, total),
        )  # fmt: skip
    progress("write", 0, 1)
    with new_folder(folder, replace=job.replace) as staging:
        artifact = staging / f"{folder.name}.safetensors"
        save(
            artifact, small, plan, dtype=torch.float16 if job.half else None, deploy=job.deploy,
            metadata={"model": job.model, "weights": dense.weights or "none given"},
        )  # fmt: skip
        record = _record(job, dense, graph, plan, small, artifact, apart, speed)
        write_atomic(staging / "plan.json", plan.to_json() + "\n")
        write_record(staging / "record.json", record)
    progress("write", 1, 1)
    return PruneResult((), folder, record)


# -- steps -----------------------------------------------------------------------------------------


def _folder(job: PruneJob) -> Path:
    """Where the results go: the name asked for, or one derived from the job that is still free."""
    if job.name is not None:
        if job.name in ("", ".", "..") or any(sign in job.name for sign in "/\\\0"):
            raise InputError(
                f"name: expected a folder's name without slashes, found {job.name!r}; "
                "choose the place with --out and the name with --name."
            )
        folder = job.out / job.name
        if folder.exists() and not job.replace:
            raise InputError(
                f"name: expected one that is free, found {folder} there already; choose another "
                "name, or pass --replace."
            )
        return folder
    network = job.model.partition(":")[2].replace(".", "-") or job.model
    amount = "-".join(f"{kind}-{share:g}" for kind, share in (job.budget or {}).items())
    stem = f"{network}-{amount or 'layers'}-{job.importance}"
    names = [stem, *(f"{stem}-{number}" for number in range(2, 10_000))]
    return next(job.out / name for name in names if not (job.out / name).exists())


def _check_labels(dense: Dense) -> None:
    """Labels must be classes of the network, which for a user's own only its output tells."""
    if dense.frames is None or not dense.frames.labelled:
        return
    with torch.inference_mode():
        classes = primary(run_method(dense.model, "forward", dense.example)).shape[1]
    for _, labels in dense.frames.batches:
        highest = int(labels[labels != 255].max()) if bool((labels != 255).any()) else 0
        if highest >= classes:
            raise InputError(
                f"data: expected labels below {classes}, the network's number of classes, or 255 "
                f"for void, found {highest}; build it with more classes, or map the labels."
            )


def _plan(job: PruneJob, dense: Dense, graph: ChannelGraph) -> PrunePlan:
    return make_plan(
        dense.model,
        graph,
        budget=job.budget,
        importance=job.importance,
        scope=job.scope,
        round_to=job.round_to,
        ignored_layers=job.ignore,
        calibration=dense.frames.batches if dense.frames else None,
        seed=job.seed,
    )


def _annotated(plan: PrunePlan, job: PruneJob, graph: ChannelGraph) -> PrunePlan:
    """The plan with the dense width of every layer in its notes, so that it can be read alone."""
    layers = {
        weight: [layer.row_dim, len(layer.rows)] for weight, layer in graph.state.layers.items()
    }
    return dataclasses.replace(plan, notes={**plan.notes, "model": job.model, "layers": layers})


def _difference(dense: Dense, small: nn.Module, plan: PrunePlan) -> float:
    twin = mask(dense.model, plan).eval()
    with torch.inference_mode():
        theirs = tensors_in(run_method(twin, "forward", dense.example))
        ours = tensors_in(run_method(small, "forward", dense.example))
    return max(difference(one, other) for one, other in zip(ours, theirs, strict=True))


# -- record ----------------------------------------------------------------------------------------


def _record(
    job: PruneJob,
    dense: Dense,
    graph: ChannelGraph,
    plan: PrunePlan,
    small: nn.Module,
    artifact: Path,
    apart: float,
    speed: Speed | None,
) -> PruneRecord:
    kept = _widths(graph, plan)
    return PruneRecord(
        command=job.command,
        model=job.model,
        input=tuple(dense.example.shape),
        budget=dict(job.budget or {}),
        scope=job.scope if isinstance(job.scope, str) else "layers",
        shares={} if isinstance(job.scope, str) else dict(job.scope),
        importance=job.importance,
        round_to=job.round_to,
        ignore=job.ignore,
        seed=job.seed,
        deploy=job.deploy,
        half=job.half,
        weights=dense.weights,
        frames=dense.frames.count if dense.frames else 0,
        frames_digest=dense.frames.digest if dense.frames else None,
        network=plan.network,
        plan=plan.digest,
        artifact=file_digest(artifact),
        dense=_size(dense.model, graph, _state_bytes(dense.model)),
        pruned=_size(small, dense.example, artifact.stat().st_size),
        widths=(len(kept), sum(width % 8 == 0 for width in kept)),
        depthwise=_depthwise(dense.model),
        free_share=graph.free_share,
        frozen=tuple(
            FrozenGroup(group.layers, group.channels, group.reason, group.source)
            for group in graph.frozen
        ),
        unreached=graph.unreached,
        difference=apart,
        violations=(),
        speed=speed,
        environment=environment(),
    )


def _size(model: nn.Module, example: Any, file_bytes: int) -> Size:
    counted = cost(model, example)
    return Size(counted.params, counted.macs, counted.activation_bytes, file_bytes)


def _state_bytes(model: nn.Module) -> int:
    """Bytes of all tensors, tied ones once: what a file of the dense network takes."""
    tensors = tensors_of(model)
    return sum(tensors[first].nbytes for first in aliases(model))


def _widths(graph: ChannelGraph, plan: PrunePlan) -> list[int]:
    """How many channels each layer keeps."""
    return [
        len(plan.kept.get(weight, {}).get(layer.row_dim, layer.rows))
        for weight, layer in graph.state.layers.items()
    ]


def _depthwise(model: nn.Module) -> tuple[int, ...]:
    convolutions = [m for m in model.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d))]
    return sum(m.groups > 1 and m.groups == m.in_channels for m in convolutions), len(convolutions)
