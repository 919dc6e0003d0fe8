"""What is painted on an image: the classes of its pixels, and where two predictions part."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from segprune.data.classes import CAMVID, CITYSCAPES, ClassTable
from segprune.data.reading import VOID
from segprune.errors import InputError

__all__ = ["MARK", "class_table", "difference", "overlay"]

MARK = (230, 0, 110)
"""Colour of pixels that differ; everything around them is grey."""
_LIGHTEST, _CONTRAST = 255, 0.45  # of the grey image: pale, so that single marked pixels are seen

_TABLES = {"streets": CAMVID, "camvid": CAMVID, "cityscapes": CITYSCAPES}


def class_table(
    count: int, names: Sequence[str] | None = None, data: str | None = None
) -> ClassTable:
    """The class table of a network.

    Args:
        count: how many classes it has.
        names: of its classes, if they are known.
        data: name of the data set it was trained on, which knows names and colours where `names`
            is None. Names of other data sets are ignored.

    Raises:
        InputError: the names or the data set are of another number of classes.
    """
    if names is not None:
        if len(names) != count:
            raise InputError(
                f"classes: expected names of the network's {count} classes, found {len(names)} "
                "names; save the file again with the right ones."
            )
        known = (table for table in _TABLES.values() if table.names == tuple(names))
        return next(known, None) or ClassTable(tuple(names))
    if data not in _TABLES:
        return ClassTable(tuple(f"class {index}" for index in range(count)))
    if len(_TABLES[data]) != count:
        raise InputError(
            f"data: expected a data set of {count} classes, which the network has, found {data} "
            f"with {len(_TABLES[data])}; name another one, or leave it out."
        )
    return _TABLES[data]


def overlay(image: Tensor, indices: Tensor, classes: ClassTable, alpha: float = 0.6) -> Tensor:
    """An image with its classes laid over it in their colours.

    Args:
        image: uint8 `(3, H, W)`, RGB.
        indices: integers `(H, W)`: classes, or 255 for void, which leaves the image as it is.
        classes: whose colours are used.
        alpha: share of the colour, in [0, 1].

    Returns:
        uint8 `(3, H, W)`; the image itself where alpha is 0, plain colours where it is 1.

    Raises:
        InputError: other shapes or types, a class that is not in the table, or another alpha.
    """
    _check_image(image)
    _check_indices("indices", indices, image)
    if not 0 <= alpha <= 1:
        raise InputError(f"alpha: expected a share in [0, 1], found {alpha}.")
    indices = indices.as_subclass(Tensor).long()
    void = indices == VOID
    outside = (indices >= len(classes)) & ~void | (indices < 0)
    if bool(outside.any()):
        raise InputError(
            f"indices: expected classes below {len(classes)} or {VOID} for void, found "
            f"{int(indices[outside][0])}; pass the class table that they were made for."
        )
    table = torch.tensor([*classes.colours, (0, 0, 0)], dtype=torch.float32)
    colours = table[indices.masked_fill(void, len(classes))].permute(2, 0, 1)
    pixels = image.as_subclass(Tensor)
    blended = (pixels * (1 - alpha) + colours * alpha).round().to(torch.uint8)
    return torch.where(void, pixels, blended)


def difference(image: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """An image in pale grey, with exactly the pixels in `MARK` where two predictions differ.

    Args:
        image: uint8 `(3, H, W)`, RGB.
        first, second: integers `(H, W)`.

    Returns:
        uint8 `(3, H, W)`.

    Raises:
        InputError: other shapes or types.
    """
    _check_image(image)
    _check_indices("first", first, image)
    _check_indices("second", second, image)
    weights = torch.tensor((0.299, 0.587, 0.114)).view(3, 1, 1)
    light = (image.as_subclass(Tensor) * weights).sum(dim=0)
    grey = (_LIGHTEST - (_LIGHTEST - light) * _CONTRAST).round().to(torch.uint8)
    mark = torch.tensor(MARK, dtype=torch.uint8).view(3, 1, 1)
    differ = first.as_subclass(Tensor) != second.as_subclass(Tensor)
    return torch.where(differ, mark, grey.expand(3, -1, -1))


def _check_image(image: Tensor) -> None:
    if image.ndim != 3 or image.shape[0] != 3 or image.dtype != torch.uint8:
        raise InputError(
            f"image: expected uint8 (3, H, W), found {image.dtype} {tuple(image.shape)}; pass one "
            "image as it was read, without normalisation."
        )


def _check_indices(name: str, indices: Tensor, image: Tensor) -> None:
    if indices.is_floating_point() or indices.shape != image.shape[-2:]:
        raise InputError(
            f"{name}: expected integers {tuple(image.shape[-2:])}, the size of the image, found "
            f"{indices.dtype} {tuple(indices.shape)}; resize logits to the image before taking "
            "the best class."
        )
