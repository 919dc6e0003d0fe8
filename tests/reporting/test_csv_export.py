"""The sheet: a line for each network and each strategy."""

from __future__ import annotations

import csv
import io

import pytest

from reporting.records import cell, small_sweep, speed, training
from segprune.reporting import Collection, Policy, results_csv


def test_the_sheet_has_a_line_for_each_network_and_each_strategy(policy: Policy) -> None:
    cells = [*small_sweep(), cell(importance="lamp", miou=None, failure="no\nchannels, left")]
    plan = next(done.outcome.plan for done in cells if done.outcome)
    measured = speed(1.9, plan=plan)
    trainings = (
        training(miou=0.72),
        *(training(variant="macs50", miou=m, share=0.5, seed=s) for s, m in ((0, 0.70), (1, 0.71))),
    )
    text = results_csv(Collection(trainings, tuple(cells), (measured,)), policy)
    lines = list(csv.DictReader(io.StringIO(text)))
    assert len(lines) == 2 + len(cells)
    (pruned,) = [line for line in lines if line["variant"] == "macs50"]
    assert (pruned["seeds"], pruned["miou_lowest"], pruned["miou_highest"]) == ("2", "0.7", "0.71")
    assert float(pruned["miou"]) == pytest.approx(0.705)
    assert float(pruned["miou_change"]) == pytest.approx(-0.015)
    assert float(pruned["macs_share"]) == pytest.approx(0.5, abs=0.01)
    (failed,) = [line for line in lines if line["importance"] == "lamp"]
    assert (failed["miou"], failed["failure"]) == ("", "no channels, left")
    (fastest,) = [line for line in lines if line["importance"] == "taylor"
                  and line["recovery"] == "none"]  # fmt: skip
    assert (fastest["budget"], fastest["miou"]) == ("macs 0.5", "0.45")
    assert float(fastest["speedup_low"]) == measured.speed.low
    assert {line["data"] for line in lines} == {"streets"}
