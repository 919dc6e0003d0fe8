"""The mean of two recoveries of one plan: a network of that plan, or refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

import segprune
from segprune.artifacts import read_header
from segprune.errors import InputError
from segprune.records.io import read_record
from segprune.records.training import TrainingRecord
from segprune.training.averaging import mean_of
from segprune.workflows.train import run
from segprune.workflows.train.run import run_recover, run_train
from training.test_resume import StoppedError
from training.tiny import (
    SMALL,
    camvid_net,
    same,
    weights,
)
from workflows.train.runs import (
    DENSE,
    artifact_of,
    average_of,
    made,
    record_of,
    recovered,
    until_training,
    weights_in,
)


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

    monkeypatch.setattr(run, "_fit", stop)
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
