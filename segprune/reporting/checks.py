"""Records whose figures do not follow from one another are not reported: somebody edited them."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator
from typing import Any

from segprune.errors import ArtifactError, InputError
from segprune.records.evaluation import EvaluationRecord
from segprune.records.score import Score
from segprune.records.sweep import CellRecord, SpeedRecord
from segprune.records.training import TrainingRecord
from segprune.speed.comparison import wrong_figure
from segprune.training.recipe import parse_recipe

__all__ = ["require_consistent"]

_CLOSE = 1e-9  # figures are written with all of their digits


def require_consistent(record: Any, source: str) -> None:
    """Refuse a record whose mIoU is not the mean of its class IoUs, or whose speed not its pairs'.

    Nor may a training say otherwise than its own recipe, or have grown by being pruned.

    Args:
        source: the file, for the message.

    Raises:
        ArtifactError: a figure that does not follow, or scores of other classes; it is named.
    """
    problem = next(_problems(record), None)
    if problem is not None:
        raise ArtifactError(
            f"{source}: {problem}; it was edited. Restore the file, or make the record again."
        )


def _problems(record: Any) -> Iterator[str]:
    if isinstance(record, SpeedRecord):
        yield from _wrong_speed(record)
    if isinstance(record, TrainingRecord):
        if "result" not in record.scores:
            yield "scores.result: expected one, found none"
        for stage, score in record.scores.items():
            yield from _wrong_score(f"scores.{stage}", score, len(record.classes))
            if score.images != record.validation_images:
                yield (
                    f"scores.{stage}.images: expected {record.validation_images} as in "
                    f"validation_images, found {score.images}"
                )
        yield from _wrong_recipe(record)
        yield from _wrong_sizes(record)
    if isinstance(record, CellRecord):
        yield from _wrong_score("dense_score", record.dense_score, len(record.classes))
        if record.outcome is not None:
            yield from _wrong_score("outcome.score", record.outcome.score, len(record.classes))
    if isinstance(record, EvaluationRecord):
        yield from _wrong_score("score", record.score, len(record.classes))


def _wrong_score(where: str, score: Score, classes: int) -> Iterator[str]:
    if len(score.class_iou) != classes:
        yield f"{where}.class_iou: expected {classes} classes, found {len(score.class_iou)}"
        return
    known = [iou for iou in score.class_iou if iou is not None]
    mean = math.fsum(known) / len(known) if known else 0.0
    if not math.isclose(score.miou, mean, rel_tol=_CLOSE, abs_tol=_CLOSE):
        yield f"{where}.miou: expected its classes' mean, {mean:.6g}, found {score.miou:.6g}"
    for share in (*known, score.pixel_accuracy):
        if not 0 <= share <= 1:
            yield f"{where}: expected shares from 0 to 1, found {share:.6g}"


def _wrong_recipe(record: TrainingRecord) -> Iterator[str]:
    try:
        recipe = parse_recipe(tomllib.loads(record.recipe), "recipe")
    except tomllib.TOMLDecodeError as error:
        yield f"recipe: expected a resolved one in TOML, found {error}"
        return
    except InputError as error:
        yield str(error).removesuffix(". Correct the recipe.")
        return
    for what, said, found in (
        ("name", recipe.name, record.name),
        ("seed", recipe.seed, record.seed),
        ("training.epochs", recipe.training.epochs, record.work.epochs),
    ):
        if said != found:
            yield f"recipe.{what}: expected {found!r} as in the record, found {said!r}"


def _wrong_sizes(record: TrainingRecord) -> Iterator[str]:
    for what in ("params", "macs"):
        left, dense = getattr(record, what), getattr(record, f"dense_{what}")
        if not 0 < left <= dense:
            yield f"{what}: expected from 1 to the dense network's {dense:,}, found {left:,}"


def _wrong_speed(record: SpeedRecord) -> Iterator[str]:
    try:
        wrong = wrong_figure(record.speed)
    except InputError as error:
        yield f"speed: {error}"
        return
    if wrong is not None:
        name, expected, found = wrong
        yield f"speed.{name}: expected what its pairs give, {expected:.6g}, found {found:.6g}"
