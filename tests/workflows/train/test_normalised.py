"""Recoveries normalise as their recipe, or the artefact they begin with, says."""

from __future__ import annotations

from pathlib import Path

import pytest

import segprune
from segprune.errors import InputError
from segprune.records.preprocessing import Preprocessing
from segprune.workflows.train.images import open_images
from segprune.workflows.train.run import run_recover, run_train
from segprune.workflows.train.start import artifact_preprocessing
from training.tiny import PRUNING, SMALL, camvid_net
from workflows.train.runs import DENSE, artifact_of, made, record_of, recovered

MEAN = "data.mean=[0.3, 0.4, 0.5]"
STD = "data.std=[0.3, 0.3, 0.3]"
QUICK = ("training.epochs=0", "recalibration.batches=0")


def test_a_recipe_says_the_normalisation_and_the_artefact_keeps_it() -> None:
    lines: list[str] = []
    result = recovered(*QUICK, MEAN, STD, "name=typed", say=lines.append)
    record, used = record_of(result), Preprocessing((0.3, 0.4, 0.5), (0.3, 0.3, 0.3))
    assert "mean 0.3, 0.4, 0.5" in lines[0]
    assert "(given); in place of mean 0.485" in lines[0]  # the dense artefact's
    assert record.normalisation == "given"
    kept = artifact_preprocessing(Path(artifact_of("typed")))
    assert kept == record.preprocessing
    assert kept is not None
    assert (kept.mean, kept.std) == (used.mean, used.std)
    # The scores use it, too: computed by hand, from the file alone.
    small = segprune.load(artifact_of("typed"), camvid_net())
    images = open_images(made(SMALL).data).validation
    assert record.scores["result"] == segprune.evaluate(small, images, preprocessing=used)
    again: list[str] = []
    next_one = run_recover(
        made(SMALL, f"network.init_from={artifact_of('typed')}", *QUICK, "name=next"),
        say=again.append,
    )
    assert again[0].endswith("(of the artefact)")
    assert record_of(next_one).preprocessing == kept


def test_the_usual_is_said_to_be_assumed_and_a_network_that_guesses_is_warned_of() -> None:
    lines: list[str] = []
    run_train(made(SMALL, "training.epochs=0", "name=raw"), say=lines.append)
    assert "(ImageNet's, assumed: the network does not say)" in lines[0]
    lines.clear()
    result = run_recover(
        made(SMALL + PRUNING, f"network.init_from={artifact_of('raw')}", *QUICK, "name=guess"),
        say=lines.append,
    )
    (warning,) = (one for one in record_of(result).warnings if "another normalisation" in one)
    assert f"warning: {warning}" in lines


def test_a_teacher_that_sees_other_pixels_is_refused() -> None:
    with pytest.raises(InputError, match=r"distillation\.teacher: .*another mean"):
        recovered(*QUICK, MEAN, STD, "name=taught", f'distillation.teacher="{DENSE.as_posix()}"')
