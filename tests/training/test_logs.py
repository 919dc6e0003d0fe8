"""The log of a run: each epoch once, over all attempts."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytorch_lightning.loggers import CSVLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from segprune.training.fitting import fit
from training.test_resume import StoppedError, fitted, until
from training.tiny import (
    Scenes,
    net,
    recipe,
)


def test_the_log_of_earlier_attempts_is_kept_and_no_epoch_is_there_twice(tmp_path: Path) -> None:
    fitted(tmp_path, recipe(training__epochs=3), 5, 10, 10)
    rows = (tmp_path / "log" / "metrics.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["epoch", "0", "1", "2"]


def test_a_row_that_a_kill_kept_from_the_log_is_made_up_for(tmp_path: Path) -> None:
    fitted(tmp_path / "unbroken", recipe(training__epochs=3))
    with pytest.raises(StoppedError):
        fit(net().train(), recipe(training__epochs=3), Scenes(), tmp_path, report=until(9))
    log = tmp_path / "log" / "metrics.csv"
    log.write_text("".join(log.read_text().splitlines(keepends=True)[:-1]))
    fit(net().train(), recipe(training__epochs=3), Scenes(), tmp_path)
    assert log.read_text() == (tmp_path / "unbroken" / "log" / "metrics.csv").read_text()


def test_a_kill_while_the_log_is_taken_over_loses_none_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted, unbroken = recipe(training__epochs=3), tmp_path / "unbroken"
    fitted(unbroken, wanted)
    with pytest.raises(StoppedError):
        fit(net().train(), wanted, Scenes(), tmp_path, report=until(10))
    with monkeypatch.context() as patch:
        patch.setattr(CSVLogger, "save", lambda _: until(0)("save", 0, 0))
        with pytest.raises(StoppedError):
            fit(net().train(), wanted, Scenes(), tmp_path)
    fit(net().train(), wanted, Scenes(), tmp_path)
    logs = [folder / "log" / "metrics.csv" for folder in (tmp_path, unbroken)]
    assert logs[0].read_text() == logs[1].read_text()


def test_tensorboard_shows_each_epoch_once(tmp_path: Path) -> None:
    wanted = recipe(training__epochs=4, training__checkpoint_every=2)
    fitted(tmp_path / "unbroken", wanted)
    # Stopped beyond an epoch that was logged and not saved, and right behind a checkpoint.
    fitted(tmp_path / "often", wanted, 14, 9, 13)
    shown = [scalars(tmp_path / name / "log") for name in ("unbroken", "often")]
    assert [step for step, _ in shown[0]["loss"]] == [3, 7, 11, 15]
    assert shown[1] == shown[0]


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard would draw: steps and values by name."""
    events = EventAccumulator(str(folder)).Reload()
    return {
        name: [(event.step, event.value) for event in events.Scalars(name)]
        for name in events.Tags()["scalars"]
    }
