"""A dense network with what it is run on: frames, images of a data set, or random numbers."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from segprune.data import Frames, open_dataset, read_batches
from segprune.data.label_map import read_label_map
from segprune.data.normalisation import Normalisation
from segprune.data.source import ImageSource
from segprune.models import spec_of
from segprune.records.preprocessing import Preprocessing
from segprune.records.speed import MemoryFormat
from segprune.speed.inputs import in_format
from segprune.workflows.open import OpenedNetwork

__all__ = ["Dense", "example_of", "lines_of", "on_images", "random_example"]


@dataclass(frozen=True)
class Dense:
    """A dense network with what it is run on.

    Attributes:
        example: images `(N, C, H, W)`: the first batch of frames, or random numbers.
        weights: digest of the file they came from, or None.
        normalisation: the frames' normalisation.
    """

    model: nn.Module
    example: Tensor
    frames: Frames | None
    weights: str | None
    normalisation: Normalisation

    @property
    def lines(self) -> tuple[str, ...]:
        """Lines about its images, to print at the beginning of a run."""
        return lines_of(self.frames, self.normalisation)


def lines_of(frames: Frames | None, normalisation: Normalisation | None) -> tuple[str, ...]:
    """Lines about frames that are used: their normalisation and notes; none without frames."""
    if frames is None or normalisation is None:
        return ()
    return (normalisation.sentence, *(f"note: {note}" for note in frames.notes))


def on_images(
    opened: OpenedNetwork,
    input: tuple[int, ...],
    images: ImageSource,
    *,
    batches: int = 1,
    labels: bool = False,
    seed: int = 0,
) -> Dense:
    """Read or draw what a dense network is run on.

    Args:
        input: size of one batch, `(N, C, H, W)`.
        labels: whether those of the images are read too.
        seed: of random images.

    Raises:
        InputError: images that cannot be read, or a size that does not fit them.
    """
    spec = spec_of(opened.network)
    example, frames = example_of(
        input, images, batches, seed, None if spec is None else spec["options"]["num_classes"],
        labels=labels, preprocessing=opened.normalisation.preprocessing,
    )  # fmt: skip
    return Dense(opened.network, example, frames, opened.weights, opened.normalisation)


def example_of(
    input: tuple[int, ...],
    images: ImageSource,
    batches: int = 1,
    seed: int = 0,
    num_classes: int | None = None,
    *,
    labels: bool = False,
    preprocessing: Preprocessing | None = None,
) -> tuple[Tensor, Frames | None]:
    """The first batch of frames and all of them; or random numbers where there are no images."""
    if images.data is not None:
        from segprune.data.batches import read_dataset_batches  # needs torchvision

        dataset = open_dataset(
            images.data, images.root, split=images.split, size=(input[-2], input[-1]),
            label_map=images.label_map, check=labels,
        )  # fmt: skip
        frames = read_dataset_batches(
            dataset, batches, input, labels=labels, preprocessing=preprocessing
        )
        return frames.images, frames
    if images.frames is None:
        return random_example(input, seed), None
    given = images.label_map
    frames = read_batches(
        images.frames, batches, input, num_classes, labels=labels, preprocessing=preprocessing,
        label_map=None if given is None else read_label_map(given, "label_map"),
    )  # fmt: skip
    return frames.images, frames


def random_example(
    size: tuple[int, ...], seed: int = 0, memory_format: MemoryFormat = "contiguous"
) -> Tensor:
    """Random numbers in the shape of a batch, the same every time."""
    numbers = torch.randn(size, generator=torch.Generator().manual_seed(seed))
    return in_format(numbers, memory_format)
