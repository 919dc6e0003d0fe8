"""Words in pictures: lines and class legends, in the font that Pillow brings along."""

from __future__ import annotations

import unicodedata
from functools import cache

from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torchvision.transforms.functional import pil_to_tensor, to_pil_image

from segprune.data.classes import ClassTable

__all__ = [
    "FAINT",
    "INK",
    "PAPER",
    "as_image",
    "as_tensor",
    "cut",
    "legend",
    "line_height",
    "width_of",
    "wrap",
    "write",
]

PAPER, INK, FAINT = (255, 255, 255), (28, 28, 28), (110, 110, 110)
_MOST_CLASSES = 40
_PLAIN = {"→": "->", "×": "x", "–": "-"}


def as_image(picture: Tensor) -> Image.Image:
    """uint8 `(3, H, W)` for Pillow."""
    image: Image.Image = to_pil_image(picture.as_subclass(Tensor))
    return image


def as_tensor(image: Image.Image) -> Tensor:
    """The reverse of `as_image`."""
    picture: Tensor = pil_to_tensor(image.convert("RGB"))
    return picture.contiguous()


def line_height(size: int) -> int:
    """Pixels from one line to the next."""
    return round(size * 1.45)


def width_of(text: str, size: int) -> int:
    """Pixels that a text takes."""
    return round(_font(size).getlength(_printable(text)))


def write(
    image: Image.Image,
    place: tuple[int, int],
    text: str,
    size: int,
    colour: tuple[int, int, int] = INK,
) -> None:
    """Write one line; `place` is (x, y) of its left end, y the middle of the letters."""
    pen = ImageDraw.Draw(image)
    pen.text(place, _printable(text), font=_font(size), fill=colour, anchor="lm")


def cut(text: str, width: int, size: int) -> str:
    """The text, or as much of it as fits, with three dots."""
    if width_of(text, size) <= width:
        return text
    while text and width_of(f"{text}...", size) > width:
        text = text[:-1]
    return f"{text.rstrip()}..."


def wrap(text: str, width: int, size: int) -> list[str]:
    """The text in lines that fit; a word that is too long alone is cut."""
    lines: list[str] = []
    for word in text.split():
        if lines and width_of(f"{lines[-1]} {word}", size) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(cut(word, width, size))
    return lines


def legend(classes: ClassTable, width: int, size: int = 15) -> Tensor:
    """A strip of colour patches with the names of their classes.

    Args:
        width: of the strip, in pixels; names flow into as many lines as it takes.
        size: of the letters, in pixels.

    Returns:
        uint8 `(3, h, width)`, on white.
    """
    patch, pad, gap = size, size // 2, round(size * 1.2)
    places: list[tuple[int, int, str, tuple[int, int, int] | None]] = []
    x, y = 0, 0
    entries: list[tuple[str, tuple[int, int, int] | None]] = [
        *zip(classes.names[:_MOST_CLASSES], classes.colours, strict=False)
    ]
    if len(classes) > _MOST_CLASSES:
        entries.append((f"and {len(classes) - _MOST_CLASSES} more", None))
    for name, colour in entries:
        name = cut(name, width - patch - pad, size)
        wide = patch + pad + width_of(name, size)
        if x and x + wide > width:
            x, y = 0, y + line_height(size)
        places.append((x, y, name, colour))
        x += wide + gap
    image = Image.new("RGB", (width, y + line_height(size)), PAPER)
    pen = ImageDraw.Draw(image)
    for x, y, name, colour in places:
        middle = y + line_height(size) // 2
        if colour is not None:
            box = (x, middle - patch // 2, x + patch - 1, middle - patch // 2 + patch - 1)
            pen.rectangle(box, fill=colour, outline=FAINT)
        write(image, (x + patch + pad, middle), name, size)
    return as_tensor(image)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size)


def _printable(text: str) -> str:
    """Only what the font has: Pillow's own knows little beyond ASCII."""
    text = "".join(_PLAIN.get(sign, sign) for sign in text)
    plain = unicodedata.normalize("NFKD", text)
    return "".join(
        sign if " " <= sign <= "~" else "?" for sign in plain if not unicodedata.combining(sign)
    )
