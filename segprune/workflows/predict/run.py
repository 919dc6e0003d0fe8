"""From a file and pictures to a folder of overlays or panels, a GIF or a video, and a record."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from segprune.data.classes import ClassTable
from segprune.data.opening import NAMES
from segprune.errors import InputError
from segprune.records.io import new_folder, write_record
from segprune.records.prediction import Pictured, PredictRecord, Shown
from segprune.reporting.pictures.lettering import FAINT, INK, PAPER, as_image
from segprune.reporting.pictures.moving import require_video, write_gif, write_video
from segprune.reporting.pictures.overlay import MARK, overlay
from segprune.reporting.pictures.panel import (
    compare,
    cost_note,
    image_miou,
    share_that_differs,
    side_by_side,
    with_legend,
)
from segprune.workflows.folder import choose_folder
from segprune.workflows.jobs import PredictJob, Progress, Say
from segprune.workflows.open import OpenedNetwork
from segprune.workflows.predict.classes import agreed_classes, check_label, load_networks
from segprune.workflows.predict.pictures import Picture, Pictures, open_pictures
from segprune.workflows.predict.predictor import inference_cost, predict

__all__ = ["PredictResult", "run_predict"]

_SLIDES = 1.0  # pictures per second, where they are no video
_GIF_WIDTH = 1280  # of a panel in pixels: larger GIFs are too much for a web page


@dataclass(frozen=True)
class PredictResult:
    """The folder of the pictures, and their record.

    Attributes:
        files: names in `folder`, without the record.
        assumed: names of artefacts that do not say how they want their images.
    """

    folder: Path
    files: tuple[str, ...]
    record: PredictRecord
    assumed: tuple[str, ...]


def run_predict(
    job: PredictJob,
    progress: Progress = lambda step, done, total: None,
    say: Say = lambda line: None,
) -> PredictResult:
    """Show what a network sees; the folder appears when all of it is done.

    Args:
        say: called with each line that the user has to see at once.

    Raises:
        InputError: pictures that cannot be read (named), classes that do not fit, nothing to write,
            or a name that is taken.
        ArtifactError, ModelError: as for `open_file`.
    """
    progress("load", 0, 1)
    if job.data is not None and job.data not in NAMES:
        raise InputError(
            f"data: expected one of {', '.join(NAMES)}, whose class names and colours are meant, "
            f"found {job.data!r}; leave it out, or name one."
        )
    networks = load_networks(job)
    pruned = networks[-1]
    source = open_pictures(
        job.source, root=job.root, split=job.split, count=job.count,
        size=pruned.size, labels=job.labels, label_map=job.label_map,
    )  # fmt: skip
    for line in _first_lines(networks, source):
        say(line)
    moving = job.moving or ("video" if source.rate else None)
    stills = source.rate is None if job.stills is None else job.stills
    if moving is None and not stills:
        raise InputError("stills: expected something to write, found --no-stills; add --gif.")
    if moving == "video":
        require_video()
    stem = f"predict-{pruned.name}-{source.name}"
    folder = choose_folder(job.out, job.name, stem, replace=job.replace)
    work = _Work(job, networks, source, progress)
    with new_folder(folder, replace=job.replace) as staging:
        with closing(work.frames(staging if stills else None, moving is not None)) as frames:
            rate = job.rate or source.rate or _SLIDES
            if moving == "gif":
                write_gif(staging / f"{source.name}.gif", frames, rate, work.colours)
            elif moving == "video":
                write_video(staging / f"{source.name}.mp4", frames, rate)
            else:
                for _ in frames:
                    pass
        files = tuple(sorted(path.name for path in staging.iterdir()))
        record = work.record()
        write_record(staging / "record.json", record)
    assumed = tuple(network.name for network in networks if network.normalisation.is_assumed)
    return PredictResult(folder, files, record, assumed)


class _Work:
    """Predict and draw, picture by picture, and remember what was found."""

    def __init__(
        self,
        job: PredictJob,
        networks: tuple[OpenedNetwork, ...],
        source: Pictures,
        progress: Progress,
    ) -> None:
        self._job, self._networks, self._source = job, networks, source
        self._progress = progress
        # Flat colours, for the palette of a GIF; those of the classes come with the first picture.
        self.colours: list[tuple[int, int, int]] = [PAPER, INK, FAINT, MARK]
        self._classes: ClassTable | None = None
        self._shown: tuple[Shown, ...] = ()
        self._found: list[Pictured] = []

    def frames(self, stills: Path | None, one_size: bool) -> Generator[Tensor, None, None]:
        """Draw every picture; stills go to their folder on the way."""
        size: tuple[int, ...] | None = None
        for number, picture in enumerate(self._source.pictures()):
            self._progress("predict", number, max(self._source.count, number + 1))
            found = tuple(picture.image.shape[-2:])
            size = size or found
            if one_size and found != size:
                raise InputError(
                    f"{picture.where}: expected the size of the first picture, "
                    f"{size[1]}x{size[0]}, found {found[1]}x{found[0]}; a moving picture has one "
                    "size. Leave it out, or write single pictures."
                )
            drawn = self._draw(picture)
            if stills is not None:
                as_image(drawn).save(stills / f"{picture.name}.png")
            yield drawn
        if not self._found:
            raise InputError(f"{self._job.source}: expected pictures, found none in it.")
        self._progress("predict", len(self._found), len(self._found))

    def record(self) -> PredictRecord:
        """Return the record of all pictures."""
        assert self._classes is not None
        return PredictRecord(
            command=self._job.command,
            source=self._source.name,
            classes=self._classes.names,
            network=self._shown[-1],
            dense=self._shown[0] if len(self._shown) == 2 else None,
            pictures=tuple(self._found),
        )

    def _draw(self, picture: Picture) -> Tensor:
        if self._classes is None:
            self._classes = agreed_classes(self._job, self._networks, self._source, picture.image)
            self.colours.extend(self._classes.colours)
            self._shown = tuple(_shown(one, picture.image) for one in self._networks)
        classes = self._classes
        check_label(picture, classes)
        predicted = [predict(network, picture.image) for network in self._networks]
        self._found.append(_pictured(picture, predicted, classes))
        if not self._job.panel:
            laid = overlay(picture.image, predicted[-1], classes, self._job.alpha)
            return with_legend(laid, classes)
        titles = ("dense", "pruned") if len(predicted) == 2 else ("prediction",)
        tiles = compare(
            picture.image, dict(zip(titles, predicted, strict=True)), classes, picture.label,
            self._job.alpha,
        )  # fmt: skip
        width = _GIF_WIDTH // len(tiles) if self._job.moving == "gif" else None
        return side_by_side(tiles, classes, _footer(titles, self._shown), width)


# -- numbers ---------------------------------------------------------------------------------------


def _shown(network: OpenedNetwork, image: Tensor) -> Shown:
    params, macs = inference_cost(network, image)
    return Shown(
        network.name, network.digest or "", params, macs, network.preprocessing,
        network.normalisation.source,
    )  # fmt: skip


def _first_lines(networks: tuple[OpenedNetwork, ...], source: Pictures) -> list[str]:
    """Return the normalisation (of each network if they differ), and notes."""
    found = {one.normalisation.sentence: one.name for one in networks}
    alone = len(found) == 1
    lines = [line if alone else f"{name}: {line}" for line, name in found.items()]
    return lines + [f"note: {note}" for note in source.notes]


def _footer(titles: tuple[str, ...], shown: tuple[Shown, ...]) -> list[str]:
    whole = (shown[0].params, shown[0].macs)
    return [
        f"{title}: {one.name}, {cost_note((one.params, one.macs), whole)}"
        for title, one in zip(titles, shown, strict=True)
    ]


def _pictured(picture: Picture, predicted: list[Tensor], classes: ClassTable) -> Pictured:
    scores: list[float | None] = [None, None]
    if picture.label is not None:
        scores = [image_miou(indices, picture.label, len(classes)) for indices in predicted]
    both = len(predicted) == 2
    return Pictured(
        name=picture.name,
        miou=scores[-1],
        dense_miou=scores[0] if both else None,
        changed=share_that_differs(*predicted) if both else None,
    )
