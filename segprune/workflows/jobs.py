"""What each workflow is asked to do, with the defaults of Python and of the command line.

These objects import no torch, so the command line reads their defaults for its help page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segprune.core.planning.config import PruneConfig
from segprune.data.normalisation import NOTHING, Given
from segprune.format import shape_of
from segprune.records.speed import MemoryFormat

__all__ = [
    "INPUT", "INPUT_TEXT", "KEEP", "RUNS", "SWEEP_PAIRS", "EvaluationJob", "GateJob", "PredictJob",
    "Progress", "PruneJob", "Say", "SpeedJob",
]  # fmt: skip

Progress = Callable[[str, int, int], None]
"""Called with a step's name, and how much of it is done out of how much."""

Say = Callable[[str], None]
"""Called with each line that the user has to see at once."""

INPUT = (1, 3, 512, 1024)
"""The size of an example `(N, C, H, W)`, where neither the user nor a file names one."""

INPUT_TEXT = shape_of(INPUT)
"""The same as the command line has it."""

KEEP = 0.5
"""The share of its channels that each layer alone keeps, where its sensitivity is measured."""

SWEEP_PAIRS = 40
"""Pairs of calls for the speed of each plan of a sweep."""

RUNS = Path("runs")
"""The folder that holds the folders of all runs."""


@dataclass(frozen=True)
class PruneJob:
    """Prune one network; a field has the meaning of the option of the same name.

    Attributes:
        model: a built-in network's name, or `package.module:factory`.
        input: size of one batch, `(N, C, H, W)`.
        config: what the plan has to reach. Its seed is used for everything that is random.
        name: of the folder under `out`; None derives a free one.
        num_classes: of a built-in network; None means 19.
        frames, data, root, split, label_map: the images, as for `ImageSource`.
        speed: whether the dense and the pruned network are timed.
        max_seconds: the time limit of timing, even if not all pairs are measured.
        given: the user's values for the normalisation of the images.
        command: the command line to record, without paths.
    """

    model: str
    input: tuple[int, ...] = INPUT
    config: PruneConfig = field(default_factory=PruneConfig)
    num_classes: int | None = None
    weights: Path | None = None
    frames: Path | None = None
    data: str | None = None
    root: Path | None = None
    split: str = "train"
    batches: int = 8
    out: Path = RUNS
    name: str | None = None
    replace: bool = False
    speed: bool = True
    pairs: int = 30
    max_seconds: float = 60.0
    threads: int = 1
    deploy: bool = False
    half: bool = False
    given: Given = NOTHING
    label_map: Mapping[Any, Any] | None = None
    command: tuple[str, ...] = ()


@dataclass(frozen=True)
class EvaluationJob:
    """Evaluate one network; a field has the meaning of the option of the same name.

    Attributes:
        subject: an artefact, a file of weights with `model`, a built-in network's name, or
            `package.module:factory`.
        data: name of the data set; None means the one that the artefact names.
        size: (H, W) that images are resized to; None means what the artefact says, or as stored.
        given: the user's values for the normalisation.
        label_map: what single values in label files mean.
        model: the dense network whose artefact or weights `subject` is, as for `open_network`.
        weights: of a network that `subject` names.
        name: of the folder under `out`; None derives a free one.
        command: the command line to record, without paths.
    """

    subject: str
    data: str | None = None
    root: Path | None = None
    split: str = "val"
    size: tuple[int, int] | None = None
    count: int | None = None
    given: Given = NOTHING
    label_map: Mapping[Any, Any] | None = None
    model: str | None = None
    weights: Path | None = None
    device: str = "cpu"
    out: Path = RUNS
    name: str | None = None
    replace: bool = False
    command: tuple[str, ...] = ()


@dataclass(frozen=True)
class PredictJob:
    """Show what one or two networks see.

    Attributes:
        file: an artefact.
        source: an image, a folder, a video, or the name of a data set.
        against: artefact of the dense network, to compare with.
        model: `package.module:factory`, for files of networks of the user's own.
        data: data set whose classes are meant, where the file names none.
        root, split, count, labels: as for `open_pictures`.
        panel: pictures side by side; False lays the classes over the image alone.
        alpha: share of the class colours.
        moving: "gif" or "video"; None: "video" if the source is one, else nothing that moves.
        rate: frames per second of it; None: those of the source, or one a second.
        stills: a PNG of each picture; None: unless the source is a video.
        given: the user's values for the normalisation.
        label_map: what single values in label files mean.
        out, name, replace: as for `choose_folder`.
    """

    file: Path
    source: str
    against: Path | None = None
    model: str | None = None
    data: str | None = None
    root: Path | None = None
    split: str = "val"
    count: int | None = None
    labels: bool = True
    panel: bool = True
    alpha: float = 0.6
    moving: str | None = None
    rate: float | None = None
    stills: bool | None = None
    given: Given = NOTHING
    label_map: Mapping[Any, Any] | None = None
    out: Path = RUNS
    name: str | None = None
    replace: bool = False
    command: tuple[str, ...] = ()


@dataclass(frozen=True)
class SpeedJob:
    """Measure two networks in turn.

    Attributes:
        reference: artefact or weights of the first network, usually the dense one.
        candidate: artefact of the second network.
        input: size of one batch, `(N, C, H, W)`; None means the one that the artefacts name.
        memory_format: how the batch lies in memory, and so what the convolutions work on.
        model: the dense network whose artefacts or weights these are, as for `open_network`;
            required for weights, and for artefacts of networks that are not built in.
        pairs, threads: as for `measure`.
        out, name, replace: as for `choose_folder`.
    """

    reference: Path
    candidate: Path
    input: tuple[int, ...] | None = None
    memory_format: MemoryFormat = "contiguous"
    model: str | None = None
    pairs: int = 60
    threads: int = 1
    seed: int = 0
    out: Path = RUNS
    name: str | None = None
    replace: bool = False
    command: tuple[str, ...] = ()


@dataclass(frozen=True)
class GateJob:
    """Write the gates of one network; a field has the meaning of the option of the same name.

    Attributes:
        artifact: the pruned network's file.
        dense: weights of the dense network, or the artefact of a built-in one; None: the factory
            loads its own.
        model: `package.module:factory` of the dense network; None for a built-in one.
        data: name of the data set that accuracy is judged on.
        root: the folder of its images; None for "streets", or where only some machines have them.
        split: of the data set.
        name: of the case; None: the stem of the artefact's file.
        input: `(N, C, H, W)`; required where the artefact does not name it.
        out: the folder of the test module; paths in it are relative to this folder.
    """

    artifact: Path
    dense: Path | None = None
    model: str | None = None
    data: str = "streets"
    root: Path | None = None
    split: str = "val"
    name: str | None = None
    input: tuple[int, ...] | None = None
    out: Path = Path()
