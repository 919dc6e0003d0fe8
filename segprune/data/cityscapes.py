"""Cityscapes (Cordts et al., 2016): fine annotations, the nineteen classes that are evaluated.

The official tree is read as torchvision reads it, and labelIds become trainIds by torchvision's own
table of classes: `leftImg8bit/{split}/{city}/*_leftImg8bit.png` with
`gtFine/{split}/{city}/*_gtFine_labelIds.png`.
"""

from __future__ import annotations

from pathlib import Path

from torchvision import datasets

from segprune.data.classes import CITYSCAPES
from segprune.data.files import FileDataset, Pair, check_split, folders_in
from segprune.data.names import require_folder
from segprune.data.reading import VOID
from segprune.errors import InputError

__all__ = ["Cityscapes"]

_SPLITS = ("train", "val", "test")
_ENDING = "_leftImg8bit"


class Cityscapes(FileDataset):
    """One split of Cityscapes; arguments and errors as for `open_dataset`.

    The published labels of `test` are void throughout: `val` is what can be evaluated.
    """

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
        super().__init__(
            "cityscapes", split, CITYSCAPES, _find(root, split),
            mapping=_train_ids(), size=size, count=count, cache=cache, check=check,
        )  # fmt: skip


def _find(root: Path, split: str) -> list[Pair]:
    for kind in ("leftImg8bit", "gtFine"):
        # Looked for here, because torchvision would go on to unpack archives beside them.
        if not (root / kind).is_dir():
            raise InputError(
                f"{root}: expected leftImg8bit and gtFine, found {folders_in(root)}; unpack "
                "leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip, and pass the folder "
                "that holds both."
            )
        require_folder(root / kind / split, f"one folder for each city of {split}")
    try:
        found = datasets.Cityscapes(root, split, mode="fine", target_type="semantic")
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(
            f"{getattr(error, 'filename', None) or root}: expected Cityscapes' official tree, "
            f"found {type(error).__name__}: {error}; unpack the archives anew."
        ) from error
    # torchvision lists files in the order of the disk.
    paths = sorted(zip(found.images, found.targets, strict=True))
    if not paths:
        raise InputError(
            f"{root / 'leftImg8bit' / split}: expected images in folders of cities, found none; "
            "unpack leftImg8bit_trainvaltest.zip."
        )
    return [_pair(Path(image), Path(targets[0])) for image, targets in paths]


def _pair(image: Path, label: Path) -> Pair:
    """`bonn_000003_000019_leftImg8bit.png` is frame 19 of the sequence bonn_000003."""
    name = image.stem.removesuffix(_ENDING)
    sequence, _, frame = name.rpartition("_")
    if image.name != f"{name}{_ENDING}.png" or not sequence or not frame.isdigit():
        raise InputError(
            f"{image}: expected a name as bonn_000003_000019{_ENDING}.png, found another one; "
            "remove the file, or unpack the archives anew."
        )
    return Pair(image, label, name, sequence)


def _train_ids() -> tuple[int, ...]:
    """The class index of every labelId; ids that are not evaluated are void."""
    classes = {c.id: c.train_id for c in datasets.Cityscapes.classes if c.id >= 0}
    known = range(len(CITYSCAPES))
    return tuple(classes[id] if classes[id] in known else VOID for id in range(len(classes)))
