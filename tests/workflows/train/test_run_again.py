"""A folder of another run: what differs is named, and `replace` makes room without a loss."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from segprune.cli import app
from segprune.errors import InputError
from segprune.workflows.train.run import run_recover, run_train
from segprune.workflows.train.run_folder import run_folder
from training.test_resume import StoppedError
from training.tiny import PRUNING, SMALL
from workflows.train.runs import FROM_DENSE, artifact_of, made, record_of, until_training

QUICK = ("training.epochs=0", "recalibration.batches=1")


def first_run(*changes: str) -> Path:
    return run_recover(made(SMALL + PRUNING, FROM_DENSE, *QUICK, *changes)).folder


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("training.learning_rate=0.5", "training.learning_rate was 0.02, is 0.5"),
        ("seed=7", "seed was 0, is 7"),
        ("pruning.budget={params = 0.5}", "pruning.budget.macs was 0.625, is left out"),
        ("pruning.budget={params = 0.5}", "pruning.budget.params was left out, is 0.5"),
        ("data.mean=[0.5, 0.5, 0.5]", "data.mean was left out, is [0.5, 0.5, 0.5]"),
        ("distillation.kl=2.0", "distillation.kl was left out, is 2.0"),
        ("half=false", "half was true, is false"),
    ],
)
def test_the_field_that_differs_is_named_with_both_values(change: str, named: str) -> None:
    before = made(SMALL + PRUNING, FROM_DENSE, *QUICK)
    assert named in before.differences(made(SMALL + PRUNING, FROM_DENSE, *QUICK, change))


def test_a_folder_of_other_settings_is_refused_with_these_and_the_remedy() -> None:
    with run_folder(made(SMALL, "name=begun"), Path("runs")):
        pass
    with (
        pytest.raises(InputError, match=r"seed was 0, is 7\..*--name.*--replace"),
        run_folder(made(SMALL, "name=begun", "seed=7"), Path("runs")),
    ):
        pass


def test_fields_that_change_no_result_are_no_difference() -> None:
    run = ("name=stopped", "training.epochs=2")
    with pytest.raises(StoppedError):
        run_train(made(SMALL, *run), progress=until_training(3))
    same = ("training.checkpoint_every=2", "network.poor_start=false")
    assert record_of(run_train(made(SMALL, *run, *same))).work.resumed_at == 1


def test_replace_takes_the_place_of_a_finished_run_and_of_one_with_other_settings() -> None:
    folder = first_run()
    for change in ("seed=0", "seed=1"):
        (folder / "mark").write_text("of the run before")
        again = made(SMALL + PRUNING, FROM_DENSE, *QUICK, change)
        assert record_of(run_recover(again, replace=True)).seed == int(change[-1])
        assert not (folder / "mark").exists()
    assert {path.name for path in Path("runs").iterdir()} == {"dense", "tiny"}


def test_replace_goes_on_with_an_interrupted_run_of_the_same_settings() -> None:
    run = made(SMALL, "name=stopped", "training.epochs=2")
    with pytest.raises(StoppedError):
        run_train(run, progress=until_training(3), replace=True)
    assert record_of(run_train(run, replace=True)).work.resumed_at == 1


@pytest.mark.parametrize("broken", ["data.root=nowhere", "network.options={width = 1}"])
def test_a_run_that_cannot_start_gives_back_what_it_was_to_replace(broken: str) -> None:
    folder = first_run()
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(InputError):
        run_recover(made(SMALL + PRUNING, FROM_DENSE, *QUICK, broken), replace=True)
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert {path.name for path in Path("runs").iterdir()} == {"dense", "tiny"}


def test_a_run_does_not_replace_the_folder_that_it_begins_with() -> None:
    folder = first_run()
    start = f"network.init_from={artifact_of('tiny')}"
    with pytest.raises(InputError, match=r"network\.init_from: expected a file outside of"):
        run_recover(made(SMALL, start, *QUICK), replace=True)
    assert (folder / "record.json").exists()


def test_replace_leaves_a_folder_of_something_else_alone() -> None:
    other = Path("runs", "tiny")
    other.mkdir()
    (other / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="with other contents"):
        run_train(made(SMALL), replace=True)
    assert (other / "notes.txt").read_text() == "mine"


def test_the_command_has_the_option() -> None:
    folder = first_run()
    words = ["recover", "recipe.toml", "--set", FROM_DENSE, "--set", "seed=4"]
    words += [word for change in QUICK for word in ("--set", change)]
    assert CliRunner().invoke(app, words).exit_code == 2
    result = CliRunner().invoke(app, [*words, "--replace"])
    assert result.exit_code == 0, result.output
    assert json.loads((folder / "record.json").read_text())["seed"] == 4
