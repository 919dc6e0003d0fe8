"""The size gate: counts are compared exactly, and with the share that the policy allows."""

from __future__ import annotations

import json

import pytest

from pytest_plugin.repository import RED, Repository, output


def test_a_network_of_the_baselines_size_passes(repository: Repository) -> None:
    assert repository.run("-k", "size", "--segprune-partial").ret == 0


@pytest.mark.parametrize("count", ["params", "macs"])
def test_one_more_than_the_baseline_has_is_red(repository: Repository, count: str) -> None:
    (file,) = (repository.path / "baselines").glob("*.json")
    content = json.loads(file.read_text())
    content["size"]["pruned"][count] -= 1
    file.write_text(json.dumps(content))
    result = repository.run("-k", "size", "--segprune-partial")
    assert result.ret == RED
    assert "mine-half, size: FAIL" in output(result)
