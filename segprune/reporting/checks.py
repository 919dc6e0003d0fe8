"""Refuse records with figures that contradict one another: they were edited, or are copies."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

from segprune.errors import ArtifactError, InputError
from segprune.records.evaluation import EvaluationRecord
from segprune.records.run_facts import recipe_digest
from segprune.records.score import Score
from segprune.records.sweep import CellRecord, SpeedRecord
from segprune.records.training import TrainingRecord
from segprune.speed.comparison import wrong_figure
from segprune.training.recipe import parse_recipe

__all__ = ["require_agreement", "require_consistent"]

_CLOSE = 1e-9  # figures are written with all of their digits


def require_consistent(record: Any, source: str) -> None:
    """Refuse a record whose own figures and facts contradict one another.

    Args:
        source: the file, for the message.

    Raises:
        ArtifactError: the mIoU is not the mean of the class IoUs, a speed does not follow from its
            pairs, a training says otherwise than its recipe or grew; the field is named.
    """
    problem = next(_problems(record), None)
    if problem is not None:
        raise ArtifactError(
            f"{source}: {problem}; it was edited. Restore the file, or make the record again."
        )


def require_agreement(records: Sequence[TrainingRecord]) -> None:
    """Refuse trainings that share what determines a figure, and differ in the figure.

    A file of weights is the result of one run; a plan of a network removes so many parameters and
    MACs; a validation split has so many images, of the same classes.

    Raises:
        ArtifactError: two records that cannot both be true; both are named.
    """

    def network(record: TrainingRecord) -> str:
        section = record.sections["network"]
        return f"{section['model']} {section.get('options', {})}"

    laws: tuple[tuple[str, _Facts, _Facts], ...] = (
        ("run a file of weights", lambda r: r.artifact, lambda r: (r.name,)),
        (
            "size of the dense network", lambda r: (network(r), r.input, len(r.classes)),
            lambda r: (r.dense_params, r.dense_macs),
        ),
        ("size a plan", lambda r: (network(r), r.plan, r.input), lambda r: (r.params, r.macs)),
        (
            "validation split", lambda r: r.validation_digest,
            lambda r: (r.classes, r.validation_images),
        ),
    )  # fmt: skip
    for what, cause, same in laws:
        known: dict[Hashable, TrainingRecord] = {}
        for record in records:
            first = known.setdefault(cause(record), record)
            one, other = same(first), same(record)
            if one != other:
                raise ArtifactError(
                    f"records {first.name} and {record.name}: expected one {what}, found "
                    f"{', '.join(map(str, one))} and {', '.join(map(str, other))}; one of them was "
                    "edited or is a copy. Restore the files, or make the records again."
                )


_Facts = Callable[[TrainingRecord], Any]


def _problems(record: Any) -> Iterator[str]:
    match record:
        case SpeedRecord():
            yield from _wrong_speed(record)
        case TrainingRecord():
            yield from _wrong_training(record)
        case CellRecord():
            classes = len(record.classes)
            yield from _wrong_score("dense_score", record.dense_score, classes)
            if record.outcome is not None:
                yield from _wrong_score("outcome.score", record.outcome.score, classes)
        case EvaluationRecord():
            yield from _wrong_score("score", record.score, len(record.classes))


def _wrong_training(record: TrainingRecord) -> Iterator[str]:
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
    for what in ("params", "macs"):
        left, dense = getattr(record, what), getattr(record, f"dense_{what}")
        if not 0 < left <= dense:
            yield f"{what}: expected from 1 to the dense network's {dense:,}, found {left:,}"


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
    for what, in_recipe, found in (
        ("name", recipe.name, record.name),
        ("seed", recipe.seed, record.seed),
        ("training.epochs", recipe.training.epochs, record.work.epochs),
        ("data.name", recipe.data.name, record.data or recipe.data.name),
        ("variant", recipe.variant or record.variant, record.variant),
    ):
        if in_recipe != found:
            yield f"recipe.{what}: expected {found!r} as in the record, found {in_recipe!r}"
    digest = recipe_digest(record.recipe)
    if record.recipe_digest not in ("", digest):
        yield f"recipe_digest: expected {digest}, the recipe's, found {record.recipe_digest}"


def _wrong_speed(record: SpeedRecord) -> Iterator[str]:
    try:
        wrong = wrong_figure(record.speed)
    except InputError as error:
        yield f"speed: {error}"
        return
    if wrong is not None:
        name, expected, found = wrong
        yield f"speed.{name}: expected what its pairs give, {expected:.6g}, found {found:.6g}"
