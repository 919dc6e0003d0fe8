"""The folder of a run: whose it is, who writes in it, and what a killed run leaves."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from segprune.errors import InputError
from segprune.training.recipe import Recipe
from segprune.workflows.train.run import run_recover, run_train
from segprune.workflows.train.run_folder import is_primary, run_folder, wait_for
from training.test_resume import StoppedError
from training.tiny import (
    PRUNING,
    SMALL,
)
from workflows.train.runs import DENSE, made, until_training


def test_a_finished_run_and_one_of_another_recipe_are_refused() -> None:
    with pytest.raises(InputError, match=r"found runs.dense finished"):
        run_train(made(SMALL, "name=dense"))
    with pytest.raises(InputError, match=r"found one of another recipe"):
        run_train(made(SMALL, "name=dense", "seed=1"))


def test_a_run_is_not_resumed_from_other_weights() -> None:
    other = Path("other.safetensors")
    shutil.copy(DENSE, other)
    start = f"network.init_from={other}"
    with pytest.raises(StoppedError):
        run_recover(made(SMALL + PRUNING, start), progress=until_training(1))
    run_train(made(SMALL, "seed=1", "name=different"))
    shutil.copy(Path("runs", "different", "different.safetensors"), other)
    with pytest.raises(InputError, match=r"network\.init_from: expected the file that the run"):
        run_recover(made(SMALL + PRUNING, start))


def test_what_a_kill_left_unfinished_is_no_foreign_folder() -> None:
    run = Path("runs", "tiny")
    (run / "state").mkdir(parents=True)
    (run / ".recipe.toml.0a1b2c3d.tmp").write_text("nam")
    (run / "state" / ".sources.json.0a1b2c3d.tmp").write_text("")
    with run_folder(made(SMALL), Path("runs")):
        names = {path.name for path in run.rglob("*")}
    assert names == {"state", "recipe.toml", "sources.json", "lock"}
    (run / "recipe.toml").rename(run / "mine.toml")
    with (
        pytest.raises(InputError, match="with other contents"),
        run_folder(made(SMALL), Path("runs")),
    ):
        pass


def fail(wanted: Recipe, file: str) -> None:
    """A start that writes a file within its folder, and no more."""
    with run_folder(wanted, Path("runs")) as folder:
        (folder / file).parent.mkdir()
        (folder / file).write_text("")
        raise StoppedError


@pytest.mark.parametrize("link", [False, True])
def test_a_start_that_fails_leaves_nothing_but_a_link_of_the_user_s(
    tmp_path: Path, link: bool
) -> None:
    run = Path("runs", "tiny")
    if link:
        (tmp_path / "elsewhere").mkdir()
        run.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoppedError):
        fail(made(SMALL), "log/hparams.yaml")
    assert run.is_symlink() == run.exists() == link
    assert not link or list(run.iterdir()) == []
    run.unlink(missing_ok=True)


def test_what_was_logged_is_kept_when_a_training_fails() -> None:
    with pytest.raises(StoppedError):
        fail(made(SMALL), "log/metrics.csv")
    assert Path("runs", "tiny", "log", "metrics.csv").exists()


def test_two_processes_do_not_train_in_one_folder() -> None:
    """Locks are of file handles, so that a second handle of this process stands for another one."""
    with run_folder(made(SMALL), Path("runs")):
        before = {path: path.read_bytes() for path in Path("runs", "tiny").rglob("*.*")}
        with pytest.raises(InputError, match="found another process in"):
            run_train(made(SMALL))
        assert before == {path: path.read_bytes() for path in Path("runs", "tiny").rglob("*.*")}
    assert run_train(made(SMALL)).record is not None


@pytest.mark.parametrize(
    ("variables", "primary"),
    [
        ({}, True),
        ({"LOCAL_RANK": "0"}, True),
        ({"LOCAL_RANK": "1"}, False),
        ({"LOCAL_RANK": "0", "NODE_RANK": "1"}, False),
        ({"LOCAL_RANK": "0", "RANK": "4"}, False),
        ({"SLURM_PROCID": "2"}, False),
        ({"SLURM_PROCID": "0"}, True),
    ],
)
def test_one_process_of_all_is_the_one_that_writes(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], primary: bool
) -> None:
    for name in ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert is_primary() is primary


def test_the_log_has_the_learning_curve() -> None:
    with Path("runs", "dense", "log", "metrics.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    losses = json.loads(Path("runs", "dense", "record.json").read_text())["work"]["losses"]
    assert float(rows[-1]["loss"]) == losses["loss"]


def test_a_plan_that_never_comes_is_not_waited_for_in_silence() -> None:
    with pytest.raises(InputError, match=r"plan\.json: expected it from the first process"):
        wait_for(Path("plan.json"), seconds=0.0)
