"""The images of a recipe: opened and checked before anything runs, and dealt out in batches."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from segprune.data.dataset import SegmentationDataset
from segprune.data.files import FileDataset
from segprune.data.opening import open_dataset
from segprune.data.order import EpochOrder
from segprune.data.preprocessing import Preprocessing
from segprune.data.reading import spread
from segprune.data.sequences import sequences_of
from segprune.errors import InputError
from segprune.training.batches import CPU, in_own_words, training_loader
from segprune.training.fitting import steps_per_epoch
from segprune.training.recipe import Recipe
from segprune.training.sections import DataSection

__all__ = [
    "Images", "class_pixels", "open_images", "require_views", "sample_digests", "stored_batches",
    "training_batches",
]  # fmt: skip

_LITTLE = 2**30
"""Bytes; the images of CamVid take a quarter, those of Cityscapes 25 times as many."""

_FEW = 8
"""Images of a split that stand for all of it."""


@dataclass(frozen=True)
class Images:
    """The images of a recipe.

    Attributes:
        training: at stored size, for `augment`.
        validation: at the size of the network's input, labels at full size.
        example: one normalised batch of validation images `(1, 3, H, W)`.
    """

    training: SegmentationDataset
    validation: SegmentationDataset
    preprocessing: Preprocessing
    example: Tensor


def open_images(section: DataSection) -> Images:
    """Open both splits; errors as for `open_dataset`, before anything is trained.

    Training images are kept in memory if all of them take little of it.
    """
    training = open_dataset(section.name, section.root, split=section.train, count=section.count)
    if len(training) * sum(len(part) for part in training[0].content()) <= _LITTLE:
        training = open_dataset(
            section.name, section.root, split=section.train, count=section.count, cache=True,
            check=False,
        )  # fmt: skip
    validation = open_dataset(
        section.name, section.root, split=section.val, size=section.size, count=section.val_count
    )
    if section.val != section.train and training.source(0) == validation.source(0):
        raise InputError(
            f"data.val: expected other images than those of training, found the images of training "
            f"again ({training.source(0)}); sort them into train/ and val/, or, if that is meant, "
            f"say val = {section.train!r}."
        )
    if section.sequences is not None:
        validation.sequences = _sequences(validation, section.sequences)
    if section.size is None:
        _require_one_size(validation, "data.size", "size")
    first = validation[0].image
    preprocessing = Preprocessing(size=(int(first.shape[-2]), int(first.shape[-1])))
    return Images(training, validation, preprocessing, preprocessing(first[None]))


def _sequences(images: SegmentationDataset, given: str) -> tuple[str, ...]:
    known = images.sequences  # which are the names of streets
    names = [pair.name for pair in images.pairs] if isinstance(images, FileDataset) else known
    try:
        return sequences_of(names, known, given).labels
    except InputError as error:
        raise InputError(f"data.{error}") from error


def require_views(images: Images, recipe: Recipe) -> None:
    """Whether training views can be stacked in batches, and fill one.

    Raises:
        InputError: images of several sizes and no crop, or fewer images than a batch has.
    """
    if recipe.augmentation.crop is None:
        _require_one_size(images.training, "augmentation.crop", "crop")
    if recipe.training.epochs or recipe.recalibration.batches or recipe.pruning is not None:
        steps_per_epoch(images.training, recipe)


def _require_one_size(images: SegmentationDataset, field: str, name: str) -> None:
    """Views make batches only if all are alike, and an artefact names one size to score it at."""
    first = images.stored_size(0)
    for index in range(1, len(images)):
        other = images.stored_size(index)
        if other != first:
            raise InputError(
                f"{field}: expected one, for the images of {images.split} are not of one size, "
                f"found none: {first[0]}×{first[1]} ({images.source(0)}) and {other[0]}×{other[1]} "
                f"({images.source(index)}); say {name} = [{first[0]}, {first[1]}], or another."
            )


def training_batches(
    images: Images, recipe: Recipe, count: int, device: torch.device = CPU
) -> Iterator[tuple[Tensor, Tensor]]:
    """The first `count` batches that a training would see: normalised images, and labels."""
    for batch, labels in stored_batches(images, recipe, count, device):
        yield images.preprocessing(batch.to(device)), labels.to(device)


def stored_batches(
    images: Images, recipe: Recipe, count: int, device: torch.device = CPU
) -> Iterator[tuple[Tensor, Tensor]]:
    """As `training_batches`, with images uint8, a quarter of the memory."""
    loader = training_loader(images.training, recipe, device=device)
    seen = epoch = 0
    with in_own_words():
        while seen < count and len(loader):
            cast(EpochOrder, loader.sampler).set_epoch(epoch)
            for batch in itertools.islice(loader, count - seen):
                yield batch
                seen += 1
            epoch += 1


def sample_digests(images: Images) -> dict[str, str]:
    """SHA-256 of each split's names and of a few of its images, by the field that names it.

    Enough to tell one set of images from another, in the blink that a start may take.
    """
    digests = {}
    for field, dataset in (("data.train", images.training), ("data.val", images.validation)):
        found = hashlib.sha256()
        for index in range(len(dataset)):
            found.update(Path(dataset.source(index)).name.encode() + b"\0")
        for index in spread(range(len(dataset)), _FEW):
            for part in dataset[index].content():
                found.update(part)
        digests[field] = found.hexdigest()
    return digests


def class_pixels(
    images: Images, progress: Callable[[int, int], None] = lambda done, total: None
) -> Tensor:
    """How many pixels of the training images each class has, `(K,)` int64."""
    classes = len(images.training.classes)
    counts = torch.zeros(classes, dtype=torch.int64)
    for index in range(len(images.training)):
        label = images.training[index].label.flatten().long()
        counts += torch.bincount(label[label < classes], minlength=classes)
        progress(index + 1, len(images.training))
    return counts
