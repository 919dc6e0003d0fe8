"""The networks, images and scores of a case, which its gates share; files are read once."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from torch import Tensor, nn

from segprune.artifacts import Artifact, Header, load, open_artifact, rebuild
from segprune.core.modules import hash_tensors, tensors_of
from segprune.core.planning.cost import cost
from segprune.data.normalisation import Normalisation, choose
from segprune.data.opening import NAMES, open_dataset
from segprune.data.sequences import Sequences, sequences_of
from segprune.errors import ArtifactError, InputError
from segprune.evaluation.evaluate import Evaluation, evaluate_images, near_chance
from segprune.gates.accuracy import floors_of, targets_of
from segprune.pytest_plugin.marker import Case
from segprune.records.baseline import DataFacts, Floors, NetworkFacts, Size, SizeFacts, Targets
from segprune.records.io import read_record
from segprune.records.preprocessing import Preprocessing
from segprune.records.score import Score
from segprune.records.training import TrainingRecord
from segprune.speed import SpeedInput
from segprune.speed.inputs import batch_size
from segprune.workflows.dense import random_example
from segprune.workflows.open import open_network

if TYPE_CHECKING:
    from segprune.data.dataset import SegmentationDataset

__all__ = ["CaseData", "DataMissingError"]


class DataMissingError(Exception):
    """Raised when a data set is not on this machine, so that nothing can be judged."""


class CaseData:
    """The parts that the gates of one case judge; each is made when it is first needed.

    Args:
        folders: of data sets, by name.
    """

    def __init__(self, case: Case, folders: Mapping[str, Path]) -> None:
        self.case, self._folders = case, folders

    @cached_property
    def artifact(self) -> Artifact:
        """The pruned network's file, read once, so that all gates judge the same bytes."""
        return open_artifact(self.case.artifact)

    @property
    def header(self) -> Header:
        """The header of the pruned network's file."""
        return self.artifact.header

    @cached_property
    def dense(self) -> nn.Module:
        """The dense network, in evaluation mode, on the CPU."""
        given, weights = self.case.dense, self.case.weights
        if isinstance(given, Path):
            network = load(given)
            return network if weights is None else open_network(network, weights=weights).network
        if not isinstance(given, (str, nn.Module)):
            made = self._called("dense", given)
            if not isinstance(made, nn.Module):
                raise InputError(
                    f"{self.case.name}: dense: expected a network or a function that returns one, "
                    f"found {type(made).__name__}; write dense=make_network."
                )
            given = made
        return open_network(given, weights=weights).network

    @cached_property
    def pruned(self) -> nn.Module:
        """The pruned network, in evaluation mode, on the CPU."""
        return rebuild(self.artifact, None if self.header.spec is not None else self.dense)

    @cached_property
    def normalisation(self) -> Normalisation:
        """The normalisation of the marker, the artefact or the network's library, or ImageNet's."""
        kept = self.header.metadata.get("preprocessing")
        artifact = None if kept is None else Preprocessing.from_metadata(kept)
        return choose(self.case.given, artifact=artifact, network=self.dense)

    @property
    def preprocessing(self) -> Preprocessing:
        """The preprocessing of the images."""
        return self.normalisation.preprocessing

    @property
    def remarks(self) -> tuple[str, ...]:
        """Remarks that the user has to see about the images and the dense network's score."""
        doubt = near_chance(self.dense_evaluation.matrix)
        return (
            self.normalisation.sentence, *self.dataset.notes,
            *([f"warning: {doubt}"] if doubt else []),
        )  # fmt: skip

    @cached_property
    def dataset(self) -> SegmentationDataset:
        """The images.

        Raises:
            DataMissingError: a named data set of which no folder was given, or a function that
                skips the test, which is what one does where its images are not there.
        """
        given = self.case.data
        if not isinstance(given, str):
            return self._given_dataset(given)
        root = self._folders.get(given)
        if root is None and self.case.root is not None and self.case.root.is_dir():
            root = self.case.root
        if given != "streets" and root is None:
            at = "" if self.case.root is None else f", at {self.case.root.name}"
            raise DataMissingError(
                f"{given} is not on this machine{at}; say where it is with --segprune-data "
                f"{given}=PATH, or SEGPRUNE_DATA={given}=PATH"
            )
        name = given if given in NAMES else "folder"
        return open_dataset(
            name, root, split=self.case.split, count=self.case.count, size=self.preprocessing.size,
            label_map=self.case.label_map,
            cache=name == "streets",  # drawing takes longer than reading, and both networks look
        )  # fmt: skip

    def _given_dataset(self, given: Any) -> SegmentationDataset:
        from segprune.data.dataset import SegmentationDataset

        try:
            found = self._called("data", given) if callable(given) else given
        except pytest.skip.Exception as skipped:
            raise DataMissingError(str(skipped)) from skipped
        if not isinstance(found, SegmentationDataset):
            raise InputError(
                f"{self.case.name}: data: expected the name of a data set, a SegmentationDataset "
                f"or a function that opens one, found {type(found).__name__}; write "
                "data=open_images."
            )
        if self.case.data_name not in (None, found.name):
            raise InputError(
                f"{self.case.name}: data_name: expected {found.name!r}, which its data set is "
                f"called, found {self.case.data_name!r}; correct the marker."
            )
        return found

    def _called(self, what: str, function: Callable[..., Any]) -> Any:
        with contextlib.suppress(ValueError):  # some functions in C have no signature
            try:
                inspect.signature(function).bind()
            except TypeError as error:
                raise InputError(
                    f"{self.case.name}: {what}: expected a function without arguments, found one "
                    f"with a {error}; wrap it in a lambda."
                ) from error
        return function()

    @cached_property
    def pruned_evaluation(self) -> Evaluation:
        """The pruned network's predictions on every image, counted."""
        return evaluate_images(self.pruned, self.dataset, preprocessing=self.preprocessing)

    @cached_property
    def dense_evaluation(self) -> Evaluation:
        """The dense network's predictions on every image, counted."""
        return evaluate_images(self.dense, self.dataset, preprocessing=self.preprocessing)

    @cached_property
    def dense_score(self) -> Score:
        """The better score: the dense network's, or that of the dense network trained on."""
        own = self.dense_evaluation.score
        if self.case.continued is None:
            return own
        record = read_record(TrainingRecord, self.case.continued)
        if record.validation_digest != self.dense_evaluation.data:
            raise InputError(
                f"{self.case.continued}: expected a record of the same images, found another set; "
                "train the dense network on with the same data."
            )
        continued = record.scores["result"]
        return continued if continued.miou > own.miou else own

    @cached_property
    def sequences(self) -> Sequences:
        """The sequence of each image: by the marker, the artefact, or the data set.

        Raises:
            InputError: a pattern or a file that does not fit the names of the images.
        """
        kept = self.header.metadata.get("sequences")
        given = self.case.sequences or (kept if isinstance(kept, str) else None)
        return sequences_of(self.pruned_evaluation.names, self.dataset.sequences, given)

    @cached_property
    def example(self) -> Tensor:
        """Random numbers in the shape of one image, the same every time."""
        return random_example(self._image_input)

    @property
    def speed_input(self) -> SpeedInput:
        """The input at which speed is measured."""
        return SpeedInput(self.case.input or self._image_input, self.case.memory_format)

    @cached_property
    def speed_example(self) -> Tensor:
        """Random numbers in the shape of `speed_input`."""
        at = self.speed_input
        return random_example(at.size, memory_format=at.memory_format)

    @cached_property
    def sizes(self) -> SizeFacts:
        """The sizes of both networks."""
        pruned, dense = (_size(network, self.example) for network in (self.pruned, self.dense))
        return SizeFacts(tuple(self.example.shape), pruned, dense)

    @property
    def targets(self) -> Targets:
        """The targets that do not depend on the images."""
        return targets_of(self.case.criteria, self.sizes.dense)

    @property
    def floors(self) -> Floors:
        """The least IoUs on these images."""
        return floors_of(
            self.case.criteria, self.dataset.classes.names, self.dense_score, self.sizes.dense
        )

    @cached_property
    def network_facts(self) -> NetworkFacts:
        """Names and digests of both networks."""
        return NetworkFacts(
            network=self.header.network,
            artifact=self.case.artifact.name,
            artifact_digest=self.artifact.digest,
            plan=self.header.plan.digest,
            dense_weights=_weights_digest(self.dense),
        )

    @property
    def data_facts(self) -> DataFacts:
        """Name, digest and classes of the images."""
        return DataFacts(
            name=self.dataset.name,
            split=self.dataset.split,
            images=len(self.dataset),
            digest=self.pruned_evaluation.data,
            classes=self.dataset.classes.names,
            void=self.pruned_evaluation.matrix.void,
            preprocessing=self.preprocessing,
            sequences=self.sequences.words,
        )

    @property
    def _image_input(self) -> tuple[int, ...]:
        kept = self.header.metadata.get("input")
        if kept is not None:
            size = batch_size(kept)
            if size is None:
                raise ArtifactError(
                    f"{self.case.artifact}: input: expected [N, C, H, W] in its metadata, found "
                    f"{kept!r}; write the artefact anew."
                )
            return size
        if self.case.input is not None:
            return self.case.input
        raise InputError(
            f"{self.case.name}: input: expected the size of an image in the artefact or the "
            "marker, found none; add input=(1, 3, 512, 1024) to the marker."
        )


def _size(network: nn.Module, example: Tensor) -> Size:
    counted = cost(network, example)
    return Size(counted.params, counted.macs, counted.activation_bytes)


def _weights_digest(network: nn.Module) -> str:
    """Return the SHA-256 over names, types, shapes and bytes of every tensor."""
    digest = hashlib.sha256()
    hash_tensors(digest, tensors_of(network))
    return digest.hexdigest()
