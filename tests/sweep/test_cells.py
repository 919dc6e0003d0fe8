"""Which cells a sweep has, and what is wrong in its recipe."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from segprune.core.planning.importance import importances, own_name
from segprune.errors import InputError
from segprune.records.sweep import RECOVERIES
from segprune.training.sweep_recipe import read_bases, read_sweep
from segprune.training.toml import to_toml
from segprune.workflows.sweep.cells import Cell, expand
from sweep.world import BASE, PLANS, recipes

ROOT = Path(__file__).parents[2]


def test_cells_are_the_product_in_the_order_of_the_recipe(here: Path) -> None:
    sweep, bases = recipes(here)
    cells = expand(sweep, bases)
    assert [cell.name for cell in cells] == [
        f"{plan}-{recovery}" for plan, recovery in itertools.product(PLANS, RECOVERIES[:2])
    ]
    assert cells == expand(*recipes(here))


def test_trained_cells_are_those_of_the_budgets_that_may_have_a_best(here: Path) -> None:
    changes = [f"recoveries={list(RECOVERIES)}", "best={count=1, budgets=[0.5]}"]
    names = {cell.name for cell in expand(*recipes(here, *changes))}
    trained = {f"{plan}-{r}" for plan in PLANS if "macs50" in plan for r in RECOVERIES[2:]}
    assert names == {f"{plan}-{r}" for plan in PLANS for r in RECOVERIES[:2]} | trained


def test_an_importance_with_two_names_is_run_once(here: Path) -> None:
    sweep, _ = recipes(here, 'importances="all"')
    names = sweep.distinct_importances()
    assert "magnitude" in importances()
    assert own_name("magnitude") == "magnitude_l2"
    assert set(names) == set(importances()) - {"magnitude"}
    assert len(names) == len(set(names))


def test_a_cell_says_in_its_recipe_how_it_is_recovered(here: Path) -> None:
    changes = [f"recoveries={list(RECOVERIES)}", "fine_tuning.epochs=7", "round_to=4"]
    found = {
        cell.recovery: cell.recipe
        for cell in expand(*recipes(here, *changes))
        if cell.plan_name == PLANS[-1]
    }
    epochs = {name: recipe.training.epochs for name, recipe in found.items()}
    batches = {name: recipe.recalibration.batches for name, recipe in found.items()}
    teachers = {name for name, recipe in found.items() if recipe.distillation is not None}
    assert epochs == dict(zip(RECOVERIES, (0, 0, 7, 7), strict=True))
    assert batches == dict(zip(RECOVERIES, (0, 2, 2, 2), strict=True))
    assert teachers == {"distilled"}
    for recipe in found.values():
        assert recipe.pruning is not None
        assert (recipe.pruning.round_to, recipe.pruning.batches, recipe.seed) == (4, 2, 3)
        assert recipe.pruning.budget == {"macs": 0.5}


def test_a_cell_survives_the_way_to_another_machine(here: Path) -> None:
    for cell in expand(*recipes(here, f"recoveries={list(RECOVERIES)}")):
        assert Cell.from_plain(json.loads(json.dumps(cell.to_plain()))) == cell


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("budgets=[0.5, 0.5000000001]", "cells with different names"),
        ("budgets=[0.5, 0.5]", "budgets: expected at least one value and none twice"),
        ("budgets=[50]", "budgets.0: expected the share to keep, above 0 and at most 1, found 50"),
        ('importances=["tailor"]', "did you mean 'taylor'"),
        ('recoveries=["none", "distilled"]\nbest={count=1, budgets=[0.5]}', "by which best ranks"),
        ("best={count=1, budgets=[0.4]}", "best.budgets out of budgets"),
        ("best={count=0, budgets=[0.5]}", "best.count"),
        ('networks=[{label="a/b", recipe="base.toml"}]', "networks.0.label"),
        (
            'networks=[{label="a", recipe="base.toml"}, {label="A", recipe="base.toml"}]',
            "different labels",
        ),
        ("epochs=3", "epochs: expected a known field"),
        (
            'networks=[{label="a", recipe="base.toml", set=["recalibration.batches=0"]}]',
            "recalibration.batches: expected at least 1",
        ),
        (
            'networks=[{label="a", recipe="base.toml", set=["training.devices=2"]}]',
            "training.devices: expected one",
        ),
        ('networks=[{label="a", recipe="nowhere.toml"}]', "nowhere.toml: expected a recipe"),
    ],
)
def test_what_is_wrong_in_a_sweep_recipe_is_named(here: Path, change: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        expand(*recipes(here, *change.split("\n")))
    assert said in str(error.value)


def test_a_network_without_a_dense_artefact_is_refused(here: Path, tmp_path: Path) -> None:
    text = BASE.format(network="Net").replace('init_from = "Net.safetensors"', "")
    (tmp_path / "bare.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="expected the dense artefact of net, found none"):
        recipes(here, f'networks=[{{label="net", recipe="{tmp_path / "bare.toml"}"}}]')


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks" / "sweeps").glob("*.toml")))
def test_committed_sweeps_are_read_and_lose_nothing_on_disk(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    sweep = read_sweep(path)
    assert sweep.name == path.stem
    (tmp_path / "again.toml").write_text(to_toml(sweep), encoding="utf-8")
    assert read_sweep(tmp_path / "again.toml") == sweep
    cells = expand(sweep, read_bases(sweep))
    assert len({cell.name for cell in cells}) == len(cells) > 0
