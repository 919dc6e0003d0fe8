"""A measurement of speed belongs to the network that was measured, and to no other."""

from __future__ import annotations

from typing import Any

import pytest

from report.records import speed, training
from report.rows import row_of, rows_of
from segprune.reporting import Policy
from segprune.reporting.main_table import headline_table


def test_speed_is_joined_by_file_and_else_by_plan(policy: Policy) -> None:
    pruned = training(variant="macs50", share=0.5)
    by_file = speed(1.9, artifact=pruned.artifact, plan=pruned.plan)
    by_plan = speed(1.5, plan=pruned.plan)
    for speeds, wanted in (((by_plan, by_file), by_file), ((by_plan,), by_plan), ((), None)):
        rows = rows_of(policy, training(), pruned, speeds=speeds)
        assert row_of(rows, "macs50").speed is wanted


@pytest.mark.parametrize(
    "changes",
    [
        {"input": (1, 3, 256, 512)},
        {"memory_format": "channels_last"},
        {"threads": 2},
        {"reference_artifact": "of another dense network"},
        {"artifact": "of another file", "plan": "and another plan"},
    ],
)
def test_a_measurement_of_something_else_is_not_joined(
    policy: Policy, changes: dict[str, Any]
) -> None:
    pruned = training(variant="macs50", share=0.5)
    measured = speed(**{"artifact": pruned.artifact, "plan": pruned.plan, **changes})
    row = row_of(rows_of(policy, training(), pruned, speeds=[measured]), "macs50")
    assert row.speed is None
    assert "| – | open: speed-up not measured" in "\n".join(headline_table([row]))


def test_of_several_measurements_the_least_promising_counts(policy: Policy) -> None:
    pruned = training(variant="macs50", share=0.5)
    speeds = [speed(factor, artifact=pruned.artifact) for factor in (1.9, 1.75, 1.8)]
    row = row_of(rows_of(policy, training(), pruned, speeds=speeds), "macs50")
    assert row.speed is speeds[1]
