"""Every command that prepares images reports how, and the source; the user's values come first."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import segprune
from cli.runner import MODEL, QUICK, SIZE, done, segprune_
from segprune.artifacts import read_header
from segprune.data import open_dataset
from segprune.evaluation.evaluate import evaluate_images
from segprune.records.evaluation import EvaluationRecord
from segprune.records.io import read_record
from segprune.records.prediction import PredictRecord
from segprune.records.preprocessing import Preprocessing
from segprune.records.prune import PruneRecord
from segprune.records.sensitivity import SensitivityRecord

TYPED = ("--mean", "100,110,120", "--std", "50", "--range", "0,255")
USED = Preprocessing((100.0, 110.0, 120.0), (50.0, 50.0, 50.0), None, (0.0, 255.0))
SAID = "normalisation: mean 100, 110, 120, std 50, 50, 50, of pixels scaled to 0–255 (given)"
ASSUMED = "std 0.229, 0.224, 0.225, of pixels scaled to 0–1 (ImageNet's, assumed"


@pytest.fixture(scope="module")
def photographs(place: Path) -> Path:
    """Three images with labels of four classes, and their table."""
    draw = np.random.default_rng(0)
    root = place / "photographs"
    for part, values in (("images", 256), ("labels", 4)):
        (root / part).mkdir(parents=True)
        for number in range(3):
            size = (32, 64, 3) if part == "images" else (32, 64)
            pixels = draw.integers(values, size=size, dtype=np.uint8)
            Image.fromarray(pixels).save(root / part / f"{number}.png")
    (root / "classes.toml").write_text('names = ["a", "b", "c", "d"]')
    return root


@pytest.fixture(scope="module")
def made(place: Path, photographs: Path) -> str:
    """Return what a pruning with images and typed numbers prints; its run is called typed."""
    words = ("--frames", str(photographs), "--importance", "activation", "--batches", "2")
    return done("prune", MODEL, *QUICK, *words, *TYPED, "--name", "typed")


def test_pruning_says_keeps_and_uses_what_is_typed(made: str, place: Path) -> None:
    assert SAID in made
    record = read_record(PruneRecord, place / "runs" / "typed" / "record.json")
    assert (record.preprocessing, record.normalisation) == (USED, "given")
    kept = read_header(place / "runs" / "typed" / "typed.safetensors").metadata["preprocessing"]
    assert kept == {
        "size": [32, 64], "mean": [100.0, 110.0, 120.0], "std": [50.0, 50.0, 50.0],
        "range": [0.0, 255.0],
    }  # fmt: skip


def test_scores_of_labels_and_images_follow_what_the_file_keeps(
    made: str, place: Path, photographs: Path
) -> None:
    file = "runs/typed/typed.safetensors"
    words = ("eval", file, "--model", MODEL, "--data", "folder", "--root", str(photographs))
    said = done(*words, "--name", "kept")
    assert SAID.replace("(given)", "(of the artefact)") in said
    network = segprune.load(place / file, __import__("tiny_nets").Net())
    dataset = open_dataset("folder", photographs)

    def expect(name: str, used: Preprocessing) -> None:
        record = read_record(EvaluationRecord, place / "runs" / name / "evaluation.json")
        found = evaluate_images(network, dataset, preprocessing=used)
        assert record.predictions == found.predictions
        assert record.score == found.score

    expect("kept", USED)
    again = done(*words, "--mean", "0.5", "--std", "0.25", "--name", "other")
    assert "std 0.25, 0.25, 0.25, of pixels scaled to 0–1 (given); in place of mean 100" in again
    expect("other", Preprocessing((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)))


def test_a_network_that_says_nothing_is_given_imagenets_and_that_is_said(
    place: Path, photographs: Path
) -> None:
    torch.manual_seed(0)
    words = ("eval", MODEL, "--data", "folder", "--root", str(photographs), "--name", "plain")
    said = done(*words)
    assert ASSUMED in said
    assert "warning the dense network does not do better than guessing" in said
    assert "usual causes are another normalisation (mean, std, range)" in said
    record = read_record(EvaluationRecord, place / "runs" / "plain" / "evaluation.json")
    assert record.normalisation.startswith("ImageNet's, assumed")


def test_pruning_by_labels_warns_of_a_dense_network_that_guesses(photographs: Path) -> None:
    words = ("--frames", str(photographs), "--importance", "taylor", "--batches", "1")
    said = done("prune", MODEL, *QUICK, *words, "--name", "guesses")
    assert ASSUMED in said
    assert "note: the dense network does not do better than guessing" in said


def test_pictures_and_sensitivities_say_so_too(made: str, place: Path, photographs: Path) -> None:
    file = "runs/typed/typed.safetensors"
    seen = done(
        "predict", file, str(photographs / "images"), "--model", MODEL, "--no-labels",
        "--name", "seen",
    )  # fmt: skip
    assert SAID.replace("(given)", "(of the artefact)") in seen
    shown = read_record(PredictRecord, place / "runs" / "seen" / "record.json").network
    assert shown.preprocessing is not None
    assert (shown.preprocessing.mean, shown.preprocessing.range) == (USED.mean, USED.range)
    words = ("--frames", str(photographs), "--layers", "wide", *TYPED, "--name", "layers")
    assert SAID in done("sensitivity", MODEL, *SIZE, *words)
    kept = read_record(SensitivityRecord, place / "runs" / "layers" / "sensitivity.json")
    assert kept.preprocessing == USED


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--mean", "0.5,0.5"), "--mean: expected 3 numbers"),
        (("--std", "x"), "--std: expected 3 numbers"),
        (("--std", "0"), "std: expected numbers above 0"),
        (("--range", "0,255"), "range: expected mean and std beside it"),
        (("--mean", "120"), "give range = [0, 255] too"),
    ],
)
def test_numbers_of_another_form_are_refused_before_any_work(
    photographs: Path, words: tuple[str, ...], said: str
) -> None:
    for command in (
        ("eval", MODEL, "--data", "folder", "--root", str(photographs)),
        ("prune", MODEL, *QUICK, "--frames", str(photographs)),
        ("sensitivity", MODEL, *SIZE, "--frames", str(photographs)),
    ):
        result = segprune_(*command, *words)
        assert result.exit_code == 2
        assert said in " ".join(result.stderr.split())


def test_masks_are_mapped_by_the_command_line(place: Path, photographs: Path) -> None:
    labels = photographs / "labels"
    masks = place / "masks"
    (masks / "labels").mkdir(parents=True)
    (masks / "images").symlink_to(photographs / "images")
    (masks / "classes.toml").write_text('names = ["a", "b", "c", "d"]')
    for path in labels.iterdir():
        values = np.where(np.array(Image.open(path)) > 1, 255, 0).astype(np.uint8)
        Image.fromarray(values).save(masks / "labels" / path.name)
    words = ("eval", MODEL, "--data", "folder", "--root", str(masks), "--name", "masks")
    refused = segprune_(*words)
    assert refused.exit_code == 2
    assert "0 and 255" in refused.stderr
    done(*words, "--label-map", "255=3")
    score = read_record(EvaluationRecord, place / "runs" / "masks" / "evaluation.json").score
    assert score.class_iou[3] is not None
