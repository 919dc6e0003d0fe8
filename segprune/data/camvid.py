"""CamVid in eleven classes (Brostow et al., 2009), split and mapped as SegNet's tutorial has it.

Two layouts are read: `{split}/images` with `{split}/labels`, void 255; and the tutorial's own,
`{split}` with `{split}annot`, void 11.
"""

from __future__ import annotations

from pathlib import Path

from segprune.data.classes import CAMVID
from segprune.data.files import FileDataset, Pair, images_in, spread
from segprune.errors import InputError

__all__ = ["CamVid"]

_SPLITS = ("train", "val", "test")


class CamVid(FileDataset):
    """One split of CamVid; errors as for `open_dataset`."""

    def __init__(
        self,
        root: Path,
        split: str = "val",
        *,
        size: tuple[int, int] | None = None,
        count: int | None = None,
        cache: bool = False,
    ) -> None:
        if split not in _SPLITS:
            raise InputError(
                f"split: expected one of {', '.join(_SPLITS)}, found {split!r}; choose one."
            )
        pairs, mapping = _find(root, split)
        super().__init__(
            "camvid", split, CAMVID, spread(pairs, count), mapping=mapping, size=size, cache=cache
        )


def _find(root: Path, split: str) -> tuple[list[Pair], dict[int, int] | None]:
    images, labels = root / split / "images", root / split / "labels"
    mapping = None
    if not images.is_dir():
        images, labels = root / split, root / f"{split}annot"
        mapping = {value: value for value in range(len(CAMVID))}
    if not (images.is_dir() and labels.is_dir()):
        found = ", ".join(sorted(p.name for p in root.iterdir() if p.is_dir())) or "no folder"
        raise InputError(
            f"{root}: expected {split}/images and {split}/labels, or {split} and {split}annot, "
            f"found {found}; pass the folder that holds them, or another split."
        )
    paths = images_in(images)
    if not paths:
        raise InputError(f"{images}: expected images (png, jpg), found none; check the folder.")
    pairs = [
        Pair(path, (labels / path.name).with_suffix(".png"), path.stem, path.stem.split("_")[0])
        for path in paths
    ]
    # The tutorial's index 11 is void; whatever else it may hold is an error and stays one.
    return pairs, None if mapping is None else {**mapping, **dict.fromkeys(range(12, 255), 254)}
