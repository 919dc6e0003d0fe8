"""A few pictures of what a network in training has come to see."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn
from torchvision.transforms.v2 import functional

from segprune.data.dataset import SegmentationDataset
from segprune.errors import InputError
from segprune.evaluation.evaluate import at_rest
from segprune.records.io import new_folder
from segprune.records.preprocessing import Preprocessing
from segprune.reporting.pictures.lettering import as_image
from segprune.reporting.pictures.panel import compare, side_by_side
from segprune.workflows.predict.predictor import class_indices

__all__ = ["write_overlays"]


def write_overlays(
    folder: Path,
    network: nn.Module,
    dataset: SegmentationDataset,
    preprocessing: Preprocessing,
    count: int = 6,
) -> tuple[Path, ...]:
    """Write panels (image, label, prediction with its mIoU) of evenly spaced images.

    Args:
        folder: appears whole, in the place of one that is there already.
        network: is left as it was, training mode included.
        dataset: usually the validation images; labels may be larger than images.
        count: how many, or all where there are fewer.

    Returns:
        The PNG files, one an image, called by the images' names.

    Raises:
        InputError: an image that cannot be read, a network of other classes, or a bad count.
        ArtifactError: the folder cannot be written.
    """
    if count < 1:
        raise InputError(f"count: expected at least 1, found {count}.")
    wanted = min(count, len(dataset))
    names = []
    with new_folder(folder, replace=True) as staging, at_rest(network):
        for place in range(wanted):
            sample = dataset[place * len(dataset) // wanted]
            label = sample.label.as_subclass(Tensor)
            size = (int(label.shape[-2]), int(label.shape[-1]))
            indices = class_indices(network, sample.image, preprocessing, size)
            image = functional.resize(
                sample.image.as_subclass(Tensor), list(size), antialias=True
            )  # labels keep their full size
            tiles = compare(image, {"prediction": indices}, dataset.classes, label)
            names.append(f"{sample.name.replace('/', '-')}.png")
            as_image(side_by_side(tiles, dataset.classes)).save(staging / names[-1])
    return tuple(folder / name for name in names)
