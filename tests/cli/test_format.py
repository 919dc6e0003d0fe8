"""Help pages are folded by the terminal alone: a line ends where the next word does not fit."""

from __future__ import annotations

import itertools
import re

import pytest
from typer.testing import CliRunner

from segprune.cli import app

COMMANDS = (
    "", "prune", "inspect", "verify", "sensitivity", "train", "recover", "eval", "sweep", "speed",
    "predict", "report", "data", "data check",
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("width", [72, 100, 130])
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
