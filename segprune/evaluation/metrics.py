"""mIoU from a streaming confusion matrix of integers, image by image.

Class IoU is TP / (TP + FP + FN) over the whole set, and mIoU its mean over the classes whose union
is not empty, as the official evaluation of Cityscapes has it. Void pixels of the target count
nowhere. A prediction that is no class (void, or out of range) is a missed pixel of the target's
class, and nobody's false alarm.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from segprune.errors import InputError
from segprune.records.score import Score

__all__ = ["ConfusionMatrix", "score_counts"]


class ConfusionMatrix:
    """Counts of (target, prediction) pairs, in all and for every image.

    An image has few of the many possible pairs, so its counts are kept as the cells that are not
    zero: 20,000 images of 150 classes take megabytes, not gigabytes.

    Args:
        num_classes: K, at most the void label.
        void: label of pixels that count nowhere.
    """

    def __init__(self, num_classes: int, void: int = 255) -> None:
        if not 1 <= num_classes <= void:
            raise InputError(
                f"num_classes: expected 1 to {void}, below the void label, found {num_classes}; "
                "pass the number of classes without void."
            )
        self.num_classes, self.void = num_classes, void
        self._counts = np.zeros((num_classes, num_classes + 1), dtype=np.int64)
        self._images: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []

    @classmethod
    def from_entries(
        cls, entries: NDArray[np.int64], images: int, num_classes: int, void: int = 255
    ) -> ConfusionMatrix:
        """The matrix of so many images that has these `entries`.

        Raises:
            InputError: not what `entries` gives for so many images and classes.
        """
        matrix = cls(num_classes, void)
        columns = num_classes + 1
        if not _are_entries(entries, images, num_classes):
            raise InputError(
                f"entries: expected int64 rows (image, target, prediction, count), in order, of "
                f"{images} images and {num_classes} classes, found others in an array "
                f"{entries.shape}; they belong to another evaluation."
            )
        places = np.searchsorted(entries[:, 0], np.arange(images + 1))
        for first, last in itertools.pairwise(places):
            _, row, column, counts = entries[first:last].T
            matrix._append(row * columns + column, counts)
        return matrix

    def __len__(self) -> int:
        return len(self._images)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Over all images, `(K, K + 1)`: rows are targets, columns predictions, the last invalid.

        A copy.
        """
        return self._counts.copy()

    @property
    def per_image(self) -> NDArray[np.int64]:
        """As `counts`, for each image: `(images, K, K + 1)`; large where images and K are many."""
        dense = np.zeros((len(self._images), self._counts.size), dtype=np.int64)
        for row, (cells, counts) in zip(dense, self._images, strict=True):
            row[cells] = counts
        return dense.reshape(-1, *self._counts.shape)

    @property
    def entries(self) -> NDArray[np.int64]:
        """What `per_image` has that is not zero: rows of image, target, prediction and count."""
        parts = [
            np.stack([np.full_like(cells, image), *divmod(cells, self.num_classes + 1), counts], 1)
            for image, (cells, counts) in enumerate(self._images)
        ]
        return np.concatenate([np.zeros((0, 4), dtype=np.int64), *parts])

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Count a batch.

        Args:
            prediction, target: integer class indices `(N, H, W)`.

        Raises:
            InputError: other shapes or types, or a target that is neither a class nor void; nothing
                is counted then.
        """
        guessed, wanted = _indices("prediction", prediction), _indices("target", target)
        if guessed.shape != wanted.shape:
            raise InputError(
                f"prediction: expected the target's shape {wanted.shape}, found {guessed.shape}; "
                "resize logits to the label before taking the best class."
            )
        counted = [self._count(p, t) for p, t in zip(guessed, wanted, strict=True)]
        for counts in counted:  # all of a batch or nothing of it
            cells = np.flatnonzero(counts)
            self._append(cells, counts[cells])

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
        self._counts += other._counts

    def score(self) -> Score:
        """The score over all images so far.

        Raises:
            InputError: no labelled pixel was counted, so there is no score.
        """
        return score_counts(self._counts, len(self._images))

    def _append(self, cells: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
        """One image, by the cells of its flat matrix that are not zero, in order."""
        self._images.append((cells, counts))
        self._counts.reshape(-1)[cells] += counts  # no cell occurs twice

    def _count(self, prediction: NDArray[Any], target: NDArray[Any]) -> NDArray[np.int64]:
        """Counts of one image, `(K * (K + 1),)`."""
        classes = self.num_classes
        labelled = target != self.void
        rows = target[labelled].astype(np.int64)
        if rows.size and (rows.min() < 0 or rows.max() >= classes):
            wrong = int(rows.max() if rows.max() >= classes else rows.min())
            raise InputError(
                f"target: expected classes below {classes} or void {self.void}, found {wrong}; "
                "check the data set's class table."
            )
        columns = prediction[labelled].astype(np.int64)
        columns[(columns < 0) | (columns >= classes)] = classes
        pairs = rows * (classes + 1) + columns
        return np.bincount(pairs, minlength=classes * (classes + 1)).astype(np.int64, copy=False)


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
    # fsum: what `sum` makes of the last bit depends on the version of Python.
    miou = math.fsum(present) / len(present)
    return Score(miou, shares, int(right.sum()) / total, images)


def _are_entries(entries: NDArray[Any], images: int, classes: int) -> bool:
    if entries.ndim != 2 or entries.shape[1] != 4 or entries.dtype != np.int64:
        return False
    limits = (images, classes, classes + 1)
    inside = bool(((entries[:, :3] >= 0) & (entries[:, :3] < limits)).all())
    places = np.ravel_multi_index(tuple(entries[:, :3].T), limits) if inside else np.zeros(0)
    return inside and bool((np.diff(places) > 0).all() and (entries[:, 3] > 0).all())


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
