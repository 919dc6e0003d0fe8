"""One name, one meaning: an option that several commands have takes the same kind of value."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import typer

from segprune.cli import app
from segprune.workflows.jobs import EvaluationJob, PredictJob

NORMALISATION = {"mean", "std", "range"}  # one field of the jobs: `given`


def options(command: Any = None, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every visible option of every command, with the command's name."""
    command = command or typer.main.get_command(app)
    for own, inner in getattr(command, "commands", {}).items():
        yield from options(inner, f"{name} {own}".strip())
    if not hasattr(command, "commands"):
        for parameter in command.params:
            if parameter.param_type_name == "option" and not getattr(parameter, "hidden", False):
                yield name, parameter


def test_an_option_of_several_commands_takes_one_kind_of_value() -> None:
    found: dict[str, dict[str, list[str]]] = {}
    for command, option in options():
        kinds = found.setdefault(option.opts[0], {})
        kinds.setdefault(option.metavar or "a flag or a choice", []).append(command)
    assert len(found) > 40
    assert {name: kinds for name, kinds in found.items() if len(kinds) > 1} == {}


def test_images_and_networks_are_named_alike_wherever_they_are_taken() -> None:
    taken: dict[str, set[str]] = {}
    for command, option in options():
        taken.setdefault(command, set()).add(option.opts[0])
    for command in ("prune", "verify", "sensitivity", "eval", "predict"):
        assert {"--data", "--root", "--split"} <= taken[command], command
    for command in ("prune", "verify", "sensitivity"):
        assert "--frames" in taken[command]
    for command in ("verify", "eval", "speed", "predict"):
        assert "--model" in taken[command]


def test_options_have_the_names_of_the_fields_in_python() -> None:
    for command, job in (("eval", EvaluationJob), ("predict", PredictJob)):
        fields = {field.name for field in dataclasses.fields(job)} | NORMALISATION | {"help"}
        names = {option.name for own, option in options() if own == command}
        moving = {"gif", "video"}  # one field of the job: `moving`
        assert names - fields - moving == set(), command
