"""Fingerprints: equal for one machine and one measurement, and what differs has a name."""

from __future__ import annotations

from typing import Any

import pytest

from segprune.speed.fingerprint import conditions, fingerprint

USUAL: dict[str, Any] = {"threads": 1, "input": (1, 3, 8, 8)}


def test_one_machine_and_one_measurement_have_one_digest() -> None:
    one, other = fingerprint(**USUAL), fingerprint(**USUAL)
    assert one.digest == other.digest
    assert one.difference(other) == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("threads", 2),
        ("input", (1, 3, 8, 16)),
        ("memory_format", "channels_last"),
        ("dtype", "float16"),
    ],
)
def test_another_measurement_has_another_digest_and_its_difference_is_named(
    name: str, value: object
) -> None:
    one, other = fingerprint(**USUAL), fingerprint(**{**USUAL, name: value})
    assert one.digest != other.digest
    assert one.difference(other) == (name,)


def test_a_variable_that_changes_speed_is_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprint(**USUAL)
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "SSE41")
    assert before.difference(fingerprint(**USUAL)) == ("variables",)


def test_what_moves_by_itself_is_kept_apart() -> None:
    assert min(conditions().mhz, conditions().load) >= 0
    assert {"mhz", "load"}.isdisjoint(vars(fingerprint(**USUAL)))
