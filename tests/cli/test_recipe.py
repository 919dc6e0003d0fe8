"""`segprune recipe new` writes a recipe that the other commands take, and overwrites nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

import segprune
from segprune.cli import app
from segprune.training.recipe import read_recipe


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["recipe", "new", *words])
    return result.exit_code, result.output


def test_the_file_is_read_and_the_next_command_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("dense.pt").touch()
    status, output = run("first.toml", "--dense", "dense.pt", "--model", "my.nets:make")
    assert status == 0
    assert "segprune recover first.toml" in output
    assert read_recipe(Path("first.toml")).network.init_from == Path("dense.pt")
    assert run("second.toml")[1].endswith("segprune train second.toml\n")


def test_a_file_that_is_there_stays_unless_it_may_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.toml").write_text("precious")
    status, output = run("mine.toml")
    assert status == 2
    assert "--replace" in output
    assert Path("mine.toml").read_text() == "precious"
    assert run("mine.toml", "--replace")[0] == 0


def test_a_dense_file_that_is_not_there_is_an_error_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    status, output = run("mine.toml", "--dense", "nowhere.pt")
    assert status == 2
    assert "nowhere.pt" in output
    assert list(tmp_path.iterdir()) == []


def saved(path: Path, network: torch.nn.Module, **metadata: str) -> None:
    plan = segprune.make_plan(network, torch.rand(1, 3, 64, 64), budget={"channels": 1.0})
    segprune.save(path, network, plan, metadata=metadata)


def test_a_dense_file_of_segprune_says_which_network_it_holds_and_on_which_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    network = segprune.build("icnet", num_classes=11, width=0.25, whole_trunk=False)
    saved(Path("dense.safetensors"), network, data="camvid")
    assert run("half.toml", "--dense", "dense.safetensors")[0] == 0
    recipe = read_recipe(Path("half.toml"))
    again = segprune.build(recipe.network.model, num_classes=11, **recipe.network.options)
    found, expected = again.state_dict(), network.state_dict()
    assert {k: v.shape for k, v in found.items()} == {k: v.shape for k, v in expected.items()}
    assert recipe.network.options["whole_trunk"] is False
    assert recipe.data.name == "camvid"
    status, output = run("other.toml", "--dense", "dense.safetensors", "--model", "bisenetv2")
    assert status == 2
    assert "expected --model icnet" in output


def test_a_file_that_holds_a_network_of_the_users_own_needs_its_factory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    own = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.Conv2d(8, 4, 1))
    saved(Path("dense.safetensors"), own.eval())
    status, output = run("half.toml", "--dense", "dense.safetensors")
    assert status == 2
    assert "package.module:factory" in output
    assert not Path("half.toml").exists()
    assert run("half.toml", "--dense", "dense.safetensors", "--model", "nets:make")[0] == 0
    assert read_recipe(Path("half.toml")).network.model == "nets:make"


@pytest.mark.slow
def test_the_commands_that_are_named_take_the_file_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    short = ["training.epochs=1", "training.accelerator=cpu", "data.count=8", "data.val_count=4"]
    options = [word for change in short for word in ("--set", change)]
    assert run("dense.toml")[0] == 0
    narrow = ["--set", "network.options={width = 0.25}"]
    assert CliRunner().invoke(app, ["train", "dense.toml", *options, *narrow]).exit_code == 0
    assert run("half.toml", "--dense", "runs/dense/dense.safetensors")[0] == 0
    done = CliRunner().invoke(app, ["recover", "half.toml", *options, "--poor-start"])
    assert done.exit_code == 0, done.output
    assert Path("runs/half/half.safetensors").exists()
