"""What a run does: numbers that are refused, and numbers that follow from others."""

from __future__ import annotations

from typing import Any

import pytest

from segprune.errors import InputError
from segprune.training.sections import TrainingSection
from training.tiny import (
    recipe,
)


@pytest.mark.parametrize("steps", [1, 10, 50, 1000, 10_000, 100_000])
def test_averages_reach_back_over_a_tenth_of_the_steps(steps: int) -> None:
    decay = TrainingSection(epochs=1).decay_over(steps)
    # The mean age of what is averaged is decay / (1 - decay) steps.
    assert decay / (1 - decay) == pytest.approx(min(max(steps, 10) / 10, 1000) - 1, abs=1e-6)
    assert decay**steps < 1e-4 or steps > 10_000 or steps < 10


@pytest.mark.parametrize(
    ("field", "value"),
    [("training__epochs", True), ("training__learning_rate", True), ("seed", False),
     ("seed", 2**63), ("training__batch_size", True), ("training__checkpoint_every", True),
     ("augmentation__crop", [0, 96]), ("augmentation__crop", [10**6, 10**6]),
     ("augmentation__scale", [1e-4, 1]), ("training__warmup_epochs", 1e308),
     ("training__learning_rate", 1e300), ("training__weight_decay", 1e300)],
)  # fmt: skip
def test_numbers_that_are_none_are_refused(field: str, value: Any) -> None:
    with pytest.raises(InputError, match=field.rpartition("__")[2]) as caught:
        recipe(**{field: value})
    assert str(caught.value).count(", found ") == 1 + str(caught.value).count(";")


@pytest.mark.parametrize(
    ("epochs", "steps", "expected"), [(40, 3, 3), (1, 62, 6), (3, 3, 0), (100, 1, 1), (0, 3, 0)]
)
def test_a_warm_up_that_is_left_out_takes_one_epoch_and_a_tenth_at_most(
    epochs: int, steps: int, expected: int
) -> None:
    section = recipe(training__epochs=epochs, training__warmup_epochs=None).training
    assert section.warmup_over(steps) == expected


@pytest.mark.parametrize(
    ("given", "expected"), [(0.0, 0), (2.0, 20), (5.0, 50), (10.0, 10), (99, 10)]
)
def test_a_warm_up_is_as_given_unless_it_never_ends(given: float, expected: int) -> None:
    section = recipe(training__epochs=10, training__warmup_epochs=given).training
    assert section.warmup_over(10) == expected
