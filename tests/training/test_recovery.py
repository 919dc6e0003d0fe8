"""Trainings and recoveries as whole runs: stages, files, records, and what is refused."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import segprune
from segprune.artifacts import read_header
from segprune.errors import InputError
from segprune.pipeline.training import running as pipeline
from segprune.pipeline.training.folder import is_primary, run_folder
from segprune.pipeline.training.images import open_images, training_batches
from segprune.pipeline.training.record import TrainingRecord
from segprune.pipeline.training.running import TrainingResult, run_recover, run_train
from segprune.records import read_record
from segprune.training.averaging import mean_of
from segprune.training.recipe import Recipe, read_recipe
from training.test_resume import StoppedError, until
from training.tiny import (
    PRUNING,
    RECIPE,
    SMALL,
    camvid_net,
    same,
    weights,
    write_images,
    write_recipe,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images, and a dense artefact `runs/dense/dense.safetensors` of a training."""
    root = tmp_path_factory.mktemp("recovery")
    write_images(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        run_train(made(SMALL, "name=dense"))
    return root


@pytest.fixture(autouse=True)
def _inside(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(request.getfixturevalue("folder"))
    yield
    for path in Path("runs").iterdir():
        if path.name != "dense":
            shutil.rmtree(path)


DENSE = Path("runs", "dense", "dense.safetensors")
FROM_DENSE = f"network.init_from={DENSE.as_posix()}"


def made(text: str, *changes: str) -> Recipe:
    return read_recipe(write_recipe(Path.cwd(), text), changes)


def recovered(*changes: str, text: str = SMALL + PRUNING, **options: Any) -> TrainingResult:
    return run_recover(made(text, FROM_DENSE, *changes), **options)


def record_of(result: TrainingResult) -> TrainingRecord:
    assert result.record is not None
    return result.record


def artifact_of(run: str) -> str:
    return f"runs/{run}/{run}.safetensors"


def average_of(*artifacts: str) -> str:
    return f"network.average_of={json.dumps(artifacts)}"


def weights_in(result: TrainingResult) -> dict[str, torch.Tensor]:
    (path,) = result.folder.glob("*.safetensors")
    return weights(segprune.load(path, camvid_net()))


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
    assert list(record.scores) == ["start", "pruned", "recalibrated", "result"]
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


def until_training(step: int) -> Any:
    def report(what: str, done: int, total: int) -> None:
        if what == "train":
            until(step)(what, done, total)

    return report


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


def test_the_mean_of_two_recoveries_is_a_network_of_their_plan() -> None:
    own = [
        weights_in(recovered(f"name={name}", f"seed={seed}", "pruning.importance=magnitude"))
        for seed, name in enumerate(("left", "right"))
    ]
    files = [artifact_of("left"), artifact_of("right")]
    mean = run_recover(
        made(SMALL, average_of(*files), "name=mean", "training.epochs=0", "recalibration.batches=0")
    )
    record = record_of(mean)
    for name, tensor in weights_in(mean).items():
        both = [state[name] for state in own]
        wanted = (
            sum(value.double() for value in both) / 2 if tensor.is_floating_point() else both[0]
        )
        # Stored in half precision.
        torch.testing.assert_close(tensor.double(), wanted.double(), rtol=1e-3, atol=1e-6)
    first = read_record(TrainingRecord, Path("runs", "left", "record.json"))
    assert (record.plan, record.params, record.macs) == (first.plan, first.params, first.macs)
    assert list(record.scores) == ["start", "result"]
    assert record.source not in {None, first.artifact}
    assert 'average_of = ["left.safetensors", "right.safetensors"]' in record.recipe
    told = read_header(Path(artifact_of("mean"))).metadata
    assert told["mean_of"] == ["left.safetensors", "right.safetensors"]
    assert "mean_of" not in read_header(Path(files[0])).metadata


def test_recoveries_that_begin_with_one_pruned_network_share_its_plan() -> None:
    """As the recipe's field says, though these importances look at images."""
    recovered("name=pruned", "training.epochs=0")
    start = f"network.init_from={artifact_of('pruned')}"
    for seed in (1, 2):
        run_recover(made(SMALL, start, f"name=seed{seed}", f"seed={seed}"))
    average = average_of(artifact_of("seed1"), artifact_of("seed2"))
    mean = record_of(run_recover(made(SMALL, average, "name=mean", "training.epochs=0")))
    assert mean.plan == read_record(TrainingRecord, Path("runs", "pruned", "record.json")).plan
    assert list(mean.scores) == ["start", "recalibrated", "result"]


@pytest.mark.parametrize("job", [run_train, run_recover])
def test_a_mean_teaches_with_statistics_of_its_own(
    job: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_train(made(SMALL, "name=other", "seed=1"))
    seen: list[dict[str, torch.Tensor]] = []

    def stop(recipe: Any, start: Any, teacher: torch.nn.Module, *rest: Any) -> None:
        seen.extend([weights(teacher), weights(start.network)])
        raise StoppedError

    monkeypatch.setattr(pipeline, "_fit", stop)
    files = [DENSE.as_posix(), artifact_of("other")]
    text = SMALL + f"[distillation]\nteacher = {json.dumps(files[0])}\nkl = 1.0\n"
    for kind in (text, text.replace(f"teacher = {json.dumps(files[0])}\n", "")):
        if job is run_recover or kind is text:
            with pytest.raises(StoppedError):
                job(made(kind, average_of(*files), "name=mean"))
    plain = mean_of([segprune.load(path, camvid_net()) for path in files])
    assert {"norm.running_mean", "norm.running_var"} <= set(same(weights(plain), seen[1]))
    if job is run_recover:  # the second teacher is the mean itself
        assert same(seen[2], seen[3]) == []


def test_the_mean_is_trained_on_from_and_a_changed_part_of_it_is_noticed() -> None:
    for seed, name in enumerate(("left", "right")):
        recovered(f"name={name}", f"seed={seed}", "pruning.importance=magnitude")
    files = [Path(artifact_of(name)) for name in ("left", "right")]
    average = average_of(*map(str, files))
    with pytest.raises(StoppedError):
        run_recover(made(SMALL, average, "name=mean"), progress=until_training(3))
    kept = files[1].read_bytes()
    files[1].write_bytes(files[0].read_bytes())
    with pytest.raises(InputError, match=r"network\.average_of\[1\]: expected the file that the"):
        run_recover(made(SMALL, average, "name=mean"))
    files[1].write_bytes(kept)
    assert record_of(run_recover(made(SMALL, average, "name=mean"))).work.resumed_at


def test_networks_of_other_channels_have_no_mean() -> None:
    recovered("name=first", "training.epochs=0")
    recovered("name=second", "training.epochs=0", "pruning.budget={macs=0.75}")
    average = average_of(artifact_of("first"), artifact_of("second"))
    with pytest.raises(InputError, match=r"average_of\[1\]: expected an artefact of the .*second"):
        run_recover(made(SMALL, average, "name=mean"))


def test_the_mean_of_one_network_with_itself_and_of_other_files_is_refused() -> None:
    shutil.copytree(DENSE.parent, Path("runs", "again"))
    torch.save(camvid_net().state_dict(), "weights.pt")
    for second, said in (
        (DENSE.as_posix(), r"\[1\]: expected another network than network\.average_of\[0\]"),
        ("runs/again/dense.safetensors", r"\[1\]: expected another network"),
        ("weights.pt", r"\[1\]: expected an artefact of segprune, found another kind of file"),
    ):
        with pytest.raises(InputError, match=said):
            run_recover(made(SMALL, average_of(DENSE.as_posix(), second), "name=mean"))


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


# -- the folder ------------------------------------------------------------------------------------


def test_a_finished_run_and_one_of_another_recipe_are_refused() -> None:
    with pytest.raises(InputError, match=r"found runs.dense finished"):
        run_train(made(SMALL, "name=dense"))
    with pytest.raises(InputError, match=r"found one of another recipe"):
        run_train(made(SMALL, "name=dense", "seed=1"))


def test_a_run_is_not_resumed_from_other_weights() -> None:
    other = Path("other.safetensors")
    shutil.copy(DENSE, other)
    start = f"network.init_from={other}"
    with pytest.raises(StoppedError):
        run_recover(made(SMALL + PRUNING, start), progress=until_training(1))
    run_train(made(SMALL, "seed=1", "name=different"))
    shutil.copy(Path("runs", "different", "different.safetensors"), other)
    with pytest.raises(InputError, match=r"network\.init_from: expected the file that the run"):
        run_recover(made(SMALL + PRUNING, start))


def test_what_a_kill_left_unfinished_is_no_foreign_folder() -> None:
    run = Path("runs", "tiny")
    (run / "state").mkdir(parents=True)
    (run / ".recipe.toml.0a1b2c3d.tmp").write_text("nam")
    (run / "state" / ".sources.json.0a1b2c3d.tmp").write_text("")
    with run_folder(made(SMALL), Path("runs")):
        names = {path.name for path in run.rglob("*")}
    assert names == {"state", "recipe.toml", "sources.json", "lock"}
    (run / "recipe.toml").rename(run / "mine.toml")
    with (
        pytest.raises(InputError, match="with other contents"),
        run_folder(made(SMALL), Path("runs")),
    ):
        pass


def test_two_processes_do_not_train_in_one_folder() -> None:
    """Locks are of file handles, so that a second handle of this process stands for another one."""
    with run_folder(made(SMALL), Path("runs")):
        before = {path: path.read_bytes() for path in Path("runs", "tiny").rglob("*.*")}
        with pytest.raises(InputError, match="found another process in"):
            run_train(made(SMALL))
        assert before == {path: path.read_bytes() for path in Path("runs", "tiny").rglob("*.*")}
    assert run_train(made(SMALL)).record is not None


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


@pytest.mark.parametrize(
    ("variables", "primary"),
    [
        ({}, True),
        ({"LOCAL_RANK": "0"}, True),
        ({"LOCAL_RANK": "1"}, False),
        ({"LOCAL_RANK": "0", "NODE_RANK": "1"}, False),
        ({"LOCAL_RANK": "0", "RANK": "4"}, False),
        ({"SLURM_PROCID": "2"}, False),
        ({"SLURM_PROCID": "0"}, True),
    ],
)
def test_one_process_of_all_is_the_one_that_writes(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], primary: bool
) -> None:
    for name in ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert is_primary() is primary


def test_the_log_has_the_learning_curve() -> None:
    with Path("runs", "dense", "log", "metrics.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    losses = json.loads(Path("runs", "dense", "record.json").read_text())["work"]["losses"]
    assert float(rows[-1]["loss"]) == losses["loss"]
