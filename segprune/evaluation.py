"""Evaluate: a network on a labelled data set, the same bits every time.

Logits are resized to the label's own size (bilinear, align_corners=False) in float32; the lowest
index wins a tie.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segprune.data.preprocessing import Preprocessing
from segprune.errors import InputError
from segprune.metrics import ConfusionMatrix, Score
from segprune.observation import primary

if TYPE_CHECKING:
    from segprune.data.dataset import Sample, SegmentationDataset

__all__ = ["Evaluation", "best_classes", "evaluate", "evaluate_images", "predict"]

Progress = Callable[[int, int], None]
"""Called with images done, and images in all."""


@dataclass(frozen=True)
class Evaluation:
    """Everything that evaluating a network gives.

    Attributes:
        matrix: the counts of every image.
        names: of the images, in order.
        predictions: SHA-256 over the predicted classes of all images (uint8), in order.
    """

    score: Score
    matrix: ConfusionMatrix
    names: tuple[str, ...]
    predictions: str


def evaluate(
    model: nn.Module,
    dataset: SegmentationDataset,
    *,
    preprocessing: Preprocessing | None = None,
    batch_size: int = 1,
    device: torch.device | str | None = None,
    progress: Progress | None = None,
) -> Score:
    """Score a network on every image of a data set.

    Args:
        model: images `(N, 3, H, W)` to logits `(N, K, h, w)`, or a tuple or dict that has them
            first or under "out". It is left as it was, training mode included.
        preprocessing: of the pixels; None means ImageNet's mean and standard deviation. The data
            set resizes, if it was opened with a size.
        batch_size: images of equal size that run together.
        device: to run on; None means where the model is.
        progress: called after each image.

    Raises:
        InputError: logits of another number of classes or that are no numbers, an image that
            cannot be read, or no labelled pixel at all.
    """
    return evaluate_images(
        model, dataset, preprocessing=preprocessing, batch_size=batch_size, device=device,
        progress=progress,
    ).score  # fmt: skip


def evaluate_images(
    model: nn.Module,
    dataset: SegmentationDataset,
    *,
    preprocessing: Preprocessing | None = None,
    batch_size: int = 1,
    device: torch.device | str | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """As `evaluate`, with the counts of every image and a digest of all predictions."""
    if batch_size < 1:
        raise InputError(f"batch_size: expected at least 1, found {batch_size}.")
    prepare = preprocessing or Preprocessing()
    place = torch.device(device) if device is not None else _device_of(model)
    matrix = ConfusionMatrix(len(dataset.classes))
    digest = hashlib.sha256()
    names: list[str] = []
    with _at_rest(model), torch.inference_mode():
        for group in _groups(dataset, batch_size):
            images = torch.stack([sample.image.as_subclass(Tensor) for sample in group])
            logits = predict(model, prepare(images.to(place)))
            _check_logits(logits, group, len(dataset.classes))
            for sample, own in zip(group, logits, strict=True):
                label = sample.label.as_subclass(Tensor)
                guessed = best_classes(own[None], label.shape[-2:]).cpu()
                matrix.update(guessed, label[None])
                digest.update(guessed.numpy().astype(np.uint8).tobytes())
                names.append(sample.name)
                if progress is not None:
                    progress(len(names), len(dataset))
    return Evaluation(matrix.score(), matrix, tuple(names), digest.hexdigest())


def predict(model: nn.Module, images: Tensor) -> Tensor:
    """The logits `(N, K, h, w)` among whatever a network returns."""
    return primary(model(images))


def best_classes(logits: Tensor, size: Sequence[int]) -> Tensor:
    """Class indices `(N, H, W)` of logits `(N, K, h, w)`, resized to a size; ties go to the lowest.

    torch's argmax leaves open which of several maxima it returns; the first one is asked for here.
    """
    logits = logits.float()
    if tuple(logits.shape[-2:]) != tuple(size):
        logits = F.interpolate(logits, size=tuple(size), mode="bilinear", align_corners=False)
    best = logits[:, 0]
    chosen = torch.zeros(best.shape, dtype=torch.int64, device=logits.device)
    for index in range(1, logits.shape[1]):
        better = logits[:, index] > best
        best = torch.where(better, logits[:, index], best)
        chosen = torch.where(better, index, chosen)
    return chosen


@contextlib.contextmanager
def _at_rest(model: nn.Module) -> Iterator[None]:
    """The network in evaluation mode, and each of its modules as it was afterwards."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


def _groups(dataset: SegmentationDataset, batch_size: int) -> Iterator[list[Sample]]:
    """Neighbours of equal image size, at most so many together."""
    group: list[Sample] = []
    for index in range(len(dataset)):
        sample = dataset[index]
        if group and (len(group) == batch_size or sample.image.shape != group[0].image.shape):
            yield group
            group = []
        group.append(sample)
    if group:
        yield group


def _check_logits(logits: Tensor, group: list[Sample], classes: int) -> None:
    wanted = (len(group), classes)
    if logits.ndim != 4 or tuple(logits.shape[:2]) != wanted:
        raise InputError(
            f"model: expected logits ({wanted[0]}, {classes}, H, W), one channel for each class of "
            f"the data set, found {tuple(logits.shape)}; build it with that many classes."
        )
    for sample, own in zip(group, logits, strict=True):
        if bool(torch.isnan(own).any()):
            raise InputError(
                f"model: expected numbers as logits of {sample.name}, found NaN; its weights or "
                "its normalisation statistics are broken."
            )


def _device_of(model: nn.Module) -> torch.device:
    return next((p.device for p in model.parameters()), torch.device("cpu"))
