"""What to predict, what to compare it with, and what to write of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segprune.data.normalisation import NOTHING, Given

__all__ = ["PredictJob"]


@dataclass(frozen=True)
class PredictJob:
    """What to show, and how.

    Attributes:
        file: an artefact.
        source: an image, a folder, a video, or the name of a data set.
        against: artefact of the dense network, to compare with.
        model: `package.module:factory`, for files of networks of the user's own.
        data: data set whose classes are meant, where the file does not tell.
        root, split, count, labels: as for `open_source`.
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
    out: Path = Path("runs")
    name: str | None = None
    replace: bool = False
    command: tuple[str, ...] = ()
