"""The stages of a run: their scores, and the best network of those that led to the result."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from segprune.records.score import Score

__all__ = ["CLOSE", "Stage", "Stages", "called", "explained"]

CLOSE = 5e-4
"""A difference of mIoU, in [0, 1], that no table shows; rounding the weights may cause it."""

_NAMES = {
    "start": "before",
    "teacher": "teacher",
    "pruned": "pruned",
    "recalibrated": "BatchNorm recalibrated",
    "trained": "trained",
    "result": "result",
}


def called(stage: str) -> str:
    """Return the name of a stage for tables and sentences."""
    return _NAMES.get(stage, stage)


_MEANINGS = {
    "start": "the network that the run began with",
    "teacher": "the network that it learns from",
    "pruned": "channels gone, nothing trained",
    "recalibrated": "pruned, its statistics measured anew",
    "trained": "after the last step, not recalibrated",
}


def explained(stage: str, *, half: bool, kept_statistics: bool = False) -> str:
    """Return what a stage is, in a few words, for tables.

    Args:
        half: whether the result's weights were rounded to half precision.
        kept_statistics: whether the recipe forbids to measure BatchNorm statistics at the end.
    """
    if stage == "result":
        rounded = ", in half precision" if half else ""
        kept = ", not recalibrated (at_the_end = false)" if kept_statistics else ""
        return f"the written file{rounded}{kept}"
    return _MEANINGS.get(stage, "the best that was evaluated on the way")


@dataclass(frozen=True)
class Stage:
    """A network as it was at one stage."""

    name: str
    score: Score
    network: nn.Module


class Stages:
    """Scores by stage, in order, and the best network since the last pruning."""

    def __init__(self) -> None:
        self._scores: dict[str, Score] = {}
        self._best: Stage | None = None

    @property
    def scores(self) -> Mapping[str, Score]:
        """The score of every stage, in order."""
        return self._scores

    @property
    def best(self) -> Stage | None:
        """The best stage of the network that the result grew from; None where none was scored."""
        return self._best

    def note(self, name: str, score: Score, network: nn.Module) -> None:
        """Add a stage; the network is copied if it is the best so far, for training goes on."""
        self._scores[name] = score
        if self._best is None or score.miou > self._best.score.miou:
            self._best = Stage(name, score, copy.deepcopy(network))

    def note_teacher(self, score: Score) -> None:
        """Add the score of a network that the result does not grow from."""
        self._scores["teacher"] = score

    def begin_anew(self) -> None:
        """Forget the best stage: the network is pruned now, and earlier ones have more channels."""
        self._best = None

    def better_than(self, result: Score) -> Stage | None:
        """The best stage, if it is better than the result by more than rounding."""
        best = self._best
        return best if best is not None and best.score.miou > result.miou + CLOSE else None
