"""A run that is killed and started again ends as an unbroken one does, bit by bit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

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

FORKS = Path(__file__).with_name("forks.py")
KILLED = -9


def forked(folder: Path, jobs: list[list[Any]]) -> list[tuple[int, list[str]]]:
    """Status and moments of each command; see `forks.py`."""
    done = subprocess.run(
        [sys.executable, str(FORKS)], input=json.dumps(jobs), cwd=folder, check=False,
        capture_output=True, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(FORKS.parents[1])},
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
    statuses = [status for status, _ in forked(tmp_path, jobs)]
    assert statuses == [0, *[KILLED, 0] * len(moments)], (tmp_path / "output.txt").read_text()
    unbroken = outcome(tmp_path, "runs/unbroken")
    assert unbroken["unfinished"] == []
    for number in range(len(moments)):
        assert outcome(tmp_path, f"runs/{number}") == unbroken, moments[number]


def killed_everywhere(folder: Path, command: list[str], every: int = 1) -> dict[str, Any]:
    """Kill at each moment, or at every so many; gives the outcome, which must be the same."""
    ((status, moments),) = forked(folder, [[[*command, "--out", "runs/unbroken"], None]])
    assert status == 0
    # Killed after its record was written, a run is finished, and says so.
    assert moments[-1].startswith("os.remove .record.json")
    numbers = range(0, len(moments) - 1, every)
    jobs = [job for n in numbers for job in broken_and_mended(command, f"runs/{n}", n)]
    statuses = [status for status, _ in forked(folder, jobs)]
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
    ((trained, _),) = forked(tmp_path, [[["train", str(dense), "--out", "runs/dense"], None]])
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
