"""The artefact of a run: what it scores, and that it is proved."""

from __future__ import annotations

from pathlib import Path

import segprune
from segprune.records.io import read_record
from segprune.records.training import TrainingRecord
from segprune.training.recipe import read_recipe
from segprune.workflows.train.images import open_images
from training.tiny import (
    camvid_net,
)
from workflows.train.runs import (
    DENSE,
)


def test_the_artefact_scores_what_the_record_says() -> None:
    record = read_record(TrainingRecord, Path("runs", "dense", "record.json"))
    images = open_images(read_recipe(Path("runs", "dense", "recipe.toml")).data)
    model = segprune.load(DENSE, camvid_net())
    score = segprune.evaluate(model, images.validation, preprocessing=images.preprocessing)
    assert score == record.scores["result"]
