"""Trainings and recoveries as whole runs: stages, files, records, and what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

import segprune
from segprune.errors import InputError
from segprune.records.io import read_record
from segprune.records.training import TrainingRecord
from segprune.training.recipe import read_recipe
from segprune.workflows.train import running as pipeline
from segprune.workflows.train.images import open_images, training_batches
from segprune.workflows.train.running import run_recover, run_train
from training.recovery.runs import (
    DENSE,
    FROM_DENSE,
    artifact_of,
    made,
    record_of,
    recovered,
    until_training,
    weights_in,
)
from training.test_resume import StoppedError
from training.tiny import (
    PRUNING,
    RECIPE,
    SMALL,
    camvid_net,
    same,
    weights,
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


def test_the_artefact_scores_what_the_record_says() -> None:
    record = read_record(TrainingRecord, Path("runs", "dense", "record.json"))
    images = open_images(read_recipe(Path("runs", "dense", "recipe.toml")).data)
    model = segprune.load(DENSE, camvid_net())
    score = segprune.evaluate(model, images.validation, preprocessing=images.preprocessing)
    assert score == record.scores["result"]


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


def test_a_resumed_recovery_keeps_its_plan_without_a_second_look_at_importances(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unbroken = recovered(out=Path("runs", "unbroken"))
    with pytest.raises(StoppedError):
        recovered(progress=until_training(3))

    def forbidden(*arguments: object) -> None:
        raise AssertionError("a plan is made once")

    monkeypatch.setattr(pipeline, "_plan", forbidden)
    resumed = recovered()
    assert record_of(resumed).plan == record_of(unbroken).plan
    assert same(weights_in(resumed), weights_in(unbroken)) == []
    assert record_of(resumed).scores == record_of(unbroken).scores
    assert record_of(resumed).work.resumed_at == 1


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


def test_shapes_alone_are_taken_for_the_control_from_scratch() -> None:
    recovered("name=first")
    shapes = f"network.architecture_of={artifact_of('first')}"
    record = record_of(run_train(made(SMALL, shapes, "name=scratch")))
    first = read_record(TrainingRecord, Path("runs", "first", "record.json"))
    assert (record.macs, record.plan, record.source) == (first.macs, first.plan, None)


def test_training_batches_are_those_of_the_first_epochs() -> None:
    wanted = made(SMALL)
    images = open_images(wanted.data)
    five = list(training_batches(images, wanted, 5))
    assert [tuple(batch.shape) for batch, _ in five] == [(4, 3, 64, 128)] * 5
    assert all(
        torch.equal(a[0], b[0])
        for a, b in zip(five[:3], training_batches(images, wanted, 3), strict=True)
    )
    assert not torch.equal(five[0][0], five[2][0])
    assert list(training_batches(images, wanted, 0)) == []


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


def test_images_that_serve_for_training_and_evaluation_have_to_be_asked_for() -> None:
    root = Path("unsplit")
    shutil.copytree(Path("images", "train"), root)
    names = ", ".join(f'"class {number}"' for number in range(11))
    (root / "classes.toml").write_text(f"names = [{names}]\n")
    unsplit = ("data.name=folder", f"data.root={root}")
    with pytest.raises(InputError, match="found the images of training again"):
        open_images(made(SMALL, *unsplit).data)
    asked = made(SMALL, *unsplit, "data.val=train")
    assert len(open_images(asked.data).validation) == 8
