"""`segprune doctor` says what a bug report needs, and writes it as one file."""

from __future__ import annotations

import importlib.metadata
import platform
from pathlib import Path

import pytest
import torch

from cli.runner import SIZE, segprune_
from segprune.records.doctor import DoctorRecord
from segprune.records.io import read_record


def test_without_a_network_it_reports_this_installation(place: Path) -> None:
    result = segprune_("doctor", "--json", "here.json")
    assert result.exit_code == 0, result.output
    report = read_record(DoctorRecord, place / "here.json")
    assert report.trace is None
    assert report.environment.torch == torch.__version__
    assert report.environment.python == platform.python_version()
    assert report.packages["typer"] == importlib.metadata.version("typer")
    assert torch.__version__ in result.stdout


def test_it_counts_the_channels_of_a_network_and_which_may_go(place: Path) -> None:
    result = segprune_("doctor", "tiny_nets:Net", *SIZE, "--json", "net.json")
    assert result.exit_code == 0, result.output
    found = read_record(DoctorRecord, place / "net.json").trace
    assert found is not None
    # 16 of the stem, 16 depthwise, 48 wide, 4 of the head, which are the output.
    assert (found.layers, found.channels) == (4, 16 + 16 + 48 + 4)
    assert found.free_share == 1.0
    assert found.error == ""


def test_channels_that_stay_are_reported_with_the_line_of_the_users_code(place: Path) -> None:
    result = segprune_("doctor", "tiny_nets:Literal", *SIZE, "--json", "literal.json")
    assert result.exit_code == 0, result.output
    found = read_record(DoctorRecord, place / "literal.json").trace
    assert found is not None
    assert found.free_share < 1
    assert any("tiny_nets.py" in (group.source or "") for group in found.frozen)


@pytest.mark.parametrize(
    ("model", "kind"),
    [("tiny_nets:nothing", "ModelError"), ("tiny_nets:fails", "ModelError")],
)
def test_a_network_that_cannot_be_traced_is_reported_and_the_status_is_1(
    place: Path, model: str, kind: str
) -> None:
    result = segprune_("doctor", model, *SIZE, "--json", "broken.json")
    assert result.exit_code == 1
    found = read_record(DoctorRecord, place / "broken.json").trace
    assert found is not None
    assert found.error.startswith(f"{kind}: ")


def test_a_network_that_does_not_run_on_the_example_is_reported(place: Path) -> None:
    result = segprune_("doctor", "tiny_nets:Net", "--input", "1x5x32x64", "--json", "five.json")
    assert result.exit_code == 1
    found = read_record(DoctorRecord, place / "five.json").trace
    assert found is not None
    assert "forward to run on" in found.error
    assert found.input == (1, 5, 32, 64)


def test_the_report_names_no_user_and_no_host(place: Path) -> None:
    assert segprune_("doctor", "tiny_nets:Literal", *SIZE, "--json", "who.json").exit_code == 0
    text = (place / "who.json").read_text("utf-8")
    assert platform.node() not in text or len(platform.node()) < 4
    assert str(Path.home()) not in text
    assert str(place) not in text
