"""mIoU from a streaming confusion matrix of integers, image by image.

Class IoU is TP / (TP + FP + FN) over the whole set, and mIoU its mean over the classes whose union
is not empty, as the official evaluation of Cityscapes has it. Void pixels of the target count
nowhere. A prediction that is no class (void, or out of range) is a missed pixel of the target's
class, and nobody's false alarm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from segprune.errors import InputError

__all__ = ["ConfusionMatrix", "Score", "score_counts"]


@dataclass(frozen=True)
class Score:
    """How well a network segments; shares in [0, 1].

    Attributes:
        miou: mean of the class IoUs that are not None.
        class_iou: one a class; None where neither target nor prediction has the class.
        pixel_accuracy: share of the labelled pixels that are right.
        images: how many.
    """

    miou: float
    class_iou: tuple[float | None, ...]
    pixel_accuracy: float
    images: int


class ConfusionMatrix:
    """Counts of (target, prediction) pairs, kept for every image.

    Args:
        num_classes: K, at most 254.
        void: label of pixels that count nowhere.
    """

    def __init__(self, num_classes: int, void: int = 255) -> None:
        if not 1 <= num_classes <= void:
            raise InputError(
                f"num_classes: expected 1 to {void}, below the void label, found {num_classes}."
            )
        self.num_classes, self.void = num_classes, void
        self._images: list[NDArray[np.int64]] = []

    def __len__(self) -> int:
        return len(self._images)

    @property
    def per_image(self) -> NDArray[np.int64]:
        """`(images, K, K + 1)`: rows are targets, columns predictions, the last one invalid."""
        shape = (0, self.num_classes, self.num_classes + 1)
        return np.stack(self._images) if self._images else np.zeros(shape, dtype=np.int64)

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Count a batch.

        Args:
            prediction, target: integer class indices `(N, H, W)`.

        Raises:
            InputError: other shapes or types, or a target that is neither a class nor void.
        """
        guessed, wanted = _indices("prediction", prediction), _indices("target", target)
        if guessed.shape != wanted.shape:
            raise InputError(
                f"prediction: expected the target's shape {wanted.shape}, found {guessed.shape}; "
                "resize logits to the label before taking the best class."
            )
        counted = [self._count(p, t) for p, t in zip(guessed, wanted, strict=True)]
        self._images.extend(counted)  # all of a batch or nothing of it

    def merge(self, other: ConfusionMatrix) -> None:
        """Append the images of another matrix.

        Raises:
            InputError: it counts other classes.
        """
        if (other.num_classes, other.void) != (self.num_classes, self.void):
            raise InputError(
                f"merge: expected {self.num_classes} classes and void {self.void}, found "
                f"{other.num_classes} and {other.void}; the counts do not fit together."
            )
        self._images.extend(other._images)

    def score(self) -> Score:
        """The score over all images so far.

        Raises:
            InputError: no labelled pixel was counted, so there is no score.
        """
        return score_counts(self.per_image.sum(axis=0), len(self._images))

    def _count(self, prediction: NDArray[Any], target: NDArray[Any]) -> NDArray[np.int64]:
        classes = self.num_classes
        labelled = target != self.void
        rows = target[labelled].astype(np.int64)
        if rows.size and not (0 <= rows.min() and rows.max() < classes):
            wrong = int(rows.max() if rows.max() >= classes else rows.min())
            raise InputError(
                f"target: expected classes below {classes} or void {self.void}, found {wrong}; "
                "check the data set's class table."
            )
        columns = prediction[labelled].astype(np.int64)
        columns[(columns < 0) | (columns >= classes)] = classes
        pairs = rows * (classes + 1) + columns
        counts = np.bincount(pairs, minlength=classes * (classes + 1))
        return counts.reshape(classes, classes + 1).astype(np.int64)


def score_counts(counts: NDArray[np.int64], images: int) -> Score:
    """The score of summed counts `(K, K + 1)`; errors as for `ConfusionMatrix.score`."""
    total = int(counts.sum())
    if total == 0:
        raise InputError(
            "score: expected labelled pixels, found none; the images are empty or all void."
        )
    right = np.diagonal(counts)
    union = counts.sum(axis=1) + counts[:, :-1].sum(axis=0) - right
    shares = tuple(
        int(hit) / int(all_) if all_ else None for hit, all_ in zip(right, union, strict=True)
    )
    present = [share for share in shares if share is not None]
    return Score(sum(present) / len(present), shares, int(right.sum()) / total, images)


def _indices(name: str, tensor: Tensor) -> NDArray[Any]:
    if not isinstance(tensor, Tensor) or tensor.ndim != 3:
        found = tuple(tensor.shape) if isinstance(tensor, Tensor) else type(tensor).__name__
        raise InputError(f"{name}: expected class indices (N, H, W), found {found}.")
    if tensor.is_floating_point() or tensor.is_complex():
        raise InputError(
            f"{name}: expected integers, found {tensor.dtype}; take argmax over the classes first."
        )
    array: NDArray[Any] = tensor.detach().as_subclass(Tensor).cpu().numpy()
    return array
