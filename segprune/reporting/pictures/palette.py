"""Pictures in 256 colours, for GIFs and small PNG files."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image
from torch import Tensor

from segprune.reporting.pictures.lettering import as_image

__all__ = ["in_palette"]

_COLOURS = 256


def in_palette(
    picture: Tensor, kept: Sequence[tuple[int, int, int]] = (), colours: int = _COLOURS
) -> Image.Image:
    """A picture in few colours, without dithering, which would flicker from frame to frame.

    Args:
        picture: uint8 `(3, H, W)`.
        kept: colours that must stay what they are, such as those of a legend (to within 3 of 255,
            the steps in which Pillow looks them up); where there are too many, the first ones.
        colours: in all, at most 256.
    """
    image = as_image(picture)
    exact = list(dict.fromkeys(kept))[: colours // 2]
    chosen = image.quantize(colours - len(exact), dither=Image.Dither.NONE)
    if not exact:
        return chosen
    palette = Image.new("P", (1, 1))
    values = (chosen.getpalette() or [])[: 3 * (colours - len(exact))]
    palette.putpalette([*(value for colour in exact for value in colour), *values])
    return image.quantize(palette=palette, dither=Image.Dither.NONE)
