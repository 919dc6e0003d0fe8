"""Sentences about the outcome of a run: whether it is worse than before, and misses a target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from segprune.evaluation.evaluate import is_guess
from segprune.format import points
from segprune.gates.accuracy import floors_of, gate_budget, gate_floors, targets_of
from segprune.gates.criteria import Criteria
from segprune.gates.policy import Budget
from segprune.records.baseline import Size
from segprune.records.score import Score
from segprune.records.training import Best
from segprune.training.sections import TargetsSection
from segprune.workflows.train.stages import CLOSE, Stage, called

__all__ = ["about_teacher", "budget_of", "described", "missed", "setbacks"]


def setbacks(
    scores: Mapping[str, Score], best: str | None, kept: Best | None, *, stale: bool = False
) -> Iterator[str]:
    """Yield a sentence for each way in which the result is worse than something before it.

    Args:
        best: the stage that is better than the result; None: there is none.
        kept: the same stage with its file; None where that failed its proof.
        stale: whether BatchNorm statistics are those of the training, not measured at its end.
    """
    cause = (
        " BatchNorm statistics were not measured after the training; "
        "recalibration.at_the_end = true does that."
        if stale
        else ""
    )
    result, start = scores["result"], scores.get("start")
    if start is not None and best != "start" and start.miou > result.miou + CLOSE:
        yield (
            f"the result scores {_below(result, start)} of mIoU below the network that the run "
            f"began with ({_points(result)} against {_points(start)}).{cause}"
        )
    if best is not None:
        better = scores[best]
        where = f"is kept in {kept.file}" if kept else "failed its proof, and is not kept"
        yield (
            f"the result scores {_below(result, better)} of mIoU below an earlier stage of the "
            f"same network, {called(best)} ({_points(result)} against {_points(better)}); that "
            f"stage {where}. Try a lower training.learning_rate, more epochs or more images."
            f"{cause}"
        )


def about_teacher(scores: Mapping[str, Score], student: Stage | None) -> Iterator[str]:
    """Yield a sentence if a teacher has nothing to teach.

    Args:
        student: the network before it is trained; None where it was not scored.
    """
    teacher = scores.get("teacher")
    if teacher is None:
        return
    if is_guess(teacher.miou, sum(iou is not None for iou in teacher.class_iou)):
        yield (
            f"the teacher scores {_points(teacher)} of mIoU, which is no better than a guess: look "
            "at the normalisation of its images and at the order of its classes, or leave the "
            "section distillation out."
        )
    elif student is not None and student.score.miou > teacher.miou + CLOSE:
        yield (
            f"the teacher scores {_points(teacher)} of mIoU, less than the network that it teaches "
            f"({_points(student.score)}): name a better one, or leave the section distillation out."
        )


def budget_of(section: TargetsSection) -> Budget:
    """Turn a recipe's targets into a budget of a policy; it requires nothing of the speed."""
    return Budget("recipe", speedup=0.0, **section.model_dump())


def described(budgets: Mapping[str, Budget]) -> tuple[str, ...]:
    """Describe the targets of each source."""
    return tuple(f"{source}: {_words(budget)}" for source, budget in budgets.items())


def missed(
    budgets: Mapping[str, Budget], classes: tuple[str, ...], before: Score, result: Score,
    dense: Size, found: Size,
) -> tuple[str, ...]:  # fmt: skip
    """Return the reasons why targets are missed, as the gates judge them, apart from speed.

    Args:
        budgets: the targets, by source.
        before: the evaluation of the network that the result is compared with.
    """
    reasons = []
    for source, budget in budgets.items():
        terms = Criteria(budget)
        floors = floors_of(terms, classes, before, dense)
        verdicts = [gate_floors(result, classes, before.miou, floors)]
        if budget.macs is not None or budget.params is not None:
            verdicts.append(gate_budget(found, dense, targets_of(terms, dense)))
        reasons += [f"{source}: {r}" for v in verdicts if not v.is_green for r in v.reasons]
    return tuple(reasons)


def _words(budget: Budget) -> str:
    words = [f"at most {budget.miou_loss:g} points of mIoU lost"]
    if budget.class_loss < 100:
        words.append(f"at most {budget.class_loss:g} of any class")
    if budget.miou_ratio:
        words.append(f"at least {budget.miou_ratio:g} of the mIoU left")
    for name, share in (("MACs", budget.macs), ("parameters", budget.params)):
        if share is not None:
            words.append(f"at most {share:g} of the {name}")
    return ", ".join(words)


def _points(score: Score) -> str:
    return points(score.miou)


def _below(score: Score, other: Score) -> str:
    return f"{100 * (other.miou - score.miou):.1f} points"
