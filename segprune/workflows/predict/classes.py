"""Networks, a source and its labels speak of the same classes, or predict says which does not."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from segprune.data.classes import ClassTable
from segprune.data.reading import VOID
from segprune.errors import InputError
from segprune.reporting.pictures.overlay import class_table
from segprune.workflows.jobs import PredictJob
from segprune.workflows.open import OpenedNetwork, open_files
from segprune.workflows.predict.pictures import Picture, Pictures
from segprune.workflows.predict.predictor import count_classes

__all__ = ["agreed_classes", "check_label", "load_networks"]


def load_networks(job: PredictJob) -> tuple[OpenedNetwork, ...]:
    """Load the pruned network, after the dense one it is compared with, if there is one.

    Raises:
        InputError: their files name other classes.
        ArtifactError, ModelError: as for `open_files`.
    """
    if job.against is None:
        return open_files((job.file,), job.model, given=job.given)
    pruned, dense = open_files((job.file, job.against), job.model, given=job.given)
    if dense.header is None:  # weights do not say how their images are prepared
        dense = replace(
            dense, classes=pruned.classes, data=pruned.data, size=pruned.size,
            normalisation=pruned.normalisation,
        )  # fmt: skip
    if dense.classes and pruned.classes and dense.classes != pruned.classes:
        raise InputError(
            f"{job.against}: expected the {len(pruned.classes)} classes of {job.file} "
            f"({', '.join(pruned.classes[:3])} ...), found {len(dense.classes)} "
            f"({', '.join(dense.classes[:3])} ...); compare networks of the same classes."
        )
    return dense, pruned


def agreed_classes(
    job: PredictJob, networks: tuple[OpenedNetwork, ...], source: Pictures, image: Tensor
) -> ClassTable:
    """Find the one class table of networks, labels and colours, from the first image (3, H, W).

    Raises:
        InputError: networks and labels have other numbers of classes, or other names for them.
    """
    counts = [count_classes(network, image) for network in networks]
    network, count = networks[-1], counts[-1]
    if counts[0] != count:
        raise InputError(
            f"{job.against}: expected the {count} classes of {job.file}, found {counts[0]}; "
            "compare networks of the same classes."
        )
    if source.classes is not None and job.labels and len(source.classes) != count:
        raise InputError(
            f"{source.name}: expected the {count} classes of {job.file}, found "
            f"{len(source.classes)}; take the data set it was trained on, or leave the labels out "
            "(--no-labels)."
        )
    ours, theirs = network.classes, source.classes and source.classes.names
    if job.labels and ours and theirs and ours != theirs:
        raise InputError(
            f"{source.name}: expected labels of the classes of {job.file} "
            f"({', '.join(ours[:3])} ...), found others ({', '.join(theirs[:3])} ...); an mIoU "
            "against them would mean nothing: leave the labels out (--no-labels), or map them."
        )
    if job.data is not None:
        return class_table(count, data=job.data)
    if network.classes is None and source.classes is not None and len(source.classes) == count:
        return source.classes
    return class_table(count, network.classes, network.data)


def check_label(picture: Picture, classes: ClassTable) -> None:
    """Refuse labels the network has no class for.

    Raises:
        InputError: the picture, the label and the number of classes.
    """
    if picture.label is None:
        return
    wrong = picture.label[(picture.label >= len(classes)) & (picture.label != VOID)]
    if wrong.numel():
        raise InputError(
            f"{picture.where}: expected labels below {len(classes)}, the network's number of "
            f"classes, or {VOID} for void, found {int(wrong.max())}; map them, or leave them out "
            "(--no-labels)."
        )
