"""Records that were edited are not reported, and a limit that is met by NaN is missed."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.readme import ROOT
from segprune.errors import ArtifactError
from segprune.reporting import read_collection

RECORDS = ROOT / "benchmarks" / "records"
Edit = Callable[[dict[str, Any]], object]


def _recipe(old: str, new: str) -> Edit:
    def edit(content: dict[str, Any]) -> None:
        assert old in content["recipe"]
        content["recipe"] = content["recipe"].replace(old, new)

    return edit


EDITS: dict[str, tuple[str, Edit]] = {
    "scores.result.miou": (
        "icnet-streets-macs50.json", lambda c: c["scores"]["result"].update(miou=0.7),
    ),
    "scores.start.class_iou": (
        "icnet-streets-macs50.json", lambda c: c["scores"]["start"]["class_iou"].pop(),
    ),
    "scores.result: expected one": (
        "icnet-streets-macs50.json", lambda c: c["scores"].pop("result"),
    ),
    "expected shares from 0 to 1": (
        "icnet-streets-macs50.json", lambda c: c["scores"]["result"].update(pixel_accuracy=1.2),
    ),
    "scores.result.miou: expected a finite number": (
        "icnet-streets-macs50.json", lambda c: c["scores"]["result"].update(miou=math.nan),
    ),
    "scores.result.images: expected 200": (
        "icnet-streets-macs50.json", lambda c: c["scores"]["result"].update(images=199),
    ),
    "macs: expected from 1 to the dense": (
        "icnet-streets-macs50.json", lambda c: c.update(macs=c["dense_macs"] + 1),
    ),
    "params: expected from 1 to the dense": (
        "icnet-streets-macs50.json", lambda c: c.update(params=0),
    ),
    "recipe: expected a resolved one in TOML, found Invalid": (
        "icnet-streets-macs50.json", lambda c: c.update(recipe="[[["),
    ),
    "recipe: name: expected a value, found none": (
        "icnet-streets-macs50.json", lambda c: c.update(recipe=""),
    ),
    "recipe.seed: expected 7 as in the record, found 0": (
        "icnet-streets-macs50.json", lambda c: c.update(seed=7),
    ),
    "recipe.training.epochs: expected 0 as in the record, found 80": (
        "icnet-camvid-macs50.json", _recipe("epochs = 0", "epochs = 80"),
    ),
    "network.average_of: tuple should have at least 2": (
        "icnet-camvid-macs50.json", _recipe("average_of = [", 'average_of = ["a"] # ['),
    ),
    "augmentation.crop: input should be a valid tuple": (
        "icnet-camvid-macs50.json", _recipe("crop = [360, 480]", "crop = 64"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("says", EDITS)
def test_an_edited_training_is_not_reported(tmp_path: Path, says: str) -> None:
    name, edit = EDITS[says]
    content = json.loads((RECORDS / name).read_text())
    edit(content)
    (tmp_path / name).write_text(json.dumps(content))
    with pytest.raises(ArtifactError) as caught:
        read_collection(tmp_path)
    assert says in str(caught.value)
    assert name in str(caught.value)


def _is_a_copy(content: dict[str, Any]) -> None:
    content["recipe"] = content["recipe"].replace("seed = 0", "seed = 3")
    content.update(seed=3)


CONTRADICTIONS: dict[str, Edit] = {
    "one run a file of weights": _is_a_copy,
    "one size of the dense network": lambda c: c.update(dense_macs=c["dense_macs"] + 1),
    "one size a plan": lambda c: c.update(params=c["params"] - 1),
    "one validation split": lambda c: c.update(classes=[*c["classes"][1:], "water"]),
}


@pytest.mark.parametrize("says", CONTRADICTIONS)
def test_trainings_that_contradict_one_another_are_not_reported(tmp_path: Path, says: str) -> None:
    content = json.loads((RECORDS / "icnet-streets-macs50.json").read_text())
    (tmp_path / "first.json").write_text(json.dumps(content))
    content["recipe"] = content["recipe"].replace(content["name"], "icnet-streets-macs50-seed3")
    content["name"] = "icnet-streets-macs50-seed3"
    if says != "one run a file of weights":
        content["artifact"] = "0" * 64
    CONTRADICTIONS[says](content)
    (tmp_path / "second.json").write_text(json.dumps(content))
    with pytest.raises(ArtifactError, match=f"icnet-streets-macs50-seed3: expected {says}"):
        read_collection(tmp_path)


@pytest.mark.parametrize("figure", ["speedup", "low", "high", "candidate_ms", "reference_fps"])
def test_an_edited_speed_is_not_reported(tmp_path: Path, figure: str) -> None:
    path = next(
        path for path in sorted(RECORDS.glob("*.json"))
        if json.loads(path.read_text())["schema"].startswith("segprune.paired-speed/")
    )  # fmt: skip
    content = json.loads(path.read_text())
    (tmp_path / path.name).write_text(json.dumps(content))
    assert read_collection(tmp_path).speeds
    content["speed"][figure] *= 1.001
    (tmp_path / path.name).write_text(json.dumps(content))
    with pytest.raises(ArtifactError, match=rf"speed\.{figure}: expected what its pairs give"):
        read_collection(tmp_path)


def test_a_key_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    text = (RECORDS / "icnet-streets-macs50.json").read_text()
    (tmp_path / "x.json").write_text(text.replace('"seed":', '"seed": 9, "seed":', 1))
    with pytest.raises(ArtifactError, match="'seed' twice"):
        read_collection(tmp_path)
