"""What a recipe's run starts from: its images, and its network with weights and plan."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from segprune.artifacts import is_artifact, load, read_header
from segprune.data.dataset import SegmentationDataset
from segprune.data.opening import open_dataset
from segprune.data.order import EpochOrder
from segprune.data.preprocessing import Preprocessing
from segprune.errors import InputError
from segprune.models import build
from segprune.models.references import is_reference, resolve
from segprune.models.weights import file_digest, load_weights, read_weights
from segprune.network import layers_of
from segprune.plan import PrunePlan
from segprune.planning import make_plan
from segprune.surgery import prune
from segprune.training.batches import CPU, in_own_words, training_loader
from segprune.training.outputs import require_outputs
from segprune.training.recipe import DataSection, NetworkSection, Recipe

__all__ = [
    "Images",
    "Start",
    "artifact_preprocessing",
    "class_pixels",
    "load_artifact",
    "open_images",
    "start_from",
    "stored_batches",
    "training_batches",
    "with_widths",
]


_LITTLE = 2**30
"""Bytes; the images of CamVid take a quarter, those of Cityscapes 25 times as many."""


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


@dataclass(frozen=True)
class Start:
    """A network to train.

    Attributes:
        network: dense or pruned, in evaluation mode.
        dense: the full-size network of the same declaration; its weights mean nothing unless the
            network itself is dense.
        plan: from `dense` to `network`; keeps everything where the network is dense.
        source: digest of the file that weights came from, or None for random ones.
    """

    network: nn.Module
    dense: nn.Module
    plan: PrunePlan
    source: str | None

    @property
    def is_dense(self) -> bool:
        """Whether nothing has been removed."""
        return self.plan.network == self.plan.result


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
    if section.size is None:
        _require_one_size(validation)
    first = validation[0].image
    preprocessing = Preprocessing(size=(int(first.shape[-2]), int(first.shape[-1])))
    return Images(training, validation, preprocessing, preprocessing(first[None]))


def _require_one_size(images: SegmentationDataset) -> None:
    """An artefact names one size, which is what others will score it at."""
    first = images.stored_size(0)
    for index in range(1, len(images)):
        other = images.stored_size(index)
        if other != first:
            raise InputError(
                f"data.size: expected one, for the images of {images.split} are not of one size, "
                f"found none: {first[0]}×{first[1]} ({images.source(0)}) and {other[0]}×{other[1]} "
                f"({images.source(index)}); say size = [{first[0]}, {first[1]}], or another."
            )


def start_from(recipe: Recipe, images: Images) -> Start:
    """Build the network of a recipe, with the weights and the shapes that it asks for.

    Raises:
        ModelError, ArtifactError: no such network, or a file that does not fit it.
        InputError: the network does not give logits of the data's classes, or its auxiliary heads
            do not.
    """
    section = recipe.network
    if section.init_from is not None and section.architecture_of is not None:
        raise InputError(
            "network: expected init_from or architecture_of, found both; the one takes weights, "
            "the other shapes alone."
        )
    dense = _declared(recipe, len(images.training.classes))
    require_outputs(dense, images.example, len(images.training.classes), "network.model")
    nothing = with_widths(
        make_plan(dense, images.example, budget={"channels": 1.0}), dense, section
    )
    if section.architecture_of is not None:
        plan = read_header(section.architecture_of).plan
        start = Start(prune(dense, plan), dense, plan, None)
    elif section.init_from is None:
        start = Start(dense, dense, nothing, None)
    elif is_artifact(section.init_from):
        plan = read_header(section.init_from).plan
        network = load(section.init_from, dense)
        start = Start(network, dense, plan, file_digest(section.init_from))
    else:
        load_weights(dense, read_weights(section.init_from), str(section.init_from))
        start = Start(dense, dense, nothing, file_digest(section.init_from))
    return start


def with_widths(plan: PrunePlan, network: nn.Module, section: NetworkSection) -> PrunePlan:
    """The plan with a note of the widths before it, where no name would tell them to a reader."""
    if not is_reference(section.model):
        return plan
    layers = [list(layer) for layer in layers_of(network)]
    return dataclasses.replace(plan, notes={**plan.notes, "layers": layers})


def load_artifact(path: Path, recipe: Recipe, classes: int) -> nn.Module:
    """The network in an artefact or a state dict, declared as the recipe declares its own."""
    declared = _declared(recipe, classes)
    if path.is_file() and not is_artifact(path):
        load_weights(declared, read_weights(path), str(path))
        return declared
    return load(path, declared)


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


def _declared(recipe: Recipe, classes: int) -> nn.Module:
    """The dense network, with random weights that depend on the seed alone."""
    section = recipe.network
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        if is_reference(section.model):
            if section.options:
                raise InputError(
                    f"network.options: expected none for {section.model}, found "
                    f"{', '.join(section.options)}; let the factory decide."
                )
            return resolve(section.model)
        options: dict[str, Any] = dict(section.options)
        if "num_classes" in options:
            raise InputError(
                f"network.options: expected no num_classes, found {options['num_classes']}; the "
                f"data set has {classes} classes, and so has the network."
            )
        return build(section.model, num_classes=classes, **options).eval()


def artifact_preprocessing(path: Path) -> Preprocessing | None:
    """How an artefact wants its images, or None where it does not say."""
    metadata = read_header(path).metadata
    if "preprocessing" not in metadata:
        return None
    return Preprocessing.from_metadata(metadata["preprocessing"])
