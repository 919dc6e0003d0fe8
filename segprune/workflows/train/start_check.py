"""Judge the network that a run begins with, before anything is done to it.

A recovery is compared with its beginning. Where images are prepared in another way than the dense
network was trained with, that beginning is far too low, and any training looks like a success.
"""

from __future__ import annotations

from segprune.errors import SegpruneError, StartError
from segprune.evaluation.evaluate import Evaluation, near_chance
from segprune.records.io import read_record
from segprune.records.score import Score
from segprune.records.training import TrainingRecord
from segprune.training.recipe import Recipe
from segprune.workflows.train.images import Images
from segprune.workflows.train.start import Start

__all__ = ["doubt_about", "require_fit"]

_FAR = 0.05
"""Of mIoU, in [0, 1]. On the same images, another processor changes a thousandth of this."""

_RECORD = "record.json"


def doubt_about(recipe: Recipe, start: Start, images: Images, found: Evaluation) -> str:
    """Return a sentence if the network to begin with scores too badly; else an empty string.

    That is a dense network that does no better than guessing, or any network that is far below the
    score in the record beside its file, on the same images at the same size.
    """
    guess = near_chance(found.matrix) if start.is_dense else ""
    return guess or _below_its_record(recipe, start, images, found.score)


def require_fit(recipe: Recipe, doubt: str) -> None:
    """Raise StartError for a doubt about the network to recover, unless the recipe allows it.

    The mean of several networks is allowed: its BatchNorm statistics are measured afterwards.
    """
    if doubt and not recipe.network.poor_start and recipe.network.average_of is None:
        raise StartError(
            f"network.init_from: {doubt}. Nothing was pruned or trained: the result would be "
            "compared with this score. Correct the cause; if this network is the one to recover, "
            "pass --poor-start (in a recipe: network.poor_start = true)."
        )


def _below_its_record(recipe: Recipe, start: Start, images: Images, score: Score) -> str:
    known = _recorded(recipe, start, images)
    if known is None or score.miou > known.miou - _FAR:
        return ""
    return (
        f"the network scores {100 * score.miou:.1f} of mIoU, and {100 * known.miou:.1f} on the "
        f"same images by the {_RECORD} beside its file; usual causes are another normalisation "
        "(mean, std, range) and other code of the network"
    )


def _recorded(recipe: Recipe, start: Start, images: Images) -> Score | None:
    """Return the score that the record beside a file has for it, on just these images."""
    path = recipe.network.init_from
    beside = None if path is None else path.parent / _RECORD
    if beside is None or not beside.is_file():
        return None
    try:
        record = read_record(TrainingRecord, beside)
    except SegpruneError:  # of another command, such as prune, which has no score
        return None
    files = {record.artifact: "result"}
    if record.best is not None:
        files[record.best.artifact] = record.best.stage
    stage = files.get(start.source or "")
    if stage is None or record.input != tuple(images.example.shape):
        return None
    if record.validation_digest != images.validation.digest():
        return None
    return record.scores.get(stage)
