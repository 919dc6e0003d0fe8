"""`sequences` in a recipe is checked before anything runs, kept, and recorded without a path."""

from __future__ import annotations

from pathlib import Path

import pytest

from segprune.errors import InputError
from segprune.training.recipe import parse_recipe
from segprune.training.sections import DataSection
from segprune.workflows.train.images import open_images


def streets(**fields: object) -> DataSection:
    return DataSection.model_validate(
        {"name": "streets", "size": (32, 64), "count": 2, "val_count": 12, **fields}
    )


def test_a_recipe_s_pattern_says_which_validation_images_are_one_sequence() -> None:
    images = open_images(streets(sequences="val-000(.)"))
    assert images.validation.sequences == ("0",) * 10 + ("1",) * 2


def test_a_recipe_s_pattern_that_finds_nothing_is_refused_before_anything_runs() -> None:
    with pytest.raises(InputError, match=r"data\.sequences: expected the pattern 'camera'"):
        open_images(streets(sequences="camera"))


@pytest.mark.parametrize("given", ["clips/here.csv", "^[a-z]+/"])
def test_a_record_has_the_pattern_and_of_a_file_the_name_alone(given: str) -> None:
    content = {
        "name": "mine", "network": {"model": "bisenetv2"}, "training": {"epochs": 1},
        "data": {"name": "folder", "root": "frames", "sequences": given},
    }  # fmt: skip
    recipe = parse_recipe(content, "recipe.toml")
    kept = recipe.portable().data.sequences
    assert kept == (Path(given).name if given.endswith(".csv") else given)


def test_a_recipe_without_sequences_has_the_digest_that_it_always_had() -> None:
    assert "sequences" not in parse_recipe(
        {"name": "mine", "network": {"model": "bisenetv2"}, "training": {"epochs": 1},
         "data": {"name": "streets"}}, "recipe.toml",
    ).model_dump(exclude_none=True)["data"]  # fmt: skip
