"""A network that scores as if its images were prepared wrongly is not recovered unless asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import segprune
from segprune.cli import app
from segprune.errors import StartError
from segprune.records.io import read_record
from segprune.records.preprocessing import Preprocessing
from segprune.records.training import TrainingRecord
from segprune.workflows.train import start_check
from segprune.workflows.train.run import run_recover, run_train
from training.tiny import PRUNING, SMALL, camvid_net, write_recipe
from workflows.train.runs import FROM_DENSE, artifact_of, made, record_of

WRONG = ("data.mean=[0.1, 0.1, 0.1]", "data.std=[0.5, 0.5, 0.5]")
QUICK = ("training.epochs=0", "recalibration.batches=1")
STRICT = "network.poor_start=false"
FROM_GOOD = "network.init_from=kept/good/good.safetensors"


@pytest.fixture(scope="module", autouse=True)
def good(folder: Path) -> TrainingRecord:
    """Train a network that tells most stripes apart."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        changes = ("training.epochs=30", "training.learning_rate=0.1", "name=good")
        return record_of(run_train(made(SMALL, *changes), out=Path("kept")))


def recover(*words: str) -> Result:
    write_recipe(Path.cwd(), (SMALL + PRUNING).replace("poor_start = true", ""))
    given = [word for change in QUICK for word in ("--set", change)]
    return CliRunner().invoke(app, ["recover", "recipe.toml", *given, *words])


def set_(*changes: str) -> list[str]:
    return [word for change in changes for word in ("--set", change)]


def miou_of(preprocessing: Preprocessing) -> float:
    """Score the good network, without the pipeline."""
    images = segprune.open_dataset("camvid", Path("images"), split="val")
    model = segprune.load("kept/good/good.safetensors", camvid_net())
    return segprune.evaluate(model, images, preprocessing=preprocessing).miou


def test_a_wrong_normalisation_stops_a_recovery_before_it_prunes(good: TrainingRecord) -> None:
    wrong = Preprocessing((0.1, 0.1, 0.1), (0.5, 0.5, 0.5))
    assert good.scores["result"].miou > 0.2 > 0.1 > miou_of(wrong)
    steps: list[str] = []
    with pytest.raises(StartError, match=r"network\.init_from: .*another normalisation"):
        run_recover(
            made(SMALL + PRUNING, FROM_GOOD, *QUICK, *WRONG, STRICT, "name=wrong"),
            progress=lambda step, done, total: steps.append(step),
        )
    assert set(steps) <= {"open", "evaluate start"}
    assert not Path("runs", "wrong").exists()


def test_the_command_ends_with_status_one_and_names_the_option() -> None:
    result = recover(*set_(FROM_GOOD, *WRONG), "--name", "wrong")
    assert result.exit_code == 1, result.output
    assert "--poor-start" in result.output
    assert not Path("runs", "wrong").exists()
    right = recover(*set_(FROM_GOOD), "--name", "right")
    assert right.exit_code == 0, right.output


def test_the_option_goes_on_and_leaves_a_warning_in_the_record() -> None:
    result = recover(*set_(FROM_GOOD, *WRONG), "--name", "wanted", "--poor-start")
    assert result.exit_code == 0, result.output
    record = read_record(TrainingRecord, Path("runs", "wanted", "record.json"))
    assert record.command[-1] == "--poor-start"
    assert any("better than guessing" in warning for warning in record.warnings)


def test_a_dense_network_that_learnt_nothing_is_recovered_only_where_that_is_said() -> None:
    assert recover(*set_(FROM_DENSE), "--name", "raw").exit_code == 1
    assert recover(*set_(FROM_DENSE, "network.poor_start=true"), "--name", "raw").exit_code == 0


def test_a_network_far_below_the_record_beside_it_is_not_recovered(
    good: TrainingRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start_check, "near_chance", lambda matrix: "")
    recorded = f"{100 * good.scores['result'].miou:.1f} on the same images"
    with pytest.raises(StartError, match=recorded):
        run_recover(made(SMALL + PRUNING, FROM_GOOD, *QUICK, *WRONG, STRICT, "name=below"))
    # On other images, or at another size, the record says nothing.
    other = ("data.val_count=1", "name=others")
    run_recover(made(SMALL + PRUNING, FROM_GOOD, *QUICK, *WRONG, STRICT, *other))
    smaller = ("data.size=[32, 64]", "name=smaller")
    run_recover(made(SMALL + PRUNING, FROM_GOOD, *QUICK, *WRONG, STRICT, *smaller))


def test_a_pruned_network_is_expected_to_be_bad_and_is_recovered() -> None:
    pruned = ("training.epochs=0", "recalibration.batches=0", "pruning.budget={macs = 0.3}")
    first = run_recover(made(SMALL + PRUNING, FROM_DENSE, *pruned, "name=first"))
    assert record_of(first).scores["result"].miou < 0.13
    start = f"network.init_from={artifact_of('first')}"
    again = run_recover(made(SMALL, start, *QUICK, STRICT, "name=again"))
    assert again.record is not None


def test_a_training_from_such_a_network_is_only_warned_of() -> None:
    record = record_of(run_train(made(SMALL, FROM_DENSE, STRICT, "training.epochs=1", "name=on")))
    assert any("better than guessing" in warning for warning in record.warnings)
