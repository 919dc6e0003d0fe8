"""Which cells a sweep has, and what is wrong in its recipe."""

from __future__ import annotations

import dataclasses
import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from segprune.core.planning.importance import importances, own_name
from segprune.errors import InputError
from segprune.records.environment import environment
from segprune.records.score import Score
from segprune.records.sweep import RECOVERIES, CellRecord, Outcome
from segprune.workflows.sweep.cells import Cell, best_plans, expand
from workflows.sweep.fake_sweep import BASE, PLANS, recipes


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


def record_of(
    plan_name: str, miou: float | None, *, recovery: str = "recalibrated", plan: str | None = None
) -> CellRecord:
    """A made-up record."""
    score = Score(0.5, (0.5,), 0.5, 1)
    outcome = None
    if miou is not None:
        found = dataclasses.replace(score, miou=miou)
        outcome = Outcome(plan or plan_name, 1, 1, (), found, 0, 1.0)
    network, macs, importance, scope = plan_name.split("-")
    return CellRecord(
        command=(), sweep="s", cell=f"{plan_name}-{recovery}", network=network, data="d",
        budget={"macs": int(macs.removeprefix("macs")) / 100}, importance=importance, scope=scope,
        recovery=recovery, seed=0, recipe="", classes=("a",), input=(1, 3, 8, 8),
        validation_images=1, validation_digest="", source="", dense_params=1, dense_macs=1,
        dense_score=score, outcome=outcome, failure=None if outcome else "why", packages={},
        environment=environment(),
    )  # fmt: skip


def test_the_best_are_those_of_the_highest_miou_of_each_network_and_budget() -> None:
    rng = np.random.default_rng(0)
    rows = {
        (network, budget, f"i{number}"): float(rng.random())
        for network in ("a", "b")
        for budget in (50, 30)
        for number in range(6)
    }
    records = [record_of(f"{n}-macs{b}-{i}-global", miou) for (n, b, i), miou in rows.items()]
    wanted = set()
    for place in {key[:2] for key in rows}:
        own = sorted((key for key in rows if key[:2] == place), key=lambda key: -rows[key])
        wanted |= {f"{n}-macs{b}-{i}-global" for n, b, i in own[:3]}
    assert best_plans(records, 3, [0.5, 0.3]) == wanted
    assert best_plans(records[::-1], 3, [0.5, 0.3]) == wanted
    only = {name for name in wanted if "macs30" in name}
    assert best_plans(records, 3, [0.3]) == only


def test_ties_go_to_the_first_name_and_what_failed_or_is_not_recalibrated_never_ranks() -> None:
    records = [
        record_of("n-macs50-c-global", 0.5),
        record_of("n-macs50-b-global", 0.5),
        record_of("n-macs50-a-global", None),
        record_of("n-macs50-d-global", 0.9, recovery="none"),
    ]
    assert best_plans(records, 1, [0.5]) == {"n-macs50-b-global"}
    assert best_plans(records, 9, [0.5]) == {"n-macs50-b-global", "n-macs50-c-global"}


def test_one_plan_under_two_names_is_trained_once() -> None:
    records = [
        record_of("n-macs50-a-global", 0.5, plan="same"),
        record_of("n-macs50-b-global", 0.5, plan="same"),
        record_of("n-macs50-c-global", 0.4),
    ]
    assert best_plans(records, 2, [0.5]) == {"n-macs50-a-global", "n-macs50-c-global"}
