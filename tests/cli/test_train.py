"""`segprune train` and `segprune recover` as a user meets them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from segprune.cli import app
from training.tiny import PRUNING, RECIPE, SMALL, write_images, write_recipe


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_images(tmp_path)
    write_recipe(tmp_path, SMALL)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(*arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == status, result.output
    return " ".join(result.output.split())


def test_a_training_says_what_it_trains_and_what_came_of_it(folder: Path) -> None:
    text = said("train", "recipe.toml", "--set", "training.epochs=1", "--name", "trial")
    assert text.startswith("trial: training.tiny:camvid_net, camvid, 1 epochs, seed 0")
    assert "pedestrian" in text
    assert "written runs/trial/: trial.safetensors, record.json, overlays, log" in text


def test_a_recovery_says_what_each_stage_scores_and_what_is_left(folder: Path) -> None:
    said("train", "recipe.toml", "--name", "dense")
    write_recipe(folder, SMALL + PRUNING)
    start = "network.init_from=runs/dense/dense.safetensors"
    text = said("recover", "recipe.toml", "--set", start, "--set", "training.epochs=0")
    for part in ("before", "pruned", "BatchNorm recalibrated", "result", "62.5 %", "proved"):
        assert part in text, text


def test_the_record_names_no_folder(folder: Path) -> None:
    said(
        "train", str(folder / "recipe.toml"), "--root", str(folder / "images"), "--out",
        str(folder / "runs"), "--set", f'network.init_from="{folder}/none"',
        "--set", "network={model='training.tiny:camvid_net'}", "--set", "training.epochs=0",
    )  # fmt: skip
    text = (folder / "runs" / "tiny" / "record.json").read_text()
    assert str(folder) not in text
    command = json.loads(text)["command"]
    assert command[:5] == ["segprune", "train", "recipe.toml", "--set", 'network.init_from="none"']
    assert command[-2:] == ["--root", "images"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.toml"], "nowhere.toml: expected a recipe (TOML)"),
        (["recipe.toml", "--set", "training.epoch=3"], "expected a known field"),
        (["recipe.toml", "--root", "elsewhere"], "elsewhere"),
        (["recipe.toml", "--set", "training.batch_size=99"], "at most the 8 images"),
        (["recipe.toml", "--name", 'a"b'], "name:"),
    ],
)
def test_bad_input_is_a_sentence_and_status_two(
    folder: Path, arguments: list[str], message: str
) -> None:
    assert message in said("train", *arguments, status=2)


def test_a_finished_run_is_not_run_again(folder: Path) -> None:
    said("train", "recipe.toml", "--set", "training.epochs=1")
    text = said("train", "recipe.toml", "--set", "training.epochs=1", status=2)
    assert "finished" in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 128 + signal.SIGTERM)]
)
def test_an_interrupted_training_says_how_to_go_on(
    folder: Path, sent: signal.Signals, status: int
) -> None:
    write_recipe(folder, RECIPE.replace("epochs = 3", "epochs = 5000"))
    running = subprocess.Popen(
        [sys.executable, "-m", "segprune", "train", "recipe.toml"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while not (folder / "runs" / "tiny" / "state" / "last.ckpt").exists():
        assert running.poll() is None, running.communicate()[1]
        time.sleep(0.05)
    running.send_signal(sent)
    errors = running.communicate()[1]
    assert running.returncode == status, errors
    assert "Traceback" not in errors
    if sent is signal.SIGINT:
        assert "the same command goes on after the last whole epoch" in errors
