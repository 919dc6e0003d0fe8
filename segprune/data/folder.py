"""Images and labels of your own, with a table of their classes.

`{split}/images` with `{split}/labels`, or `images` with `labels` where nothing is split; each label
is an 8-bit PNG of class indices at the path of its image, void 255. Beside these folders lies
`classes.toml`:

    names = ["road", "car"]
    colours = [[128, 64, 128], [0, 0, 142]]  # may be left out
    label_map = { "255" = 1 }                # optional, for values that are no class indices
"""

from __future__ import annotations

from pathlib import Path

from segprune.data.classes import ClassTable, read_table
from segprune.data.files import FileDataset, folders_in, pairs_in
from segprune.data.label_map import LabelMap
from segprune.errors import InputError

__all__ = ["Folder"]

_TABLE = "classes.toml"
_SPLITS = ("train", "val", "test")


class Folder(FileDataset):
    """One split of a folder; arguments and errors as for `open_dataset`.

    Folders within `images` are searched too, and each is taken for one video sequence, whose frames
    are not independent.

    Args:
        split: the name of a folder, such as "train"; where nothing is split, every split is all
            images.
        classes: the class table to use in place of the file and of its label map.
        label_map: what single values in label files mean, in place of the file's.
    """

    def __init__(
        self,
        root: Path,
        split: str = "val",
        *,
        size: tuple[int, int] | None = None,
        count: int | None = None,
        classes: ClassTable | None = None,
        label_map: LabelMap | None = None,
        cache: bool = False,
        check: bool = True,
    ) -> None:
        place = _find(root, split)
        table, written = read_table(root / _TABLE) if classes is None else (classes, None)
        pairs = pairs_in(place / "images", place / "labels", _sequence, recursive=True)
        super().__init__(
            "folder", split, table, pairs,
            label_map=written if label_map is None else label_map, images=place / "images",
            labels=place / "labels", size=size, count=count, cache=cache, check=check,
        )  # fmt: skip
        if written and label_map is not None and dict(label_map) != written:
            self.notes += (f"label_map: the one that was given is used, not that of {_TABLE}",)


def _find(root: Path, split: str) -> Path:
    """The folder that holds `images` and `labels`."""
    if not split or split == ".." or Path(split).name != split:
        raise InputError(
            f"split: expected the name of a folder, found {split!r}; train, val and test are usual."
        )
    # Only where no other split is there: the images of one split must not pass for another's.
    place = root / split if any(_is_split(path) for path in root.iterdir()) else root
    if (place / "images").is_dir() and (place / "labels").is_dir():
        turned = [name for name in _SPLITS if (place / "images" / name).is_dir()]
        if place == root and turned:
            raise InputError(
                f"{root}: expected {split}/images and {split}/labels, found images/{turned[0]}; "
                "the split comes first: move the folders, or all splits would be one."
            )
        return place
    inside = f" with {folders_in(place)} in {split}" if place != root and place.is_dir() else ""
    raise InputError(
        f"{root}: expected {split}/images and {split}/labels, or images and labels where nothing "
        f"is split, found {folders_in(root)}{inside}; pass the folder that holds them, or another "
        "split."
    )


def _is_split(path: Path) -> bool:
    return path.name not in ("images", "labels") and (path / "images").is_dir()


def _sequence(path: Path) -> str:
    return path.parent.as_posix()
