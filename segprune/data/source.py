"""Which images a network is run on; imports no torch, for a missing folder is an error at once."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segprune.data.names import NAMES, folder_of, require_folder
from segprune.errors import InputError, SegpruneWarning

__all__ = ["ImageSource"]


@dataclass(frozen=True)
class ImageSource:
    """Which images a network is run on; neither frames nor data: random numbers.

    Attributes:
        frames: a folder of images, searched recursively; see `read_batches`.
        data: the name of a data set; with `root` and `split` as for `open_dataset`. The path of a
            folder is taken for `frames`, with a `SegpruneWarning`: earlier versions had it so.
        label_map: what single values in label files mean.

    Raises:
        InputError: no such data set or folder, frames and data, or a root without data.
    """

    frames: Path | None = None
    data: str | None = None
    root: Path | None = None
    split: str = "train"
    label_map: Mapping[Any, Any] | None = None

    def __post_init__(self) -> None:
        if self.frames is not None and self.data is not None:
            raise InputError(
                f"data: expected no frames beside {self.data}, found {self.frames}; leave one out."
            )
        if self.data is not None and self.data not in NAMES:
            self._take_for_frames(Path(self.data))
        if self.root is not None and self.data is None:
            raise InputError(
                f"root: expected the name of a data set beside it, found none with {self.root}; "
                "name the data set, or pass frames=FOLDER for plain images."
            )
        require_folder(self.frames, "a folder of images")
        require_folder(self.root, folder_of(self.data))

    def _take_for_frames(self, path: Path) -> None:
        if not path.exists():
            raise InputError(
                f"data: expected the name of a data set ({', '.join(NAMES)}), found {path}, and "
                "nothing at that path; for a folder of plain images pass frames=FOLDER."
            )
        warnings.warn(
            f"data: took the path {path} for a folder of plain images, as earlier versions did; "
            f"write frames={path}. The next version takes the name of a data set alone.",
            SegpruneWarning,
            stacklevel=4,
        )
        object.__setattr__(self, "frames", path)
        object.__setattr__(self, "data", None)

    @property
    def label(self) -> str | None:
        """What to call the images in a line of text; None: random numbers."""
        if self.frames is not None:
            return self.frames.absolute().name
        return None if self.data is None else f"{self.data} {self.split}"
