"""Help that teaches, figures in words, and what the command sets for its process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import typer

from cli.runner import segprune_
from segprune.cli import app
from segprune.cli.errors import guarded
from segprune.cli.parsing import parse_budget, parse_input, parse_shares


@pytest.mark.parametrize("command", [[], ["prune"], ["inspect"], ["verify"], ["sensitivity"]])
def test_help_teaches_by_examples_that_can_be_parsed(command: list[str]) -> None:
    result = segprune_(*command, "--help")
    assert result.exit_code == 0
    examples = [line.split() for line in result.stdout.splitlines() if "  segprune " in line]
    assert examples
    known = {c.name or c.callback.__name__ for c in app.registered_commands if c.callback}
    assert {words[1] for words in examples} <= known


def test_the_version_is_that_of_the_package() -> None:
    assert segprune_("--version").stdout.startswith("segprune ")


def test_options_become_values() -> None:
    assert parse_budget("params=0.25") == {"params": 0.25}
    assert parse_input("2x3x64X128") == (2, 3, 64, 128)
    assert parse_input("64x128") == (1, 3, 64, 128)
    assert parse_shares(["a=b=0.5", "c.*=1"]) == {"a=b": 0.5, "c.*": 1.0}


@pytest.mark.parametrize(("package", "extra"), [("torchvision", "train"), ("matplotlib", "report")])
def test_a_package_that_is_missing_is_named_with_the_extra_that_brings_it(
    package: str, extra: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def command() -> None:
        raise ModuleNotFoundError(f"No module named '{package}'", name=f"{package}.transforms")

    with pytest.raises(typer.Exit) as ended:
        guarded(command)()
    assert ended.value.exit_code == 2
    assert f"pip install 'segprune[{extra}]'" in capsys.readouterr().err


@pytest.mark.parametrize("own", [None, "ACTIVE"])
def test_threads_wait_asleep_unless_told_otherwise(own: str | None) -> None:
    """OpenMP asks once, when torch is imported."""
    script = (
        "import os, sys\nimport segprune.cli as cli\n"
        "cli.app = lambda **_: print('torch' in sys.modules, os.environ['OMP_WAIT_POLICY'])\n"
        "cli.main()"
    )
    environment = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}
    if own is not None:
        environment["OMP_WAIT_POLICY"] = own
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", own or "PASSIVE"]
