"""TOML: values are replaced, every text comes back from disk, and broken files are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from segprune.errors import InputError
from segprune.training.recipe import read_recipe
from segprune.training.toml import to_toml
from training.test_recipe import SMALL, written


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


@pytest.mark.parametrize("text", ["name = ", "\x00", "name = 'x'"])
def test_a_broken_file_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match=r"recipe\.toml"):
        read_recipe(written(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere"):
        read_recipe(tmp_path / "nowhere.toml")
