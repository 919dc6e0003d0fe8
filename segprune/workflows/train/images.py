"""The images of a recipe: opened and checked before anything runs, and dealt out in batches."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional

from segprune.data.dataset import Sample, SegmentationDataset
from segprune.data.files import FileDataset, shared_images
from segprune.data.normalisation import Normalisation, choose
from segprune.data.opening import open_dataset
from segprune.data.order import EpochOrder, epoch_order
from segprune.data.reading import spread
from segprune.data.sequences import sequences_of
from segprune.errors import InputError
from segprune.records.preprocessing import Preprocessing
from segprune.training.batches import CPU, training_loader, unwrap_worker_errors
from segprune.training.fitting import steps_per_epoch
from segprune.training.input_sections import DataSection
from segprune.training.recipe import Recipe

__all__ = [
    "CALIBRATION", "RECALIBRATION", "Images", "class_pixels", "measuring_batches", "open_images",
    "require_views", "sample_digests", "stored_batches"
]  # fmt: skip

_LITTLE = 2**30
"""Bytes; the images of CamVid take a quarter, those of Cityscapes 25 times as many."""

CALIBRATION, RECALIBRATION = 16, 64
"""The most batches of unaugmented training images, if a recipe leaves their number out."""

_FEW = 8
"""Images of a split that stand for all of it."""


@dataclass(frozen=True)
class Images:
    """The images of a recipe.

    Attributes:
        training: at stored size, for `augment`.
        validation: at the size of the network's input, labels at full size.
        normalisation: the values of `preprocessing`, with their source.
        example: one normalised batch of validation images `(1, 3, H, W)`.
    """

    training: SegmentationDataset
    validation: SegmentationDataset
    preprocessing: Preprocessing
    normalisation: Normalisation
    example: Tensor

    def normalised(self, normalisation: Normalisation) -> Images:
        """Return the same images, prepared in another way."""
        preprocessing = replace(normalisation.preprocessing, size=self.preprocessing.size)
        example = preprocessing(self.validation[0].image[None])
        return Images(self.training, self.validation, preprocessing, normalisation, example)

    @property
    def lines(self) -> tuple[str, ...]:
        """Lines about the images, to print at the beginning of a run."""
        notes = dict.fromkeys((*self.training.notes, *self.validation.notes))
        return (self.normalisation.sentence, *(f"note: {note}" for note in notes))


def open_images(section: DataSection) -> Images:
    """Open both splits; errors as for `open_dataset`, before anything is trained.

    They are normalised as the section says, or with ImageNet's mean and deviation until
    `Images.normalised` is called.

    Training images are kept in memory if all of them take little of it.
    """
    training = open_dataset(
        section.name, section.root, split=section.train, count=section.count,
        label_map=section.label_map,
    )  # fmt: skip
    if len(training) * sum(len(part) for part in training[0].content()) <= _LITTLE:
        notes = training.notes
        training = open_dataset(
            section.name, section.root, split=section.train, count=section.count, cache=True,
            check=False, label_map=section.label_map,
        )  # fmt: skip
        training.notes = notes  # of the check
    validation = open_dataset(
        section.name, section.root, split=section.val, size=section.size, count=section.val_count,
        label_map=section.label_map,
    )  # fmt: skip
    if section.val != section.train and training.source(0) == validation.source(0):
        raise InputError(
            f"data.val: expected other images than those of training, found the images of training "
            f"again ({training.source(0)}); sort them into train/ and val/, or, if that is meant, "
            f"say val = {section.train!r}."
        )
    if section.val != section.train:
        validation.notes += shared_images(training, validation)
    if section.sequences is not None:
        validation.sequences = _sequences(validation, section.sequences)
    if section.size is None:
        _require_one_size(validation, "data.size", "size")
    first = validation[0].image
    normalisation = choose(section.given)
    size = (int(first.shape[-2]), int(first.shape[-1]))
    preprocessing = replace(normalisation.preprocessing, size=size)
    return Images(training, validation, preprocessing, normalisation, preprocessing(first[None]))


def _sequences(images: SegmentationDataset, given: str) -> tuple[str, ...]:
    known = images.sequences  # which are the names of streets
    names = [pair.name for pair in images.pairs] if isinstance(images, FileDataset) else known
    try:
        return sequences_of(names, known, given).labels
    except InputError as error:
        raise InputError(f"data.{error}") from error


def require_views(images: Images, recipe: Recipe) -> None:
    """Check that training views can be stacked in batches, and fill one.

    Raises:
        InputError: images of several sizes and no crop, or fewer images than a batch has.
    """
    if recipe.augmentation.crop is None:
        _require_one_size(images.training, "augmentation.crop", "crop")
    if recipe.training.epochs or recipe.recalibration.is_wanted or recipe.pruning is not None:
        steps_per_epoch(images.training, recipe)


def _require_one_size(images: SegmentationDataset, field: str, name: str) -> None:
    """Check that images have one size: views are stacked, and an artefact names one size."""
    first = images.stored_size(0)
    for index in range(1, len(images)):
        other = images.stored_size(index)
        if other != first:
            raise InputError(
                f"{field}: expected one, for the images of {images.split} are not of one size, "
                f"found none: {first[0]}×{first[1]} ({images.source(0)}) and {other[0]}×{other[1]} "
                f"({images.source(index)}); say {name} = [{first[0]}, {first[1]}], or another."
            )


def measuring_batches(
    images: Images, recipe: Recipe, given: int | None, most: int, device: torch.device = CPU
) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches to measure a network with: normalised images, and labels of their size.

    Args:
        given: the number of batches of augmented views that a recipe gives; None: every training
            image once, as the network is evaluated, in no more than `most` batches.
    """
    found = stored_batches(images, recipe, most if given is None else given, device,
                           augmented=given is not None)  # fmt: skip
    for batch, labels in found:
        yield images.preprocessing(batch.to(device)), labels.to(device)


