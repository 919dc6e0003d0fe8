"""CamVid in eleven classes (Brostow et al., 2009), split and mapped as SegNet's tutorial has it.

Two layouts are read: `{split}/images` with `{split}/labels`, void 255; and the tutorial's own,
`{split}` with `{split}annot`, void 11.
"""

from __future__ import annotations

from pathlib import Path

from segprune.data.classes import CAMVID
from segprune.data.files import FileDataset, check_split, folders_in, pairs_in
from segprune.data.reading import VOID
from segprune.errors import InputError

__all__ = ["CamVid"]

_SPLITS = ("train", "val", "test")
_TUTORIAL = (*range(len(CAMVID)), VOID)


class CamVid(FileDataset):
    """One split of CamVid; arguments and errors as for `open_dataset`."""

    def __init__(
        self,
        root: Path,
        split: str = "val",
        *,
        size: tuple[int, int] | None = None,
        count: int | None = None,
        cache: bool = False,
        check: bool = True,
    ) -> None:
        check_split(split, _SPLITS)
        images, labels, mapping = _find(root, split)
        pairs = pairs_in(images, labels, _sequence)
        super().__init__(
            "camvid", split, CAMVID, pairs, mapping=mapping,
            images=images, labels=labels, size=size, count=count, cache=cache, check=check,
        )  # fmt: skip


def _find(root: Path, split: str) -> tuple[Path, Path, tuple[int, ...] | None]:
    """The folders of images and labels, and the mapping of the labels."""
    for images, labels, mapping in (
        (root / split / "images", root / split / "labels", None),
        (root / split, root / f"{split}annot", _TUTORIAL),
    ):
        if images.is_dir() and labels.is_dir():
            return images, labels, mapping
    raise InputError(
        f"{root}: expected {split}/images and {split}/labels, or {split} and {split}annot, "
        f"found {folders_in(root)}; pass the folder that holds them, or another split."
    )


def _sequence(path: Path) -> str:
    """`0016E5_07959.png` is from the sequence 0016E5."""
    return path.stem.split("_")[0]
