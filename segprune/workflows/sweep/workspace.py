"""What the cells of one network share in a worker: images, the dense network, its channels, scores.

Nothing of it depends on budget, scope or recovery, and some of it takes longer than a cell.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Iterator

from torch import Tensor

from segprune.core.planning.importance import Evidence, Importance, Scores, activation, taylor
from segprune.core.tracing.graph import ChannelGraph
from segprune.core.tracing.trace import trace
from segprune.data.dataset import Sample, SegmentationDataset
from segprune.errors import InputError
from segprune.training.recipe import Recipe
from segprune.workflows.train.images import (
    RECALIBRATION,
    Images,
    open_images,
    stored_batches,
)
from segprune.workflows.train.start import Start, normalisation_of, start_from

__all__ = ["Workspace"]

_FROM_IMAGES = {"activation": activation, "taylor": taylor}
"""Importances whose scores take a while; those of weights alone take none."""


class Workspace:
    """Objects that are made once for a network.

    Args:
        recipe: of any of its cells; what differs between them is not used.

    Attributes:
        images: the validation images stay in memory once they are read.
        start: the dense network.
        graph: its channels.

    Raises:
        InputError, SegpruneError: as for `open_images` and `start_from`, or the network is pruned.
    """

    def __init__(self, recipe: Recipe) -> None:
        images = open_images(recipe.data)
        images = dataclasses.replace(images, validation=_InMemory(images.validation))
        self.start: Start = start_from(recipe, images)
        self.images: Images = images.normalised(normalisation_of(recipe, self.start))
        if not self.start.is_dense:
            raise InputError(
                f"network.init_from: expected a dense network, found {recipe.network.init_from} "
                "pruned; name the artefact that it was pruned from."
            )
        self.graph: ChannelGraph = trace(self.start.network, self.images.example)
        self._recipe = recipe
        self._batches: dict[bool, tuple[int, list[tuple[Tensor, Tensor]]]] = {}
        self._scores: dict[str, Scores] = {}

    def importance(self, name: str) -> str | Importance:
        """An importance as `make_plan` takes it, whose scores are computed only once."""
        function = _FROM_IMAGES.get(name)
        if function is None:
            return name

        @functools.wraps(function)
        def remembered(evidence: Evidence) -> Scores:
            if name not in self._scores:
                self._scores[name] = function(evidence)
            return self._scores[name]

        return remembered

    def batches(
        self, given: int | None, most: int = RECALIBRATION
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Return batches as `measuring_batches` does, and keep them in memory."""
        augmented, count = given is not None, most if given is None else given
        read, known = self._batches.get(augmented, (0, []))
        if read < count:
            found = stored_batches(self.images, self._recipe, count, augmented=augmented)
            # Labels as bytes: with int64 they take more room than the images.
            known = [(images, labels.byte()) for images, labels in found]
            self._batches[augmented] = count, known
        for images, labels in itertools.islice(known, count):
            yield self.images.preprocessing(images), labels.long()


class _InMemory(SegmentationDataset):
    """Another data set, whose samples stay in memory as they are given out."""

    def __init__(self, source: SegmentationDataset) -> None:
        super().__init__(source.name, source.split, source.classes, source.sequences, cache=True)
        self._source = source

    def _read(self, index: int) -> Sample:
        return self._source[index]
