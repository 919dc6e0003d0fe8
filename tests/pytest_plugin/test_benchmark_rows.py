"""pytest-benchmark keeps two rows of a speed gate, and its own tools read them."""

from __future__ import annotations

import json
import sys

import pytest

from pytest_plugin.repository import Repository, output


def test_pytest_benchmark_keeps_both_networks_and_its_own_tools_read_them(
    repository: Repository,
) -> None:
    repository.run("--benchmark-only", "--benchmark-json", "speed.json")
    content = json.loads((repository.path / "speed.json").read_text())
    names = [row["name"] for row in content["benchmarks"]]
    assert names == ["test_speed-reference", "test_speed-candidate"]
    medians = [row["stats"]["median"] for row in content["benchmarks"]]
    assert medians == pytest.approx([0.02, 0.01], rel=0.01)
    assert all(len(row["stats"]["data"]) == 16 for row in content["benchmarks"])
    # A process of its own: called within, it leaves a pytest session open.
    compare = [sys.executable, "-m", "pytest_benchmark", "compare", "speed.json"]
    shown = repository.pytester.run(*compare)
    assert shown.ret == 0
    assert "test_speed-reference" in output(shown)
    assert "test_speed-candidate" in output(shown)
