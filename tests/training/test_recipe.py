"""Recipes: what is refused, what is said, and that nothing is lost on the way to disk and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from segprune.errors import InputError, SegpruneWarning
from segprune.training.input_sections import DataSection
from segprune.training.recipe import parse_recipe, read_recipe
from segprune.training.toml import to_toml

RECIPES = Path(__file__).parents[2] / "benchmarks" / "recipes"

SMALL = """
name = "small"
[network]
model = "bisenetv2"
options = { width = 0.25 }
[data]
name = "streets"
[training]
epochs = 2
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_committed_recipe_is_read_and_names_its_run_like_its_file(path: Path) -> None:
    recipe = read_recipe(path)
    assert recipe.name == path.stem
    assert recipe.data.root is None


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_a_resolved_recipe_reads_back_as_itself(path: Path, tmp_path: Path) -> None:
    recipe = read_recipe(path)
    assert read_recipe(written(tmp_path, to_toml(recipe))) == recipe


def test_a_portable_recipe_names_no_folder(tmp_path: Path) -> None:
    changes = ["data.root=/somewhere/camvid", "network.init_from=/else/where/net.safetensors"]
    text = to_toml(read_recipe(written(tmp_path, SMALL), changes).portable())
    assert "where" not in text.replace("net.safetensors", "")
    assert 'init_from = "net.safetensors"' in text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("training.epoch=3", "training.epoch: expected a known field, found an unknown one"),
        ("training.epochs=-1", "training.epochs: input should be greater than or equal to 0"),
        ("training.learning_rate=nan", "training.learning_rate"),
        ('training.loss="dice"', "training.loss"),
        ('name="../up"', "name"),
        (f"name={'a' * 201}", "name: string should have at most 200"),
        ("augmentation.scale=[2.0, 0.5]", "scale: expected [low, high], found [2.0, 0.5]"),
        ("augmentation.crop=[true, true]", "crop: expected no true or false, found true"),
        ("pruning.budget={ macs = true }", "budget: expected no true or false"),
        ("training.epochs=true", "epochs: expected no true or false"),
        ("pruning.round_to=8", "either a budget or layers"),
        ("epochs", "expected SECTION.FIELD=VALUE"),
        ("name.of=3", "expected a section name"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        read_recipe(written(tmp_path, SMALL), [change])
    assert said in str(error.value)


def streets(**fields: object) -> DataSection:
    return DataSection.model_validate(
        {"name": "streets", "size": (32, 64), "count": 2, "val_count": 12, **fields}
    )


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


def test_a_recipe_in_earlier_words_is_read_with_a_warning_and_keeps_its_digest(
    tmp_path: Path,
) -> None:
    path = tmp_path / "old.toml"
    path.write_text(
        'name = "old"\n[network]\nmodel = "icnet"\n[data]\nname = "streets"\n[training]\n'
        "epochs = 2\n[promise]\nmiou_loss = 1.5\nclass_loss = 8.0\n"
    )
    with pytest.warns(SegpruneWarning, match="promise"):
        recipe = read_recipe(path)
    assert recipe.targets is not None
    assert (recipe.targets.miou_loss, recipe.targets.class_loss) == (1.5, 8.0)
    # As the version before computed it: a run that it began can be gone on with.
    assert recipe.digest() == "d29b8204335b0acbd60adfc8e397a5de9d3378215eba1eed7e42c15702c7a325"
