"""The report of an installation names what is missing, and why a network cannot be traced."""

from __future__ import annotations

from pathlib import Path

from cli.render.conftest import Shown
from reporting.records import ENVIRONMENT
from segprune.cli.render.doctor import show_report
from segprune.records.doctor import DoctorRecord, TraceFindings
from segprune.records.prune import FrozenGroup

PACKAGES = {"typer": "0.29", "av": "missing"}


def test_versions_and_the_machine_are_shown_and_packages_that_are_missing(shown: Shown) -> None:
    lines = shown(show_report, DoctorRecord(ENVIRONMENT, PACKAGES, None), Path("doctor.json"))
    assert lines == [
        "segprune 0.1.0, torch 2.15.0, Python 3.11.7",
        "machine Imagined Processor, 2 cores, Linux x86_64, no GPU",
        "threads 2, instructions AVX2",
        "missing av: packages of the extras",
        "written doctor.json",
    ]


def test_a_trace_is_counted_and_what_must_stay_is_named(shown: Shown) -> None:
    group = FrozenGroup(("stem",), 4, "its channels are counted", "net.py:3")
    found = TraceFindings(
        "my.nets:make", (1, 3, 8, 8), layers=2, channels=20, params=1500, macs=2_000_000,
        free_share=0.8, frozen=(group,), untraced={"predict": "no such method"},
    )  # fmt: skip
    lines = shown(show_report, DoctorRecord(ENVIRONMENT, {}, found), None)
    assert (
        "trace my.nets:make, 1x3x8x8: 2 layers, 20 channels, 1.50 k parameters, 2.00 M MACs"
        in lines
    )
    assert "4 of stem: its channels are counted (net.py:3)" in lines
    assert lines[-1] == "untraced predict: no such method"


def test_a_network_without_a_trace_has_its_error_alone(shown: Shown) -> None:
    found = TraceFindings("my.nets:make", (1, 3, 8, 8), error="TraceError: no luck")
    lines = shown(show_report, DoctorRecord(ENVIRONMENT, {}, found), None)
    assert lines[-1] == "trace my.nets:make, 1x3x8x8: TraceError: no luck"
