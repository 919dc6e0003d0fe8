"""Steps of a run: its teacher, and when statistics are measured anew."""

from __future__ import annotations

from pathlib import Path

import segprune
from segprune.workflows.train.run import run_train
from training.tiny import (
    PRUNING,
    SMALL,
    camvid_net,
    same,
    weights,
)
from workflows.train.runs import (
    DENSE,
    made,
    record_of,
    recovered,
    weights_in,
)


def test_the_teacher_is_the_dense_network_before_it_was_pruned() -> None:
    taught = "[distillation]\nkl = 1.0\n"
    itself = recovered(text=SMALL + PRUNING + taught, out=Path("runs", "itself"))
    named = recovered(
        f"distillation.teacher={DENSE.as_posix()}", text=SMALL + PRUNING + taught,
        out=Path("runs", "named"),
    )  # fmt: skip
    assert same(weights_in(itself), weights_in(named)) == []


def test_a_dense_network_that_teaches_itself_still_learns() -> None:
    text = SMALL + "[distillation]\nkl = 1.0\n"
    result = recovered(text=text)
    changed = same(weights_in(result), weights(segprune.load(DENSE, camvid_net())))
    assert {"first.weight", "last.weight"} <= set(changed)
    assert record_of(result).params == record_of(result).dense_params


def test_statistics_are_measured_anew_at_the_end_only_if_asked_for() -> None:
    plain = run_train(made(SMALL, "half=false", "name=plain"))
    anew = run_train(made(SMALL, "half=false", "name=anew", "recalibration.at_the_end=true"))
    changed = same(weights_in(plain), weights_in(anew))
    assert set(changed) == {"norm.running_mean", "norm.running_var", "norm.num_batches_tracked"}
