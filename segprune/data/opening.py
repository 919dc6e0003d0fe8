"""`open_dataset`: a data set by its name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segprune.data.label_map import read_label_map
from segprune.data.names import NAMES, folder_of, require_folder
from segprune.errors import InputError

if TYPE_CHECKING:  # torchvision is imported with the data set that needs it
    from segprune.data.classes import ClassTable
    from segprune.data.dataset import SegmentationDataset

__all__ = ["NAMES", "open_dataset"]


def open_dataset(
    name: str,
    root: Path | str | None = None,
    *,
    split: str = "val",
    size: tuple[int, int] | None = None,
    count: int | None = None,
    classes: ClassTable | None = None,
    label_map: Mapping[Any, Any] | None = None,
    cache: bool = False,
    check: bool = True,
) -> SegmentationDataset:
    """Open one split of a data set; nothing is downloaded.

    Args:
        name: "streets" (made on the fly, needs no root), "camvid", "cityscapes" or "folder".
        root: where the images are.
        split: "train", "val" or "test"; of "folder", the name of any folder.
        size: (H, W) that images are resized to (bilinear, antialiased); labels stay at full size.
            For "streets", the size of the scene itself.
        count: only so many images, evenly spaced; for "streets", how many there are.
        classes: of "folder", in place of the `classes.toml` beside the images.
        label_map: for "folder": what single values in label files mean, a class index or 255 (or
            "void"); such as `{255: 1}` for masks of 0 and 255. It replaces that of `classes.toml`.
        cache: keep every image in memory once it was read.
        check: require, before an image is read, that every image has a label of its size and that
            the labels show more than one of several classes. With False, only reading a sample
            raises an error, so that a caller can collect all errors.

    Raises:
        InputError: an unknown name, a size or count below 1, a root that is missing or has another
            layout, an image without a label, a size that does not match, or labels of one class
            alone; the file is named.
    """
    _check_numbers(size, count)
    values = None if label_map is None else read_label_map(label_map, "label_map")
    if values is not None and name in ("streets", "camvid", "cityscapes"):
        raise InputError(
            f"label_map: expected none for {name}, whose labels are mapped as they are published, "
            "found one; leave it out, or open the images as 'folder'."
        )
    if name == "streets":
        from segprune.data.streets import Streets

        if root is not None:
            raise InputError(
                f"root: expected none for streets, which is made on the fly, found {root}; "
                "leave it out."
            )
        return Streets(split, size or (128, 256), count=count, cache=cache)
    if name not in NAMES:
        raise InputError(
            f"data set {name!r}: expected one of {', '.join(NAMES)}, found {name!r}; "
            "open images of your own as 'folder'."
        )
    place = folder_of(name)
    if root is None:
        raise InputError(
            f"root: expected {place}, found none; pass --root FOLDER, or root= in Python."
        )
    folder = Path(root)
    require_folder(folder, place)
    if name == "camvid":
        from segprune.data.camvid import CamVid

        return CamVid(folder, split, size=size, count=count, cache=cache, check=check)
    if name == "cityscapes":
        from segprune.data.cityscapes import Cityscapes

        return Cityscapes(folder, split, size=size, count=count, cache=cache, check=check)
    from segprune.data.folder import Folder

    return Folder(
        folder, split, size=size, count=count, classes=classes, label_map=values, cache=cache,
        check=check,
    )  # fmt: skip


def _check_numbers(size: tuple[int, int] | None, count: int | None) -> None:
    if size is not None and (len(size) != 2 or min(size) < 1):
        raise InputError(f"size: expected (H, W) above 0, found {size}; (360, 480) is one.")
    if count is not None and count < 1:
        raise InputError(f"count: expected at least 1, found {count}; None means all.")
