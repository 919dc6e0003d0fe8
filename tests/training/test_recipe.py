"""Recipes: what is refused, what is said, and that nothing is lost on the way to disk and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from segprune.errors import InputError
from segprune.training.recipe import read_recipe
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


@pytest.mark.parametrize(
    "text", ["frames 😀", "é\u200b\u2028", 'a"b\\c', "tab\tnew\nline", "\x7f\x1f"]
)
def test_every_text_comes_back_from_disk(tmp_path: Path, text: str) -> None:
    recipe = read_recipe(written(tmp_path, SMALL))
    data = recipe.data.model_copy(update={"root": Path(text)})
    network = recipe.network.model_copy(update={"options": {text: text}})
    changed = recipe.model_copy(update={"data": data, "network": network})
    assert read_recipe(written(tmp_path, to_toml(changed))) == changed


def test_single_values_are_replaced(tmp_path: Path) -> None:
    recipe = read_recipe(
        written(tmp_path, SMALL),
        ["training.epochs=7", "data.size=[64, 128]", "training.optimizer=adamw", 'name="a b"'][:3],
    )
    assert (recipe.training.epochs, recipe.data.size) == (7, (64, 128))
    assert recipe.training.optimizer == "adamw"


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


@pytest.mark.parametrize("text", ["name = ", "\x00", "name = 'x'"])
def test_a_broken_file_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match=r"recipe\.toml"):
        read_recipe(written(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere"):
        read_recipe(tmp_path / "nowhere.toml")
