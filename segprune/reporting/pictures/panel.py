"""Pictures side by side: image, label, predictions, and where they differ; sizes below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PIL import Image
from torch import Tensor

from segprune.data.classes import ClassTable
from segprune.data.reading import VOID
from segprune.errors import InputError
from segprune.evaluation.metrics import ConfusionMatrix
from segprune.format import amount, shape_of
from segprune.reporting.pictures.lettering import (
    FAINT,
    PAPER,
    as_image,
    as_tensor,
    cut,
    legend,
    line_height,
    width_of,
    wrap,
    write,
)
from segprune.reporting.pictures.overlay import difference, overlay

__all__ = [
    "Tile",
    "compare",
    "cost_note",
    "image_miou",
    "share_that_differs",
    "side_by_side",
    "with_legend",
]

_NARROWEST, _WIDEST = 320, 640  # tiles are enlarged or reduced to lie in between


@dataclass(frozen=True)
class Tile:
    """One picture of a panel.

    Attributes:
        title: above it, to the left.
        picture: uint8 `(3, H, W)`.
        note: above it, to the right, such as its mIoU.
    """

    title: str
    picture: Tensor
    note: str = ""


def compare(
    image: Tensor,
    predictions: Mapping[str, Tensor],
    classes: ClassTable,
    label: Tensor | None = None,
    alpha: float = 0.6,
) -> tuple[Tile, ...]:
    """The tiles of a comparison: image, label if there is one, predictions, and their difference.

    Args:
        image: uint8 `(3, H, W)`.
        predictions: by title, class indices `(H, W)`; of two, the difference is added.
        label: class indices `(H, W)`, 255 for void; with it, notes have mIoUs.
        alpha: as for `overlay`.

    Raises:
        InputError: as for `overlay` and `difference`.
    """
    tiles = [Tile("image", image)]
    if label is not None:
        tiles.append(Tile("label", overlay(image, label, classes, alpha)))
    for title, indices in predictions.items():
        note = ""
        if label is not None:
            score = image_miou(indices, label, len(classes))
            note = "" if score is None else f"mIoU {100 * score:.1f} %"
        tiles.append(Tile(title, overlay(image, indices, classes, alpha), note))
    if len(predictions) == 2:
        first, second = predictions.values()
        share = share_that_differs(first, second)
        tiles.append(
            Tile("difference", difference(image, first, second), f"{100 * share:.1f} % of pixels")
        )
    return tuple(tiles)


def image_miou(indices: Tensor, label: Tensor, num_classes: int) -> float | None:
    """mIoU of one image over the classes that occur in it, or None where all of it is void.

    Raises:
        InputError: as for `ConfusionMatrix.update`.
    """
    if bool((label == VOID).all()):
        return None
    matrix = ConfusionMatrix(num_classes)
    matrix.update(indices[None], label[None])
    return matrix.score().miou


def share_that_differs(first: Tensor, second: Tensor) -> float:
    """Share of pixels, in [0, 1], in which two predictions `(H, W)` differ."""
    return float((first != second).double().mean())


def cost_note(cost: tuple[int, int], whole: tuple[int, int] | None = None) -> str:
    """Parameters and MACs in words: `0.42 M parameters (48 %), 0.60 G MACs (50 %)`.

    Args:
        cost: parameters, MACs.
        whole: those of the dense network; shares of it are added where they differ.
    """
    shares = ["", ""]
    if whole is not None and whole != cost:
        shares = [f" ({100 * part / of:.0f} %)" for part, of in zip(cost, whole, strict=True)]
    params, macs = map(amount, cost)
    return f"{params} parameters{shares[0]}, {macs} MACs{shares[1]}"


def side_by_side(
    tiles: Sequence[Tile],
    classes: ClassTable | None = None,
    footer: Sequence[str] = (),
    width: int | None = None,
) -> Tensor:
    """Tiles in a row, their titles above, a legend of the classes and the footer below.

    Args:
        tiles: of one size, at least one.
        classes: for the legend; None leaves it out.
        footer: lines of text; those that are too long are continued on another line.
        width: of one tile; None enlarges small ones and reduces large ones.

    Returns:
        uint8 `(3, h, w)`, on white.

    Raises:
        InputError: no tile, or tiles of several sizes.
    """
    if not tiles or len({tile.picture.shape for tile in tiles}) != 1:
        found = ", ".join(shape_of(tile.picture.shape) for tile in tiles) or "none"
        raise InputError(f"tiles: expected one or more pictures of one size, found {found}.")
    height, wide = tiles[0].picture.shape[-2:]
    width = width or _fitting(wide)
    height = max(1, round(height * width / wide))
    size = max(13, min(22, width // 20))
    gap, margin = max(6, width // 40), max(10, width // 24)
    inner = len(tiles) * width + (len(tiles) - 1) * gap
    strip = None if classes is None else as_image(legend(classes, inner, size))
    lines = [part for line in footer for part in wrap(line, inner, size)]
    top = margin + line_height(size)
    below = top + height + gap + (strip.height if strip else 0)
    canvas = Image.new(
        "RGB", (inner + 2 * margin, below + len(lines) * line_height(size) + margin), PAPER
    )
    for number, tile in enumerate(tiles):
        x = margin + number * (width + gap)
        _head(canvas, tile, (x, margin + line_height(size) // 2), width, size)
        canvas.paste(_scaled(tile.picture, width, height), (x, top))
    if strip:
        canvas.paste(strip, (margin, top + height + gap))
    for number, line in enumerate(lines):
        y = below + number * line_height(size) + line_height(size) // 2
        write(canvas, (margin, y), line, size, FAINT)
    return as_tensor(canvas)


def with_legend(picture: Tensor, classes: ClassTable) -> Tensor:
    """A picture alone, a legend below it: uint8 `(3, h, w)`; small ones are enlarged."""
    height, wide = picture.shape[-2:]
    width = wide if wide >= _NARROWEST else _fitting(wide)
    height = max(1, round(height * width / wide))
    size = max(13, min(22, width // 36))
    strip = as_image(legend(classes, width - size, size))
    canvas = Image.new("RGB", (width, height + strip.height + size), PAPER)
    canvas.paste(_scaled(picture, width, height), (0, 0))
    canvas.paste(strip, (size // 2, height + size // 2))
    return as_tensor(canvas)


def _head(canvas: Image.Image, tile: Tile, place: tuple[int, int], width: int, size: int) -> None:
    note = cut(tile.note, width * 2 // 3, size) if tile.note else ""
    taken = width_of(note, size) + size if note else 0
    write(canvas, place, cut(tile.title, width - taken, size), size)
    if note:
        write(canvas, (place[0] + width - width_of(note, size), place[1]), note, size, FAINT)


def _fitting(width: int) -> int:
    if width < _NARROWEST:
        return width * -(-_NARROWEST // width)  # whole pixels stay whole
    return min(width, _WIDEST)


def _scaled(picture: Tensor, width: int, height: int) -> Image.Image:
    image = as_image(picture)
    if image.size == (width, height):
        return image
    whole = width % image.width == 0 and height % image.height == 0
    how = Image.Resampling.NEAREST if whole else Image.Resampling.LANCZOS
    return image.resize((width, height), how)
