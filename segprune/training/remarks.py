"""Remarks on numbers in a recipe that do not fit how many images there are."""

from __future__ import annotations

from collections.abc import Iterator

from segprune.format import counted
from segprune.training.recipe import Recipe
from segprune.training.sections import TrainingSection

__all__ = ["remarks"]

_FEW_STEPS = 100


def remarks(recipe: Recipe, images: int, *, recovers: bool) -> tuple[str, ...]:
    """Return a sentence for each number in a recipe that should change, or that is corrected.

    Args:
        images: the number of images in the training split.
        recovers: whether BatchNorm statistics are measured anew before the training.
    """
    section = recipe.training
    steps_per_epoch = images // (section.batch_size * section.processes)
    found = [*_steps(section, steps_per_epoch)] if section.epochs else []
    if recipe.pruning is not None:
        found += _views("pruning.batches", recipe.pruning.batches, recipe, images)
    if recovers or recipe.recalibration.at_the_end:
        found += _views("recalibration.batches", recipe.recalibration.batches, recipe, images)
    return tuple(found)


def _steps(section: TrainingSection, steps_per_epoch: int) -> Iterator[str]:
    total = section.epochs * steps_per_epoch
    if total < _FEW_STEPS:
        yield (
            f"training.epochs: {counted(section.epochs, 'epoch')} of "
            f"{counted(steps_per_epoch, 'step')} make {counted(total, 'step')} in all, and a "
            "network usually takes hundreds; give more epochs, or smaller batches "
            "(training.batch_size)."
        )
    if section.warmup_epochs is not None:
        given, taken = section.warmup_epochs * steps_per_epoch, section.warmup_over(steps_per_epoch)
        if round(given) >= total:
            yield (
                f"training.warmup_epochs: a warm-up of {round(given)} steps would take all of the "
                f"training's {total}; it takes {taken} instead. Leave it out, or shorten it."
            )
        elif 2 * given > total:
            yield (
                f"training.warmup_epochs: a warm-up of {round(given)} steps takes more than half "
                f"of the training's {total}; leave it out, or shorten it."
            )
    if section.ema_decay:
        reach, kept = 1 / (1 - section.ema_decay), section.ema_decay**total
        if reach > total:
            yield (
                f"training.ema_decay: averages over {reach:.0f} steps reach back further than the "
                f"training's {total}: {kept:.0%} of the result are the weights that it began with; "
                "leave it out, or give a lower one."
            )


def _views(field: str, batches: int | None, recipe: Recipe, images: int) -> Iterator[str]:
    views = (batches or 0) * recipe.training.batch_size
    if views > images:
        yield (
            f"{field}: {counted(batches or 0, 'batch')} of {recipe.training.batch_size} are "
            f"{views} augmented views of {counted(images, 'image')}; left out, each image is taken "
            "once, as it is."
        )
