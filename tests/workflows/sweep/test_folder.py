"""A folder of results belongs to one recipe and its files as they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from segprune.errors import InputError
from segprune.training.recipe import Recipe
from segprune.workflows.sweep.phases import run_sweep
from workflows.sweep.fake_sweep import Here, recipes, swept


def test_a_folder_of_another_recipe_is_refused(here: Path, tmp_path: Path) -> None:
    swept(here, tmp_path, "budgets=[0.5]", 'importances=["random"]')
    engine = Here()
    for changes in (
        ["budgets=[0.5]", 'importances=["lamp"]'],
        [
            "budgets=[0.5]", 'importances=["random"]',
            'networks=[{label="net", recipe="base.toml", set=["training.batch_size=2"]}]',
        ],
    ):  # fmt: skip
        with pytest.raises(InputError, match="found one of another"):
            swept(here, tmp_path, *changes, engine=engine)
    assert engine.ran == []


def test_a_base_recipe_that_changed_since_is_refused(here: Path, tmp_path: Path) -> None:
    sweep, bases = recipes(here, "budgets=[0.5]", 'importances=["random"]')
    run_sweep(sweep, bases, Here(), out=tmp_path, only="cells")
    base: Recipe = bases["net"]
    half = base.training.model_copy(update={"learning_rate": 0.01})
    changed = {"net": base.model_copy(update={"training": half})}
    with pytest.raises(InputError, match=r"networks.net\.toml"):
        run_sweep(sweep, changed, Here(), out=tmp_path, only="cells")


def test_a_folder_of_something_else_is_refused(here: Path, tmp_path: Path) -> None:
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "record.json").write_text("{}")
    with pytest.raises(InputError, match="with other contents"):
        swept(here, tmp_path)


def test_a_dense_artefact_that_changed_since_is_refused(here: Path, tmp_path: Path) -> None:
    few = ["budgets=[0.5]", 'importances=["random"]']
    swept(here, tmp_path, *few)
    artefact = here / "Net.safetensors"
    content = artefact.read_bytes()
    try:
        artefact.write_bytes(content + b" ")
        with pytest.raises(InputError, match="expected the dense artefact that this sweep began"):
            swept(here, tmp_path, *few)
        artefact.unlink()
        with pytest.raises(InputError, match="found no file"):
            swept(here, tmp_path / "new", *few)
        assert not (tmp_path / "new").exists()
    finally:
        artefact.write_bytes(content)


FEW = ("budgets=[0.5]", 'importances=["random"]', 'scopes=["global"]', 'recoveries=["none"]')


def test_a_folder_in_earlier_words_is_of_the_same_sweep(here: Path, tmp_path: Path) -> None:
    base = here / "base.toml"
    written = base.read_text()
    base.write_text(written + '[pruning]\nbudget = { macs = 0.5 }\nignored_layers = ["head"]\n')
    try:
        _, first = swept(here, tmp_path, *FEW)
        kept = tmp_path / "small" / "networks" / "net.toml"
        text = kept.read_text().replace("ignored_layers = ", "ignore = ")
        kept.write_text(text.replace("normalize = true\n", ""))
        assert "\nignore = " in kept.read_text()
        _, again = swept(here, tmp_path, *FEW)
        assert (len(first) > 0, again) == (True, [])
        kept.write_text(kept.read_text().replace('ignore = ["head"]', "ignore = []"))
        with pytest.raises(InputError, match="found one of another"):
            swept(here, tmp_path, *FEW)
    finally:
        base.write_text(written)
