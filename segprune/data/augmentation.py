"""Training views of a sample: scale, crop, flip and colour, as a pure function of its address.

A view depends on (seed, epoch, index) alone: not on the order of calls, not on the process, not on
torch's global generator. A crop is cut out of the stored image before it is resized, which gives
the same view as resizing all of it, in a fraction of the time.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional

from segprune.data.dataset import Sample
from segprune.data.frames import VOID
from segprune.errors import InputError

__all__ = ["Augmentation", "View", "augment", "draw_view", "take_view"]


@dataclass(frozen=True)
class Augmentation:
    """What a training view may look like.

    Attributes:
        crop: (H, W) of a training view. Left out, it is the stored size of its image.
        scale: the smallest and the largest factor that an image is resized by; the factor is drawn
            log-uniformly.
        flip: the probability of a mirror image.
        brightness: the factor is drawn from [1 - x, 1 + x]; 0 switches it off.
        contrast: the factor is drawn from [1 - x, 1 + x]; 0 switches it off.
        saturation: the factor is drawn from [1 - x, 1 + x]; 0 switches it off.
        rare: the probability that a view is centred on a pixel of a class that is drawn evenly from
            those in the image, so that small classes are seen more often.
    """

    crop: tuple[int, int] | None = None
    scale: tuple[float, float] = (0.5, 2.0)
    flip: float = 0.5
    brightness: float = 0.4
    contrast: float = 0.4
    saturation: float = 0.4
    rare: float = 0.0

    def __post_init__(self) -> None:
        low, high = self.scale
        if not 0 < low <= high < math.inf:
            raise InputError(
                f"augmentation.scale: expected [low, high], found {list(self.scale)}; both are "
                "above 0, and [0.5, 2.0] is usual."
            )
        if self.crop is not None and min(self.crop) < 1:
            raise InputError(
                f"augmentation.crop: expected [H, W] above 0, found {list(self.crop)}."
            )


@dataclass(frozen=True)
class View:
    """What was drawn for one view.

    Attributes:
        top, left, window: the part of the stored image that is seen; it may reach beyond.
        size: (H, W) that the part is resized to.
        flip: whether it is mirrored.
        brightness, contrast, saturation: factors, or None where switched off.
    """

    top: int
    left: int
    window: tuple[int, int]
    size: tuple[int, int]
    flip: bool
    brightness: float | None
    contrast: float | None
    saturation: float | None


def augment(
    sample: Sample, augmentation: Augmentation, seed: int, epoch: int, index: int
) -> tuple[Tensor, Tensor]:
    """A view: image uint8 `(3, h, w)` and label uint8 `(h, w)`, with void where the image ends.

    Raises:
        InputError: image and label of different sizes.
    """
    return take_view(sample, draw_view(sample, augmentation, seed, epoch, index))


def draw_view(
    sample: Sample, augmentation: Augmentation, seed: int, epoch: int, index: int
) -> View:
    """The view of this address, not yet taken; errors as for `augment`."""
    height, width = (int(size) for size in sample.label.shape[-2:])
    if tuple(sample.image.shape[-2:]) != (height, width):
        raise InputError(
            f"{sample.name}: expected image and label of one size for training, found "
            f"{tuple(sample.image.shape[-2:])} and {(height, width)}; open the data set without "
            "size, and set the crop."
        )
    draw = _Draw(seed, epoch, index)
    low, high = augmentation.scale
    scale = low * (high / low) ** draw.uniform()
    crop = augmentation.crop or (height, width)
    # The window of the stored image that becomes the crop; it may reach beyond the image.
    window = (max(1, round(crop[0] / scale)), max(1, round(crop[1] / scale)))
    centre = _centre(sample.label, augmentation.rare, draw)
    top = _offset(height, window[0], draw, None if centre is None else centre[0])
    left = _offset(width, window[1], draw, None if centre is None else centre[1])
    flip = draw.uniform() < augmentation.flip
    amounts = augmentation.brightness, augmentation.contrast, augmentation.saturation
    factors = [1 + amount * (2 * draw.uniform() - 1) for amount in amounts]
    changes = [factor if amount else None for factor, amount in zip(factors, amounts, strict=True)]
    return View(top, left, window, crop, flip, *changes)


def take_view(sample: Sample, view: View) -> tuple[Tensor, Tensor]:
    """A view that was drawn, on the device where the sample is; as `augment`."""
    image, label = _cut(sample, view.top, view.left, view.window)
    if view.window != view.size:
        image = functional.resize(image, list(view.size), antialias=True)
        label = functional.resize(label[None], list(view.size), InterpolationMode.NEAREST_EXACT)[0]
    if view.flip:
        image, label = image.flip(-1), label.flip(-1)
    for change, factor in (
        (functional.adjust_brightness, view.brightness),
        (functional.adjust_contrast, view.contrast),
        (functional.adjust_saturation, view.saturation),
    ):
        if factor is not None:
            image = change(image, factor)
    return image.contiguous(), label.contiguous()


class _Draw:
    """Numbers from a generator whose seed is a hash of the view's address."""

    def __init__(self, *address: int) -> None:
        digest = hashlib.sha256(" ".join(map(str, address)).encode()).digest()
        self._generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)

    def uniform(self) -> float:
        return float(torch.rand((), generator=self._generator, dtype=torch.float64))

    def below(self, limit: int) -> int:
        return int(torch.randint(limit, (), generator=self._generator))


def _centre(label: Tensor, probability: float, draw: _Draw) -> tuple[int, int] | None:
    """A pixel of a class drawn evenly from those in the image, with some probability."""
    if draw.uniform() >= probability:
        return None
    flat = label.as_subclass(Tensor).flatten()
    present = torch.bincount(flat, minlength=VOID + 1)[:VOID].nonzero().flatten()
    if len(present) == 0:
        return None
    chosen = int(present[draw.below(len(present))])
    places = (flat == chosen).nonzero().flatten()
    place = int(places[draw.below(len(places))])
    return divmod(place, int(label.shape[-1]))


def _offset(length: int, window: int, draw: _Draw, centre: int | None) -> int:
    """Where a window starts: within the image, or around it where the window is longer."""
    room = length - window
    low, high = min(room, 0), max(room, 0)
    drawn = low + draw.below(high - low + 1)
    return drawn if centre is None else min(max(centre - window // 2, low), high)


def _cut(sample: Sample, top: int, left: int, window: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """A window; beyond the image lies its mean colour, and void."""
    image, label = sample.image.as_subclass(Tensor), sample.label.as_subclass(Tensor)
    height, width = label.shape
    rows = slice(max(top, 0), min(top + window[0], height))
    columns = slice(max(left, 0), min(left + window[1], width))
    if (rows.stop - rows.start, columns.stop - columns.start) == window:
        return image[:, rows, columns], label[rows, columns]
    colour = image.flatten(1).float().mean(dim=1).round().to(torch.uint8)
    canvas = colour.view(3, 1, 1).expand(3, *window).clone()
    void = torch.full(window, VOID, dtype=torch.uint8, device=label.device)
    inside_rows = slice(rows.start - top, rows.stop - top)
    inside_columns = slice(columns.start - left, columns.stop - left)
    canvas[:, inside_rows, inside_columns] = image[:, rows, columns]
    void[inside_rows, inside_columns] = label[rows, columns]
    return canvas, void
