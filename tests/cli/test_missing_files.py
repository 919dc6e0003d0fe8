"""A file that is missing is an error before torch is imported, which takes seconds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

MISSING = {
    "train": ("train", "nosuch.toml"),
    "recover": ("recover", "nosuch.toml"),
    "recover, policy": ("recover", "there.toml", "--policy", "nosuch.toml"),
    "recover, root": ("recover", "there.toml", "--root", "nosuch"),
    "sweep": ("sweep", "nosuch.toml"),
    "sweep, root": ("sweep", "there.toml", "--root", "nosuch"),
    "prune, weights": ("prune", "bisenetv2", "--weights", "nosuch.pt"),
    "prune, frames": ("prune", "bisenetv2", "--frames", "nosuch"),
    "prune, data": ("prune", "bisenetv2", "--data", "nosuch"),
    "prune, root": ("prune", "bisenetv2", "--data", "camvid", "--root", "nosuch"),
    "sensitivity": ("sensitivity", "bisenetv2", "--weights", "nosuch.pt"),
    "sensitivity, frames": ("sensitivity", "bisenetv2", "--frames", "nosuch"),
    "verify": ("verify", "nosuch.safetensors"),
    "verify, weights": ("verify", "there.toml", "--weights", "nosuch.pt"),
    "inspect": ("inspect", "nosuch.json"),
    "eval": ("eval", "nosuch.safetensors"),
    "eval, weights": ("eval", "bisenetv2", "--weights", "nosuch.pt"),
    "eval, root": ("eval", "bisenetv2", "--data", "camvid", "--root", "nosuch"),
    "predict": ("predict", "nosuch.safetensors", "streets"),
    "predict, source": ("predict", "there.toml", "nosuch.png"),
    "predict, against": ("predict", "there.toml", "streets", "--against", "nosuch.safetensors"),
    "speed": ("speed", "there.toml", "nosuch.safetensors"),
    "data check": ("data", "check", "folder", "--root", "nosuch"),
    "report": ("report", "--records", "nosuch"),
    "report, adopt": ("report", "--adopt", "nosuch"),
    "report, policy": ("report", "--records", ".", "--policy", "nosuch.toml"),
}
HELP = (
    "", "prune", "recover", "sweep", "eval", "data check", "doctor", "gate init", "recipe new",
)  # fmt: skip
PROGRAM = """
import json, sys
from typer.testing import CliRunner
from segprune.cli import app

found = {}
for name, words in json.load(sys.stdin).items():
    result = CliRunner().invoke(app, words)
    heavy = sorted({"torch", "torchvision", "pytorch_lightning"} & set(sys.modules))
    found[name] = [result.exit_code, result.output, heavy]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str, list[str]]]:
    """What every command answers, in one process that begins without torch."""
    folder = tmp_path_factory.mktemp("empty")
    (folder / "there.toml").write_text("name = 'there'\n")
    commands = {**MISSING, **{f"{name} --help": (*name.split(), "--help") for name in HELP}}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], input=json.dumps(commands), cwd=folder, text=True,
        capture_output=True, check=True, timeout=300,
    )  # fmt: skip
    found: dict[str, tuple[int, str, list[str]]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("case", MISSING)
def test_a_missing_file_is_one_sentence_before_torch_is_imported(
    answers: dict[str, tuple[int, str, list[str]]], case: str
) -> None:
    status, said, heavy = answers[case]
    assert status == 2
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert "nosuch" in said
    assert heavy == []


@pytest.mark.parametrize("command", HELP)
def test_help_needs_no_torch(answers: dict[str, tuple[int, str, list[str]]], command: str) -> None:
    status, said, heavy = answers[f"{command} --help"]
    assert status == 0
    assert "Usage:" in said
    assert heavy == []


def test_a_policy_and_a_recipe_that_are_there_are_not_called_missing(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from segprune.cli import app

    (tmp_path / "there.toml").write_text("name = 'there'\n")
    said = CliRunner().invoke(app, ["recover", str(tmp_path / "there.toml")]).output
    assert "no such file" not in said
    assert "network: expected a value" in said
