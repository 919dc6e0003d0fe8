"""A result that is worse than an earlier stage is reported, and the better stage is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import segprune
from segprune.cli import app
from segprune.errors import InputError
from segprune.records.io import from_json, read_record, to_json
from segprune.records.preprocessing import Preprocessing
from segprune.records.training import TrainingRecord
from segprune.training.recipe import read_recipe
from segprune.workflows.train.run import run_recover, run_train
from training.tiny import PRUNING, SMALL, camvid_net, write_recipe
from workflows.train.runs import FROM_DENSE, artifact_of, made, record_of, recovered

RUIN = "training.learning_rate=5.0"
"""No network gets better by such steps."""


@pytest.fixture(scope="module")
def good(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a network that tells most stripes apart, and return its run."""
    kept = tmp_path_factory.mktemp("kept")  # workers may make the fixture several times
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        changes = ("training.epochs=30", "training.learning_rate=0.1", "name=good")
        run_train(made(SMALL, *changes), out=kept)
    return kept / "good"


def begun_with(run: Path) -> str:
    return f"network.init_from={run.as_posix()}/{run.name}.safetensors"


def scored(path: Path) -> float:
    """Compute the mIoU of a file on the validation images, without the pipeline."""
    images = segprune.open_dataset("camvid", Path("images"), split="val")
    model = segprune.load(path, camvid_net())
    return segprune.evaluate(model, images, preprocessing=Preprocessing()).miou


def test_a_result_below_the_network_that_it_was_pruned_from_is_said(good: Path) -> None:
    start = begun_with(good)
    record = record_of(run_recover(made(SMALL + PRUNING, start, RUIN, "name=ruined")))
    lost = record.scores["start"].miou - record.scores["result"].miou
    assert lost > 0
    (sentence,) = [line for line in record.warnings if "that the run began with" in line]
    assert f"{100 * lost:.1f} points" in sentence


def test_a_dense_training_that_ends_below_its_beginning_keeps_the_beginning() -> None:
    record = record_of(run_train(made(SMALL, FROM_DENSE, RUIN, "name=worse")))
    assert record.best is not None
    assert record.best.stage == "start"
    kept = Path("runs", "worse", "worse-best-start.safetensors")
    assert scored(kept) == pytest.approx(record.scores["start"].miou, abs=5e-3)
    (sentence,) = [line for line in record.warnings if "below" in line]
    assert "before" in sentence


