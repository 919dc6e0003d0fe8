"""Parameters, MACs and activation bytes are the baseline's, and within the budget."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_plugin.repository import CASE, Repository, output
from segprune.gates.verdict import Status, Verdict
from segprune.pytest_plugin import gate_size
from segprune.records.baseline import Size, SizeFacts, Targets


def test_a_network_that_is_too_large_is_named_before_any_baseline(
    repository: Repository,
) -> None:
    repository.write_artifact(0.875)
    result = repository.run("-k", "size")
    said = output(result)
    assert f"{CASE}, size: FAIL" in said
    assert "MACs: expected at most 60.0% of the dense network's" in said
    assert said.index("prune more, or lower the target") < said.index("accept it anew")


SIZES = SizeFacts((1, 3, 8, 8), Size(50, 500, 80), Size(100, 1000, 160))
TARGETS = Targets("", 0.9, 600, None, 1.0)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, Status.PASS),
        ({"params": 51}, Status.FAIL),
        ({"params": 49}, Status.FAIL),
        ({"macs": 601}, Status.FAIL),
        ({"activation_bytes": 81}, Status.FAIL),
    ],
)
def test_counts_that_differ_from_the_baseline_do_not_pass(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, int], status: Status
) -> None:
    monkeypatch.setattr(gate_size, "same_case", lambda *_: Verdict(Status.PASS, ()))
    sizes = replace(SIZES, pruned=replace(SIZES.pruned, **change))
    data: Any = SimpleNamespace(sizes=sizes, targets=TARGETS)
    baseline: Any = SimpleNamespace(size=SIZES)
    found = gate_size.judge_size(data, lambda: baseline)
    assert found.verdict.status == status
    assert found.figures["macs"] == sizes.pruned.macs
