"""Evaluate: a network on a labelled data set, the same bits every time.

Logits are resized to the label's own size (bilinear, align_corners=False) in float32; the lowest
index wins a tie.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segprune.core.planning.calibration import logits_of
from segprune.core.state.snapshot import preserve_attributes
from segprune.errors import InputError, SegpruneError
from segprune.evaluation.metrics import ConfusionMatrix
from segprune.evaluation.probabilities import require_logits
from segprune.records.preprocessing import Preprocessing
from segprune.records.score import Score

if TYPE_CHECKING:
    from segprune.data.dataset import Sample, SegmentationDataset

__all__ = [
    "Evaluation",
    "at_rest",
    "best_classes",
    "evaluate",
    "evaluate_images",
    "is_guess",
    "near_chance",
    "predict",
    "require_two_classes",
]  # fmt: skip

Progress = Callable[[int, int], None]
"""Called with images done, and images in all."""


@dataclass(frozen=True)
class Evaluation:
    """Everything that evaluating a network gives.

    Attributes:
        matrix: the counts of every image.
        names: of the images, in order.
        predictions: SHA-256 over the predicted classes of all images (uint8), in order.
        data: SHA-256 over images and labels, the same as `dataset.digest()`.
    """

    score: Score
    matrix: ConfusionMatrix
    names: tuple[str, ...]
    predictions: str
    data: str


def evaluate(
    model: nn.Module,
    dataset: SegmentationDataset,
    *,
    preprocessing: Preprocessing | None = None,
    batch_size: int = 1,
    progress: Progress | None = None,
) -> Score:
    """Score a network on every image of a data set, on the device where the network is.

    Args:
        model: images `(N, 3, H, W)` to logits `(N, K, h, w)`, or a tuple or dict that has them
            first or under "out"; one channel z means two classes with the logits 0 and z. It is
            left as it was, training mode included.
        preprocessing: of the pixels; None means ImageNet's mean and standard deviation. The data
            set resizes, if it was opened with a size.
        batch_size: images of equal size that run together. Some processors round otherwise in
            other batches: up to one pixel in a million may then differ.
        progress: called after each image.

    Raises:
        InputError: logits of another number of classes or that are not finite, a network that
            fails, an image that cannot be read, or no labelled pixel at all; the image is named.
    """
    return evaluate_images(
        model, dataset, preprocessing=preprocessing, batch_size=batch_size, progress=progress
    ).score


def evaluate_images(
    model: nn.Module,
    dataset: SegmentationDataset,
    *,
    preprocessing: Preprocessing | None = None,
    batch_size: int = 1,
    progress: Progress | None = None,
) -> Evaluation:
    """As `evaluate`, with the counts of every image, and digests of all predictions and images."""
    if batch_size < 1:
        raise InputError(
            f"batch_size: expected at least 1, found {batch_size}; 1 is what results are "
            "compared at."
        )
    prepare = preprocessing or Preprocessing()
    device, dtype = _home_of(model)
    matrix = ConfusionMatrix(len(dataset.classes))
    predictions, data = hashlib.sha256(), hashlib.sha256()
    names: list[str] = []
    # Not inference_mode: what a network keeps of such a run could never be trained with again.
    with at_rest(model), _same_algorithms(), torch.no_grad():
        for group in _groups(dataset, batch_size):
            images = torch.stack([sample.image.as_subclass(Tensor) for sample in group])
            logits = _logits(model, prepare(images.to(device)).to(dtype), group, dataset, not names)
            _check_logits(logits, group, len(dataset.classes))
            for sample, own in zip(group, logits, strict=True):
                label = sample.label.as_subclass(Tensor)
                guessed = best_classes(own[None], label.shape[-2:]).cpu()
                matrix.update(guessed, label[None])
                predictions.update(guessed.numpy().astype(np.uint8).tobytes())
                for part in sample.content():
                    data.update(part)
                names.append(sample.name)
                if progress is not None:
                    progress(len(names), len(dataset))
    if not matrix.counts.any():
        raise InputError(
            f"{dataset.name} {dataset.split}: expected labelled pixels, found none in "
            f"{len(names)} images; check the labels, or take another split."
        )
    return Evaluation(
        matrix.score(), matrix, tuple(names), predictions.hexdigest(), data.hexdigest()
    )


def predict(model: nn.Module, images: Tensor) -> Tensor:
    """Return the logits `(N, K, h, w)` among the outputs of a network.

    One channel becomes the logits of two classes
    (`segprune.core.planning.calibration.two_classes`).
    """
    return logits_of(model(images))


def best_classes(logits: Tensor, size: Sequence[int]) -> Tensor:
    """Class indices `(N, H, W)` int64 of logits `(N, K, h, w)`, resized; ties go to the lowest."""
    logits = logits.float()
    if tuple(logits.shape[-2:]) != tuple(size):
        logits = F.interpolate(logits, size=tuple(size), mode="bilinear", align_corners=False)
    # torch promises the first of several maxima, for `max` as for `argmax`; `max` is faster.
    return logits.max(dim=1).indices


@contextlib.contextmanager
def at_rest(model: nn.Module) -> Iterator[None]:
    """The network in evaluation mode, and each of its modules as it was afterwards."""
    with preserve_attributes(model):
        model.eval()
        yield


@contextlib.contextmanager
def _same_algorithms() -> Iterator[None]:
    """On a GPU, convolutions by an algorithm that is repeatable, not by the one found fastest."""
    cudnn = torch.backends.cudnn
    before = cudnn.deterministic, cudnn.benchmark
    cudnn.deterministic, cudnn.benchmark = True, False
    try:
        yield
    finally:
        cudnn.deterministic, cudnn.benchmark = before


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


def _logits(
    model: nn.Module,
    images: Tensor,
    group: list[Sample],
    dataset: SegmentationDataset,
    first: bool,
) -> Tensor:
    """Return the logits of a group; in the first group, check that they are logits."""
    try:
        logits = predict(model, images)
        if first and logits.ndim == 4 and logits.shape[1] == 2 and not logits[:, 0].any():
            # What `predict` makes of one channel; two with a first of zeros are the same.
            require_two_classes(len(dataset.classes), "model")
            require_logits(logits[:, 1:], model, images, "model")
        return logits
    except SegpruneError:
        raise
    except Exception as error:
        raise InputError(
            f"model: expected a network that takes images {tuple(images.shape)}, found "
            f"{type(error).__name__} at {_named(group)}: {error}; open the data set with a size "
            "that the network takes."
        ) from error


def require_two_classes(classes: int, of: str) -> None:
    """Raise InputError if a network of one output channel is used with other than two classes."""
    if classes != 2:
        raise InputError(
            f"{of}: expected logits of {classes} classes, found one channel, which separates two "
            "(background and foreground, in this order); build the network with a channel for each "
            'class, or write a table of two, such as names = ["background", "foreground"].'
        )


_UNLIKE = (
    "another normalisation (mean, std, range) than it was trained with, and another order of the "
    "classes"
)


def is_guess(miou: float, classes: int) -> bool:
    """Return whether a network is no better than drawing classes or always predicting one.

    With K classes, either has an mIoU of at most 1 / K; a twentieth of the way from there to 1 is
    left to noise.
    """
    chance = 1 / max(classes, 1)
    return miou <= chance + (1 - chance) / 20


def near_chance(matrix: ConfusionMatrix, causes: str = _UNLIKE) -> str:
    """Return a warning if a dense network does no better than guessing; else an empty string.

    That is an mIoU as of guesses (`is_guess`), or one class nearly everywhere.

    Args:
        causes: what usually explains it.
    """
    counts, score = matrix.counts, matrix.score()
    classes, labelled = len(counts), max(int(counts.sum()), 1)
    predicted = counts[:, :classes].sum(axis=0) / labelled
    commonest = int(predicted.argmax())
    everywhere = predicted[commonest] > 0.98 and counts[commonest].sum() < 0.9 * labelled
    if classes < 2 or not (is_guess(score.miou, classes) or everywhere):
        return ""
    return (
        f"the dense network does not do better than guessing: mIoU {100 * score.miou:.1f} of "
        f"{classes} classes, and {predicted[commonest]:.0%} of the pixels are predicted as class "
        f"{commonest}; usual causes are {causes}"
    )


def _check_logits(logits: Tensor, group: list[Sample], classes: int) -> None:
    wanted = (len(group), classes)
    if logits.ndim != 4 or tuple(logits.shape[:2]) != wanted:
        raise InputError(
            f"model: expected logits ({wanted[0]}, {classes}, H, W), one channel for each class of "
            f"the data set, found {tuple(logits.shape)} at {_named(group)}; build it with that "
            "many classes."
        )
    for sample, own in zip(group, logits, strict=True):
        if not bool(torch.isfinite(own).all()):
            found = "NaN" if bool(torch.isnan(own).any()) else "infinity"
            raise InputError(
                f"model: expected finite logits of {sample.name}, found {found}; its weights or "
                "its normalisation statistics are broken."
            )


def _named(group: list[Sample]) -> str:
    first, last = group[0].name, group[-1].name
    return first if len(group) == 1 else f"{first} to {last}"


def _home_of(model: nn.Module) -> tuple[torch.device, torch.dtype]:
    """Where a network computes, and in which type."""
    tensors = itertools.chain(model.parameters(), model.buffers())
    first = next((t for t in tensors if t.is_floating_point()), torch.empty(0))
    return first.device, first.dtype