def test_the_best_epoch_of_a_training_that_is_watched_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A schedule that ruins the last epoch leaves the first one as the best."""
    from segprune.training import module

    plain = module.rate_factor

    def late_ruin(step: int, **rest: Any) -> float:
        return plain(step, **rest) if step < 4 else 500.0

    monkeypatch.setattr(module, "rate_factor", late_ruin)
    watched = ("training.evaluate_every=1", "training.ema_decay=0.0", "name=watched")
    record = record_of(run_train(made(SMALL, *watched)))
    stages = [stage for stage in record.scores if stage.startswith("epoch")]
    assert len(stages) == 1
    assert stages[0] in ("epoch 1", "epoch 2")
    assert record.best is not None
    assert record.best.stage == stages[0]
    kept = Path("runs", "watched", record.best.file)
    assert kept.name == f"watched-best-{stages[0].replace(' ', '-')}.safetensors"
    assert scored(kept) == pytest.approx(record.scores[stages[0]].miou, abs=5e-3)


@pytest.mark.parametrize(
    ("promise", "status"),
    [("{miou_loss = 0.0}", 1), ("{miou_loss = -99.0, class_loss = 1.0}", 1), (None, 0)],
)
def test_a_promise_that_is_not_kept_is_status_one(promise: str | None, status: int) -> None:
    write_recipe(Path.cwd(), SMALL + PRUNING)
    changes = [FROM_DENSE, RUIN, "name=promised"]
    changes += [] if promise is None else [f"targets={promise}"]
    words = [word for change in changes for word in ("--set", change)]
    result = CliRunner().invoke(app, ["recover", "recipe.toml", *words])
    assert result.exit_code == status, result.output
    record = read_record(TrainingRecord, Path("runs", "promised", "record.json"))
    assert bool(record.broken) == bool(record.promises) == bool(status)
    said = " ".join(result.output.split())
    assert "warning" in said
    assert all(" ".join(reason.split()) in said for reason in record.broken)
    assert "promised-best-" in said


def test_a_promise_that_is_kept_is_status_zero(good: Path) -> None:
    write_recipe(Path.cwd(), SMALL + PRUNING)
    start = begun_with(good)
    dense = read_record(TrainingRecord, good / "record.json")
    most = 100 * dense.scores["result"].miou - 0.1
    words = ["--set", start, "--set", f"targets={{miou_loss = {most:.6f}}}"]
    result = CliRunner().invoke(app, ["recover", "recipe.toml", *words])
    assert result.exit_code == 0, result.output
    record = read_record(TrainingRecord, Path("runs", "tiny", "record.json"))
    assert record.broken == ()
    assert record.promises == (f"the recipe: at most {most:g} points of mIoU lost",)


def test_a_policy_judges_the_run_that_has_its_name() -> None:
    Path("policy.toml").write_text(
        'schema = "segprune.policy/1"\n[budgets.half]\nmiou_loss = 0.0\nclass_loss = 100.0\n'
        "speedup = 1.0\n"
    )
    write_recipe(Path.cwd(), SMALL + PRUNING)
    words = ["--set", FROM_DENSE, "--set", RUIN, "--policy", "policy.toml", "--name"]
    judged = CliRunner().invoke(app, ["recover", "recipe.toml", *words, "net-camvid-half"])
    assert judged.exit_code == 1, judged.output
    assert "policy.toml, half" in " ".join(judged.output.split())
    other = CliRunner().invoke(app, ["recover", "recipe.toml", *words, "net-camvid-other"])
    assert other.exit_code == 0, other.output


def test_a_promise_needs_a_network_to_be_held_against() -> None:
    with pytest.raises(InputError, match="targets: expected a network to begin with"):
        run_train(made(SMALL, "targets={miou_loss = 1.0}"))


def test_a_teacher_that_guesses_is_a_warning() -> None:
    run_train(made(SMALL, "training.epochs=0", "name=guess"))
    taught = f'\n[distillation]\nkl = 1.0\nteacher = "{artifact_of("guess")}"\n'
    record = record_of(recovered("name=taught", text=SMALL + PRUNING + taught))
    assert "teacher" in record.scores
    assert any("no better than a guess" in line for line in record.warnings)
    assert any("normalisation" in line for line in record.warnings)


def test_a_teacher_that_knows_its_images_is_none(good: Path) -> None:
    taught = "\n[distillation]\nkl = 1.0\n"
    record = record_of(run_recover(made(SMALL + PRUNING + taught, begun_with(good), "name=taught")))
    assert record.scores["teacher"] == record.scores["start"]
    assert not any("teacher" in line for line in record.warnings)


def test_a_record_without_the_later_fields_is_read_and_written_as_it_was() -> None:
    record = record_of(recovered("training.epochs=0", "name=plain"))
    text = to_json(record)
    content = json.loads(text)
    for field in ("warnings", "best", "promises", "broken"):
        content.pop(field, None)
    old = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    read = from_json(TrainingRecord, old)
    assert (read.best, read.promises, read.broken, read.warnings) == (None, (), (), ())
    assert to_json(read) == old


def test_numbers_that_do_not_fit_the_images_are_said_before_the_training() -> None:
    said: list[str] = []
    steps: list[str] = []
    run_recover(
        made(SMALL + PRUNING, FROM_DENSE, "training.warmup_epochs=9"),
        say=lambda line: said.append(f"{line} [{len(steps)}]"),
        progress=lambda step, done, total: steps.append(step) if step == "train" else None,
    )
    early = [line for line in said if line.endswith("[0]")]
    assert any("training.epochs: 3 epochs of 2 steps make 6 steps" in line for line in early)
    assert any("a warm-up of 18 steps would take all" in line for line in early)
    record = read_record(TrainingRecord, Path("runs", "tiny", "record.json"))
    assert [f"warning: {one}" for one in record.warnings] == [
        line.rpartition(" [")[0] for line in said if line.startswith("warning: ")
    ]


def test_the_recipe_says_what_was_promised() -> None:
    recipe = made(SMALL, "targets={miou_loss = 1.5, class_loss = 8.0}")
    again = read_recipe(write_recipe(Path.cwd(), "name = 'x'\n" + SMALL.split("\n", 2)[2]))
    assert recipe.targets is not None
    assert (recipe.targets.miou_loss, recipe.targets.class_loss) == (1.5, 8.0)
    assert again.targets is None
