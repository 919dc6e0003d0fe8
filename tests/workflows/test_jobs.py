"""Jobs have the only table of their defaults, and the command line reads it without torch."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import Any

import pytest
import typer

from segprune.cli import app
from segprune.core.planning.config import PruneConfig
from segprune.workflows import jobs

COMMANDS: Any = typer.main.get_command(app)


def test_they_are_imported_without_torch() -> None:
    code = "import sys, segprune.workflows.jobs; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def plain(value: object) -> object:
    """Return a default as the command line has it: sizes as text, and None for an empty one."""
    return ("x".join(map(str, value)) if isinstance(value, tuple) else value) or None


@pytest.mark.parametrize(
    ("command", "table"),
    [
        ("prune", jobs.PruneJob), ("prune", PruneConfig), ("eval", jobs.EvaluationJob),
        ("predict", jobs.PredictJob), ("speed", jobs.SpeedJob),
    ],
)  # fmt: skip
def test_an_option_has_the_default_of_the_field_of_its_name(command: str, table: type) -> None:
    options = {option.name: option.default for option in COMMANDS.commands[command].params}
    compared = 0
    for field in dataclasses.fields(table):
        if field.name in options and field.default is not dataclasses.MISSING:
            assert plain(options[field.name]) == plain(field.default), field.name
            compared += 1
    assert compared >= 5
