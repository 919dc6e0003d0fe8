"""The doctor reports a network that can be traced, and one that cannot."""

from __future__ import annotations

import importlib.metadata

from segprune.workflows.doctor import run_doctor
from workflows.small import MODEL, SIZE, four, macs


def test_a_report_without_a_network_has_versions_alone() -> None:
    report = run_doctor()
    assert report.trace is None
    assert report.packages["numpy"] == importlib.metadata.version("numpy")


def test_a_network_is_counted() -> None:
    found = run_doctor(MODEL, input=SIZE).trace
    assert found is not None
    assert (found.error, found.layers, found.channels) == ("", 3, 8 + 12 + 4)
    assert found.params == sum(parameter.numel() for parameter in four().parameters())
    assert found.macs == macs(8, 12)


def test_an_error_of_the_network_is_part_of_the_report() -> None:
    found = run_doctor(MODEL, input=(1, 5, 16, 32)).trace
    assert found is not None
    assert found.error
