"""The plan of a recovery: made once, kept, and joined to that of the network before."""

from __future__ import annotations

from pathlib import Path

import pytest

from segprune.records.io import read_record
from segprune.records.training import TrainingRecord
from segprune.workflows.train import pruning
from segprune.workflows.train.run import run_recover, run_train
from training.test_resume import StoppedError
from training.tiny import (
    PRUNING,
    SMALL,
    same,
)
from workflows.train.runs import (
    artifact_of,
    made,
    record_of,
    recovered,
    until_training,
    weights_in,
)


def test_a_resumed_recovery_keeps_its_plan_without_a_second_look_at_importances(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unbroken = recovered(out=Path("runs", "unbroken"))
    with pytest.raises(StoppedError):
        recovered(progress=until_training(3))

    def forbidden(*arguments: object) -> None:
        raise AssertionError("a plan is made once")

    monkeypatch.setattr(pruning, "_plan", forbidden)
    resumed = recovered()
    assert record_of(resumed).plan == record_of(unbroken).plan
    assert same(weights_in(resumed), weights_in(unbroken)) == []
    assert record_of(resumed).scores == record_of(unbroken).scores
    assert record_of(resumed).work.resumed_at == 1


def test_a_pruned_artefact_is_trained_on_and_pruned_further() -> None:
    recovered("name=first")
    start = f"network.init_from={artifact_of('first')}"
    on = record_of(run_train(made(SMALL, start, "name=on")))
    first = read_record(TrainingRecord, Path("runs", "first", "record.json"))
    assert list(on.scores) == ["start", "result"]
    assert (on.macs, on.plan) == (first.macs, first.plan)
    assert on.scores["start"] == first.scores["result"]
    further = record_of(
        run_recover(made(SMALL + PRUNING, start, "pruning.budget={macs=0.8}", "name=further"))
    )
    assert further.macs <= 0.8 * first.macs
    assert further.dense_macs == first.dense_macs
