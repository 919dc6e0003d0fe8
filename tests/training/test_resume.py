"""A run that is killed and started again ends as an unbroken one does, bit by bit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning.loggers import CSVLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from segprune.errors import ArtifactError, InputError
from segprune.training.checkpoint import WholeCheckpoints, note, read_checkpoint
from segprune.training.fitting import fit
from segprune.training.recipe import Recipe
from training.tiny import (
    PRUNING,
    RECIPE,
    SMALL,
    Net,
    Scenes,
    net,
    recipe,
    same,
    weights,
    write_images,
    write_recipe,
)

NURSERY = Path(__file__).with_name("nursery.py")
KILLED = -9


def nursery(folder: Path, jobs: list[list[Any]]) -> list[tuple[int, list[str]]]:
    """Status and moments of each command; see `nursery.py`."""
    done = subprocess.run(
        [sys.executable, str(NURSERY)], input=json.dumps(jobs), cwd=folder, check=False,
        capture_output=True, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(NURSERY.parents[1])},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [(status, names) for status, names in json.loads(done.stdout)]


def broken_and_mended(command: list[str], out: str, moment: Any) -> list[list[Any]]:
    return [[[*command, "--out", out], moment], [[*command, "--out", out], None]]


def outcome(folder: Path, out: str) -> dict[str, Any]:
    """What must not depend on how often a run was killed."""
    run = folder / out / "tiny"
    record = json.loads((run / "record.json").read_text())
    (log,) = (run / "log").glob("metrics.csv")
    return {
        "artefact": (run / "tiny.safetensors").read_bytes(),
        "plan": record["plan"],
        "scores": record["scores"],
        "losses": record["work"]["losses"],
        "steps": record["work"]["steps"],
        "overlays": [path.read_bytes() for path in sorted((run / "overlays").iterdir())],
        "unfinished": [path.name for path in run.rglob("*.tmp")],
        "last row": log.read_text().splitlines()[-1].split(",")[0],
    }


@pytest.mark.slow
def test_a_killed_training_ends_with_the_weights_of_an_unbroken_one(tmp_path: Path) -> None:
    write_images(tmp_path)
    train = ["train", str(write_recipe(tmp_path, SMALL))]
    moments = [["step 3", 0], ["os.rename .last.ckpt", 1], ["os.rename .tiny.safetensors", 0]]
    jobs = [[[*train, "--out", "runs/unbroken"], None]]
    for number, moment in enumerate(moments):
        jobs += broken_and_mended(train, f"runs/{number}", moment)
    statuses = [status for status, _ in nursery(tmp_path, jobs)]
    assert statuses == [0, *[KILLED, 0] * len(moments)], (tmp_path / "output.txt").read_text()
    unbroken = outcome(tmp_path, "runs/unbroken")
    assert unbroken["unfinished"] == []
    for number in range(len(moments)):
        assert outcome(tmp_path, f"runs/{number}") == unbroken, moments[number]


def killed_everywhere(folder: Path, command: list[str], every: int = 1) -> dict[str, Any]:
    """Kill at each moment, or at every so many; gives the outcome, which must be the same."""
    ((status, moments),) = nursery(folder, [[[*command, "--out", "runs/unbroken"], None]])
    assert status == 0
    # Killed after its record was written, a run is finished, and says so.
    assert moments[-1].startswith("os.remove .record.json")
    numbers = range(0, len(moments) - 1, every)
    jobs = [job for n in numbers for job in broken_and_mended(command, f"runs/{n}", n)]
    statuses = [status for status, _ in nursery(folder, jobs)]
    unbroken = outcome(folder, "runs/unbroken")
    for n, pair in zip(numbers, zip(statuses[::2], statuses[1::2], strict=True), strict=True):
        assert pair == (KILLED, 0), moments[n]
        assert outcome(folder, f"runs/{n}") == unbroken, moments[n]
    return unbroken


@pytest.mark.slow
def test_it_does_so_whenever_it_is_killed(tmp_path: Path) -> None:
    write_images(tmp_path)
    killed_everywhere(tmp_path, ["train", str(write_recipe(tmp_path, SMALL))])


@pytest.mark.slow
def test_so_does_a_killed_recovery_with_auxiliary_heads_and_a_teacher(tmp_path: Path) -> None:
    write_images(tmp_path)
    dense = write_recipe(tmp_path, RECIPE, "dense.toml")
    ((trained, _),) = nursery(tmp_path, [[["train", str(dense), "--out", "runs/dense"], None]])
    assert trained == 0
    start = '[distillation]\nkl = 1.0\n[network]\ninit_from = "runs/dense/tiny/tiny.safetensors"\n'
    text = RECIPE.replace("[network]\n", start) + PRUNING
    recover = ["recover", str(write_recipe(tmp_path, text))]
    outcome = killed_everywhere(tmp_path, recover, every=4)
    stages = {"start", "teacher", "pruned", "recalibrated", "trained", "result"}
    assert set(outcome["scores"]) == stages


# -- the fit alone ---------------------------------------------------------------------------------


class StoppedError(Exception):
    """In place of a kill, which would end the test too."""


def until(step: int) -> Any:
    def report(what: str, done: int, total: int) -> None:
        if done == step:
            raise StoppedError

    return report


def fitted(folder: Path, wanted: Recipe, *stops: int) -> Net:
    """Trained, in as many attempts as there are stops and one more, each from the same start."""
    for step in stops:
        with pytest.raises(StoppedError):
            fit(net().train(), wanted, Scenes(), folder, report=until(step))
    model = net().train()
    fit(model, wanted, Scenes(), folder, report=lambda *step: None)
    return model


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"training__ema_decay": 0},
        {"training__optimizer": "adamw", "training__channels_last": True},
        {"training__precision": "bf16-mixed", "training__loss": "ohem"},
        {"data__workers": 1},
        {"training__checkpoint_every": 2},
    ],
    ids=lambda changes: " ".join(name.rpartition("__")[2] for name in changes) or "plain",
)
def test_any_step_may_be_the_last_of_an_attempt(tmp_path: Path, changes: dict[str, Any]) -> None:
    wanted = recipe(training__epochs=3, **changes)
    unbroken = fitted(tmp_path / "unbroken", wanted)
    often = fitted(tmp_path / "often", wanted, 3, 2, 6, 12)
    assert same(weights(unbroken), weights(often)) == []


def test_chance_differs_from_step_to_step_and_from_seed_to_seed(tmp_path: Path) -> None:
    drawn: list[float] = []
    for seed in (0, 1):
        model = net().train()
        model.drop.register_forward_hook(lambda *_: drawn.append(float(torch.rand(()))))
        fit(model, recipe(seed=seed), Scenes(), tmp_path / str(seed))
    assert len(drawn) == len(set(drawn)) == 16


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


def test_how_often_states_are_saved_may_change_between_attempts(tmp_path: Path) -> None:
    with pytest.raises(StoppedError):
        fit(net().train(), recipe(), Scenes(), tmp_path, report=until(6))
    wanted = recipe(training__checkpoint_every=3)
    assert fit(net().train(), wanted, Scenes(), tmp_path).resumed_at == 1
    assert wanted.digest() != recipe(training__checkpoint_every=3, seed=1).digest()


def test_a_training_that_is_over_is_not_trained_on(tmp_path: Path) -> None:
    wanted = recipe()
    model = fitted(tmp_path, wanted)
    again = net().train()
    done = fit(again, wanted, Scenes(), tmp_path, report=until(1))
    assert same(weights(model), weights(again)) == []
    assert done.resumed_at == 2
    assert done.losses["loss"] > 0


# -- checkpoints -----------------------------------------------------------------------------------


def test_checkpoints_of_another_recipe_are_refused(tmp_path: Path) -> None:
    fitted(tmp_path, recipe())
    with pytest.raises(InputError, match="expected a checkpoint of this recipe, found one of"):
        fit(net(), recipe(seed=1), Scenes(), tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_damaged_checkpoints_are_refused(tmp_path: Path, share: float) -> None:
    fitted(tmp_path, recipe())
    path = tmp_path / "state" / "last.ckpt"
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ArtifactError, match=r"last\.ckpt: expected a checkpoint of this run"):
        fit(net(), recipe(), Scenes(), tmp_path)


def test_checkpoints_of_others_are_not_unpickled(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "trap"),)

    path = tmp_path / "last.ckpt"
    torch.save({"state_dict": Trap()}, path)
    with pytest.raises(ArtifactError):
        read_checkpoint(path, "")
    assert not (tmp_path / "trap").exists()


def test_a_checkpoint_is_replaced_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Not even the system's temporary folder, which may be on another disk, is needed.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    path = tmp_path / "state" / "last.ckpt"
    content: dict[str, Any] = {"epoch": 0, "global_step": 4, "state_dict": {}}
    note(content, "mine", {"loss": 1.0})
    WholeCheckpoints().save_checkpoint(content, path)

    def fail(*names: object) -> None:
        raise OSError("no room")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(ArtifactError, match="no room"):
        WholeCheckpoints().save_checkpoint({**content, "epoch": 1}, path)
    stop = read_checkpoint(path, "mine")
    assert stop is not None
    assert (stop.epochs, stop.steps, stop.losses) == (1, 4, {"loss": 1.0})
    assert [file.name for file in path.parent.iterdir()] == ["last.ckpt"]
