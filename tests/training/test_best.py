"""The best epoch of a training that is evaluated as it runs."""

from __future__ import annotations

import csv
from pathlib import Path

from training.test_fitting import fitted
from training.tiny import Scenes, net, recipe, same, weights


def test_evaluation_on_the_way_changes_nothing_and_the_best_epoch_is_not_taken(
    tmp_path: Path,
) -> None:
    plain, watched = net(), net()
    # The rate makes the second epoch worse than the first.
    hasty = {"training__learning_rate": 3.0, "training__gradient_clip": 1.0}
    fitted(plain, recipe(**hasty), tmp_path / "plain")
    fitted(
        watched, recipe(training__evaluate_every=1, **hasty), tmp_path / "watched",
        validation=Scenes(3, "val"),
    )  # fmt: skip
    assert same(weights(plain), weights(watched)) == []
    with (tmp_path / "watched" / "log" / "metrics.csv").open() as stream:
        rows = [row for row in csv.DictReader(stream) if row["miou"]]
    assert len(rows) == 2
