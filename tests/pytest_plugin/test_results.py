"""A verdict reaches the summary whatever its test does with it."""

from __future__ import annotations

import pytest

from pytest_plugin.repository import CASE, RED, Repository, output


@pytest.mark.parametrize("strict", ["", "strict=True"])
def test_an_expected_failure_is_no_way_around(repository: Repository, strict: str) -> None:
    repository.edit("def test_size", f"@pytest.mark.xfail({strict})\ndef test_size")
    repository.edit('"macs": 0.6', '"macs": 0.4')
    result = repository.run()
    assert result.ret == RED
    assert f"{CASE}, size: FAIL, though test_gates.py::test_size did not fail" in output(result)


def test_a_failure_that_is_caught_is_no_way_around(repository: Repository) -> None:
    repository.edit(
        "    segprune_gate.size()",
        "    try:\n        segprune_gate.size()\n    except BaseException:\n        pass",
    )
    repository.edit('"macs": 0.6', '"macs": 0.4')
    result = repository.run("-k", "size")
    result.assert_outcomes(passed=1, deselected=3)
    assert result.ret == RED


def test_inconclusive_is_red_when_strict_though_a_failure_is_expected(
    repository: Repository,
) -> None:
    repository.ratio = 1.5
    repository.edit("def test_speed", "@pytest.mark.xfail\ndef test_speed")
    assert repository.run("test_gates.py").ret == 0
    assert repository.run("test_gates.py", "--segprune-strict").ret == RED


def test_a_property_of_a_test_s_own_is_left_alone(repository: Repository) -> None:
    (repository.path / "test_else.py").write_text(
        "def test_ok(record_property):\n    record_property('segprune', '0.1.0')\n"
    )
    assert repository.run().ret == 0
