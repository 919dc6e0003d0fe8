"""Trainings and recoveries as whole runs: stages, files, records, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import segprune
from segprune.errors import InputError
from segprune.records.io import read_record
from segprune.records.training import TrainingRecord
from segprune.training.recipe import read_recipe
from segprune.workflows.train.run import run_recover, run_train
from training.tiny import (
    PRUNING,
    RECIPE,
    SMALL,
    camvid_net,
    same,
    weights,
)
from workflows.train.runs import (
    DENSE,
    FROM_DENSE,
    artifact_of,
    made,
    record_of,
    recovered,
    weights_in,
)


def test_a_training_leaves_all_that_a_reader_asks_for() -> None:
    run = Path("runs", "dense")
    record = read_record(TrainingRecord, run / "record.json")
    assert read_recipe(run / "recipe.toml").name == "dense"
    assert (record.seed, record.name, record.work.steps) == (0, "dense", 6)
    assert record.packages["pytorch-lightning"]
    assert record.environment
    assert len(list((run / "overlays").glob("*.png"))) == 2
    assert (run / "log" / "metrics.csv").exists()
    assert list((run / "log").glob("events.out.tfevents.*"))
    assert (run / "state" / "last.ckpt").exists()
    result = record.scores["result"]
    assert len(result.class_iou) == 11
    assert result.images == 2
    assert set(record.scores) == {"result"}
    assert str(Path.cwd()) not in (run / "record.json").read_text()


def test_a_recovery_scores_every_stage_and_keeps_what_the_plan_keeps() -> None:
    result = recovered("name=small")
    record = record_of(result)
    assert list(record.scores) == ["start", "pruned", "recalibrated", "trained", "result"]
    assert record.macs <= 0.625 * record.dense_macs < record.dense_macs
    header = segprune.read_header(result.folder / "small.safetensors")
    assert header.plan.digest == record.plan
    dense = read_record(TrainingRecord, Path("runs", "dense", "record.json"))
    assert record.scores["start"] == dense.scores["result"]
    assert record.source == dense.artifact


def test_zero_epochs_prune_and_recalibrate() -> None:
    result = recovered("training.epochs=0", "half=false")
    record = record_of(result)
    assert record.work.steps == 0
    assert record.scores["result"] == record.scores["recalibrated"]
    pruned, dense = weights_in(result), weights(segprune.load(DENSE, camvid_net()))
    kept = segprune.prune(
        segprune.load(DENSE, camvid_net()),
        segprune.read_header(result.folder / "tiny.safetensors").plan,
    )
    changed = same(pruned, weights(kept))
    assert set(changed) == {"norm.running_mean", "norm.running_var", "norm.num_batches_tracked"}
    assert pruned["first.weight"].shape < dense["first.weight"].shape


def test_zero_epochs_recalibrate_a_network_that_is_pruned_already() -> None:
    first = recovered("training.epochs=0", "recalibration.batches=0", "half=false", "name=first")
    assert list(record_of(first).scores) == ["start", "pruned", "result"]
    second = run_recover(
        made(
            SMALL, f"network.init_from={artifact_of('first')}", "training.epochs=0",
            "half=false", "name=second",
        )
    )  # fmt: skip
    assert list(record_of(second).scores) == ["start", "recalibrated", "result"]
    once = recovered("training.epochs=0", "half=false", "name=once")
    assert same(weights_in(second), weights_in(once)) == []
    assert record_of(second).plan == record_of(once).plan


def test_dense_continued_is_a_training_of_the_same_recipe_without_pruning() -> None:
    taught = '[distillation]\nchannel_wise = 1.0\nteacher = "runs/dense/dense.safetensors"\n'
    recovery = record_of(recovered(text=SMALL + PRUNING + taught, out=Path("runs", "recovery")))
    control = record_of(run_train(made(SMALL + taught, FROM_DENSE, "name=dense-continued")))
    assert control.params == control.dense_params == recovery.dense_params
    assert control.work.steps == recovery.work.steps
    assert control.source == recovery.source
    assert control.scores["start"] == recovery.scores["start"]
    assert control.work.losses.keys() == recovery.work.losses.keys()
    assert "loss/channel_wise" in control.work.losses


def test_shapes_alone_are_taken_for_the_control_from_scratch() -> None:
    recovered("name=first")
    shapes = f"network.architecture_of={artifact_of('first')}"
    record = record_of(run_train(made(SMALL, shapes, "name=scratch")))
    first = read_record(TrainingRecord, Path("runs", "first", "record.json"))
    assert (record.macs, record.plan, record.source) == (first.macs, first.plan, None)


@pytest.mark.parametrize(
    ("job", "text", "changes", "said"),
    [
        (run_train, SMALL + PRUNING, (), "pruning: expected no such section"),
        (run_train, SMALL + "[distillation]\n", (), "distillation.teacher: expected a dense"),
        (run_recover, SMALL + PRUNING, (), "network.init_from: expected a trained network"),
        (run_train, SMALL, ("network.init_from=no.safetensors",), "network.init_from: expected a"),
        (run_train, RECIPE, ("network.options={num_classes=4}",), "expected no num_classes"),
        (run_train, SMALL, (FROM_DENSE, "network.architecture_of=runs/dense/dense.safetensors"),
         "expected one of init_from .* found init_from and architecture_of"),
        (run_train, SMALL, ("network.average_of=['runs/dense/dense.safetensors']",),
         "network.average_of: tuple should have at least 2"),
        (run_recover, SMALL, ("network.average_of=['runs/dense/dense.safetensors', 'no.file']",),
         r"network.average_of\[1\]: expected a file, found No such file"),
    ],
)  # fmt: skip
def test_recipes_that_do_not_fit_are_refused(
    job: Any, text: str, changes: tuple[str, ...], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        job(made(text, *changes))
