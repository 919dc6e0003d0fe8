"""`open_dataset`: a data set by its name."""

from __future__ import annotations

from pathlib import Path

from segprune.data.dataset import ClassTable, SegmentationDataset
from segprune.errors import InputError

__all__ = ["NAMES", "open_dataset"]

NAMES = ("streets", "camvid", "cityscapes", "folder")


def open_dataset(
    name: str,
    root: Path | str | None = None,
    *,
    split: str = "val",
    size: tuple[int, int] | None = None,
    count: int | None = None,
    classes: ClassTable | None = None,
    cache: bool = False,
) -> SegmentationDataset:
    """Open one split of a data set; nothing is downloaded.

    Args:
        name: "streets" (made on the fly, needs no root), "camvid", "cityscapes" or "folder".
        root: where the images are.
        split: "train", "val" or "test".
        size: (H, W) that images are resized to (bilinear, antialiased); labels stay at full size.
            For "streets", the size of the scene itself.
        count: only so many images, evenly spaced; for "streets", how many there are.
        classes: of "folder", unless a table lies beside the images.
        cache: keep every image in memory once it was read.

    Raises:
        InputError: an unknown name, a root that is missing or has another layout, an image without
            a label, or a size that does not match; the file is named.
    """
    if name == "streets":
        from segprune.data.streets import Streets

        if root is not None:
            raise InputError(
                f"root: expected none for streets, which is made on the fly, found {root}; "
                "leave it out."
            )
        return Streets(split, size or (128, 256), count=count)
    if name not in NAMES:
        raise InputError(
            f"data set {name!r}: expected one of {', '.join(NAMES)}, found {name!r}; "
            "open images of your own as 'folder'."
        )
    if root is None:
        raise InputError(
            f"root: expected the folder of {name}, found none; pass --root FOLDER, or root= in "
            "Python."
        )
    folder = Path(root)
    if not folder.is_dir():
        found = "a file" if folder.exists() else "nothing"
        raise InputError(f"{folder}: expected the folder of {name}, found {found}; check the path.")
    if name == "camvid":
        from segprune.data.camvid import CamVid

        return CamVid(folder, split, size=size, count=count, cache=cache)
    if name == "cityscapes":
        from segprune.data.cityscapes import Cityscapes

        return Cityscapes(folder, split, size=size, count=count, cache=cache)
    from segprune.data.folder import Folder

    return Folder(folder, split, size=size, count=count, classes=classes, cache=cache)
