"""Texts of options become values, and a command line is recorded without folders."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import pytest
import typer

from segprune.cli.parsing import (
    command_line,
    parse_budget,
    parse_input,
    parse_label_map,
    parse_normalisation,
    parse_shares,
    parse_size,
    require_file,
)
from segprune.errors import ArtifactError, InputError
from segprune.workflows.jobs import RUNS


def test_options_become_values() -> None:
    assert parse_budget("params=0.25") == {"params": 0.25}
    assert parse_input("2x3x64X128") == (2, 3, 64, 128)
    assert parse_input("64x128") == (1, 3, 64, 128)
    assert parse_shares(["a=b=0.5", "c.*=1"]) == {"a=b": 0.5, "c.*": 1.0}


def test_sizes_are_height_by_width() -> None:
    assert parse_size("360x480") == parse_size("360X480") == parse_size("360×480") == (360, 480)


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["255=1", "3=void"], {"255": 1, "3": "void"}),
        (["0=1,1=0", " 7 = void "], {"0": 1, "1": 0, "7": "void"}),
        ([], None),
    ],
)
def test_a_label_map_is_read_from_one_option_or_several(
    texts: list[str], found: dict[str, object] | None
) -> None:
    assert parse_label_map(texts) == found


@pytest.mark.parametrize("text", ["255", "a=1", "255=sky", "²=1", "255=-1"])
def test_a_label_map_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="--label-map: expected VALUE=CLASS"):
        parse_label_map([text])


def test_a_value_that_is_mapped_twice_is_refused() -> None:
    with pytest.raises(InputError, match="each value once, found 3 twice"):
        parse_label_map(["3=0", "3=1"])


def test_one_number_stands_for_all_channels() -> None:
    found = parse_normalisation("0.5", "0.1,0.2,0.3", None)
    assert (found.mean, found.std, found.range) == ((0.5, 0.5, 0.5), (0.1, 0.2, 0.3), None)


@pytest.mark.parametrize("text", ["1,2", "a", "nan", "inf,0,0", ""])
def test_numbers_of_another_form_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="--mean: expected 3 numbers"):
        parse_normalisation(text, None, None)


def test_a_file_that_is_there_is_not_read(tmp_path: Path) -> None:
    require_file(tmp_path, "anything")
    require_file(None, "anything")
    with pytest.raises(ArtifactError, match="expected weights, found no such file"):
        require_file(tmp_path / "none", "weights")


class Colour(StrEnum):
    """A choice."""

    RED = "red"
    BLUE = "blue"


def paint(
    file: Annotated[Path, typer.Argument()],
    source: Annotated[str, typer.Argument()],
    colour: Annotated[Colour, typer.Option()] = Colour.RED,
    pots: Annotated[int, typer.Option()] = 3,
    layers: Annotated[list[str] | None, typer.Option()] = None,
    brush: Annotated[Path | None, typer.Option("--brush")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run")] = False,
    varnish: Annotated[bool, typer.Option()] = True,
    panel: Annotated[bool, typer.Option("--panel/--overlay")] = True,
    stills: Annotated[bool | None, typer.Option("--stills/--no-stills")] = None,
    root: Annotated[Path | None, typer.Option()] = None,
    out: Annotated[Path, typer.Option()] = RUNS,
) -> None:
    """A command with an option of every kind."""


DEFAULTS: dict[str, object] = {
    "file": Path("work/mine/a.pt"), "source": "my.nets:make", "colour": Colour.RED, "pots": 3,
    "layers": None, "brush": None, "dry_run": False, "varnish": True, "panel": True,
    "stills": None, "root": None, "out": Path("work/mine/runs"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, ()),
        ({"source": "work/mine/images"}, ()),
        ({"colour": Colour.BLUE, "pots": 0}, ("--colour", "blue", "--pots", "0")),
        ({"layers": ["a", "b.*"]}, ("--layers", "a", "--layers", "b.*")),
        ({"brush": Path("work/mine/brush.png")}, ("--brush", "brush.png")),
        ({"varnish": False, "dry_run": True}, ("--dry-run", "--no-varnish")),
        ({"panel": False, "stills": False}, ("--overlay", "--no-stills")),
        ({"stills": True}, ("--stills",)),
        ({"root": Path("work/mine")}, ()),  # left out on request
    ],
)
def test_a_recorded_command_has_what_is_not_at_its_default_and_no_folder(
    given: dict[str, object], words: tuple[str, ...]
) -> None:
    source = "images" if "source" in given else "my.nets:make"
    found = command_line("paint", paint, DEFAULTS | given, "root")
    assert found == ("segprune", "paint", "a.pt", source, *words)