def stored_batches(
    images: Images,
    recipe: Recipe,
    count: int,
    device: torch.device = CPU,
    *,
    augmented: bool = True,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches with images in uint8, which take a quarter of the memory.

    Args:
        count: the largest number of batches; there are fewer if the images are used up.
        augmented: take augmented views, the first ones that a training would see; else take each
            image once, as it is evaluated.
    """
    if not augmented:
        yield from itertools.islice(_plain_batches(images, recipe), count)
        return
    loader = training_loader(images.training, recipe, device=device)
    seen = epoch = 0
    with unwrap_worker_errors():
        while seen < count and len(loader):
            cast(EpochOrder, loader.sampler).set_epoch(epoch)
            for batch in itertools.islice(loader, count - seen):
                yield batch
                seen += 1
            epoch += 1


def _plain_batches(images: Images, recipe: Recipe) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield each training image once, in the order of the first epoch, at the evaluated size."""
    training = images.training
    order = epoch_order(recipe.seed, 0, len(training))
    batches = _batches_of(len(order), _plain_size(images, recipe))
    for number in range(batches):
        # All batches have nearly the same size: a batch of a single image would have no variance.
        first, last = (len(order) * place // batches for place in (number, number + 1))
        samples = [_as_evaluated(training[index], images) for index in order[first:last]]
        yield (
            torch.stack([torch.as_tensor(image) for image, _ in samples]),
            torch.stack([torch.as_tensor(label).long() for _, label in samples]),
        )


def _batches_of(count: int, size: int) -> int:
    return min(-(-count // size), max(count // 2, 1))


def _plain_size(images: Images, recipe: Recipe) -> int:
    """Return the images in a batch: about as many pixels as a batch of views, to fit memory."""
    height, width = images.example.shape[-2:]
    crop = recipe.augmentation.crop or (height, width)
    batch = recipe.training.batch_size * crop[0] * crop[1] // (height * width)
    return max(2, min(batch, recipe.training.batch_size))


def _as_evaluated(sample: Sample, images: Images) -> tuple[Tensor, Tensor]:
    size = [int(side) for side in images.example.shape[-2:]]
    image, label = sample.image, sample.label
    if list(image.shape[-2:]) != size:
        image = functional.resize(image, size, antialias=True)
    if list(label.shape[-2:]) != size:
        label = functional.resize(label, size)  # a mask: the nearest class
    return image, label


def sample_digests(images: Images) -> dict[str, str]:
    """SHA-256 of each split's names and of a few of its images, by the field that names it.

    They distinguish one set of images from another, without the time that all images take.
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
    """Count the pixels of each class in the training images, `(K,)` int64."""
    classes = len(images.training.classes)
    counts = torch.zeros(classes, dtype=torch.int64)
    for index in range(len(images.training)):
        label = images.training[index].label.flatten().long()
        counts += torch.bincount(label[label < classes], minlength=classes)
        progress(index + 1, len(images.training))
    return counts
