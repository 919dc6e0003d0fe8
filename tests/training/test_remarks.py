"""Defaults follow how many images there are; a recipe's numbers that do not fit are reported."""

from __future__ import annotations

import pytest

from segprune.training.remarks import remarks
from training.tiny import recipe


@pytest.mark.parametrize(
    ("changes", "images", "said"),
    [
        ({"training__epochs": 20}, 8, "20 epochs of 4 steps make 80 steps in all"),
        ({"training__epochs": 1}, 2, "1 epoch of 1 step make 1 step in all"),
        (
            {"training__warmup_epochs": 2.0},
            400,
            "would take all of the training's 400; it takes 40",
        ),
        ({"training__warmup_epochs": 1.5}, 400, "takes more than half of the training's 400"),
        ({"training__ema_decay": 0.995}, 100, "averages over 200 steps reach back further"),
        (
            {"recalibration__batches": 64},
            30,
            "64 batches of 2 are 128 augmented views of 30 images",
        ),
    ],
)
def test_numbers_that_do_not_fit_are_named(
    changes: dict[str, object], images: int, said: str
) -> None:
    found = remarks(recipe(**changes), images, recovers=True)
    assert any(said in sentence for sentence in found), found
    assert all(sentence.endswith(".") for sentence in found)


def test_numbers_that_fit_are_passed_over() -> None:
    assert remarks(recipe(training__epochs=40), 400, recovers=True) == ()
    assert remarks(recipe(training__epochs=0), 2, recovers=True) == ()
    # A training measures no statistics, whatever the section says.
    assert (
        remarks(recipe(training__epochs=400, recalibration__batches=64), 30, recovers=False) == ()
    )
