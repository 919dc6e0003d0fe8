"""Help pages teach by examples and fold at the terminal's width; what `segprune` sets up."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from cli.runner import segprune_
from segprune.cli import app

COMMANDS = (
    "", "prune", "inspect", "verify", "sensitivity", "train", "recover", "eval", "sweep", "speed",
    "predict", "report", "data", "data check", "doctor", "gate", "gate init", "recipe",
    "recipe new",
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("width", [72, 80, 100, 120, 130])
def test_a_line_of_a_paragraph_ends_where_the_next_word_does_not_fit(
    command: str, width: int
) -> None:
    result = CliRunner().invoke(app, [*command.split(), "--help"], env={"COLUMNS": str(width)})
    assert result.exit_code == 0
    text = result.stdout.split("╭")[0].splitlines()
    assert max(map(len, text)) <= width
    for line, following in itertools.pairwise(text):
        # Examples are indented, one a line; a blank line ends a paragraph.
        if line.startswith("   ") or following.startswith("   ") or not following.strip():
            continue
        first = re.match(r" ?(\S+)", following)
        if line.strip() and first is not None:
            assert len(line.rstrip()) + 1 + len(first[1]) > width - 1, (line, following)
    if width >= 80:  # a folded example would continue with an option
        assert not [line for line in text if re.match(r"    *--", line)]


@pytest.mark.parametrize("command", [[], ["prune"], ["inspect"], ["verify"], ["sensitivity"]])
def test_help_teaches_by_examples_that_can_be_parsed(command: list[str]) -> None:
    result = segprune_(*command, "--help")
    assert result.exit_code == 0
    examples = [line.split() for line in result.stdout.splitlines() if "  segprune " in line]
    assert examples
    assert {words[1] for words in examples} <= set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def test_the_version_is_that_of_the_package() -> None:
    assert segprune_("--version").stdout.startswith("segprune ")


@pytest.mark.parametrize("own", [None, "ACTIVE"])
def test_threads_wait_asleep_unless_the_user_sets_another_policy(own: str | None) -> None:
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
