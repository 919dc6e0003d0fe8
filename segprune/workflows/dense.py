"""Where every job begins: a dense network with weights, and what it is run on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from segprune.core.state.process import seeded
from segprune.data import Frames, read_batches
from segprune.data.label_map import read_label_map
from segprune.data.normalisation import NOTHING, Given, Normalisation, choose
from segprune.models.references import is_reference, resolve
from segprune.models.weights import file_digest, load_weights, read_weights
from segprune.records.preprocessing import Preprocessing
from segprune.records.speed import MemoryFormat
from segprune.speed.inputs import in_format

__all__ = ["Dense", "example_of", "lines_of", "load_dense", "random_example"]


@dataclass(frozen=True)
class Dense:
    """A dense network with what it is run on.

    Attributes:
        example: images `(N, C, H, W)`: frames where a folder was given, random numbers otherwise.
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


def load_dense(
    model: str,
    *,
    input: tuple[int, ...],
    classes: int | None = None,
    weights: Path | None = None,
    data: Path | None = None,
    batches: int = 1,
    labels: bool = False,
    seed: int = 0,
    given: Given = NOTHING,
    label_map: Mapping[Any, Any] | None = None,
) -> Dense:
    """Build a network, fill it with weights, and read or draw its example input.

    Args:
        model: a built-in network's name, or `package.module:factory`.
        input: size of one batch, `(N, C, H, W)`.
        classes: of a built-in network; None means 19.
        labels: whether those beside the images are read too.
        seed: of random weights and random images.
        given: the user's values for the normalisation of the frames.
        label_map: what single values in label files mean.

    Raises:
        ModelError: no such network, or weights of another one.
        ArtifactError: a file of weights that cannot be read.
        InputError: images that cannot be read, or a size that does not fit them.
    """
    state = read_weights(weights) if weights else None
    # Checkpoints for inference lack the auxiliary heads; then the network is built without.
    aux = state is None or any("aux" in name for name in state)
    with seeded(seed):
        network = resolve(model, classes, aux)
    if state is not None:
        load_weights(network, state, str(weights))
    known = None if is_reference(model) else (classes or 19)
    normalisation = choose(given, network=network)
    example, frames = example_of(
        input, data, batches, seed, known, labels=labels,
        preprocessing=normalisation.preprocessing, label_map=label_map,
    )  # fmt: skip
    digest = file_digest(weights) if weights else None
    return Dense(network, example, frames, digest, normalisation)


def example_of(
    input: tuple[int, ...],
    data: Path | None = None,
    batches: int = 1,
    seed: int = 0,
    num_classes: int | None = None,
    *,
    labels: bool = False,
    preprocessing: Preprocessing | None = None,
    label_map: Mapping[Any, Any] | None = None,
) -> tuple[Tensor, Frames | None]:
    """The first batch of frames and all of them; or random numbers where there is no folder."""
    if data is None:
        return random_example(input, seed), None
    values = None if label_map is None else read_label_map(label_map, "label_map")
    frames = read_batches(
        data, batches, input, num_classes, labels=labels, preprocessing=preprocessing,
        label_map=values,
    )  # fmt: skip
    return frames.images, frames


def random_example(
    size: tuple[int, ...], seed: int = 0, memory_format: MemoryFormat = "contiguous"
) -> Tensor:
    """Random numbers in the shape of a batch, the same every time."""
    numbers = torch.randn(size, generator=torch.Generator().manual_seed(seed))
    return in_format(numbers, memory_format)
