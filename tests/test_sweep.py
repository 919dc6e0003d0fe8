"""Sweeps: which cells there are, which are trained, and that each is run once, whatever happens."""

from __future__ import annotations

import dataclasses
import itertools
import json
import sys
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

import segprune
from segprune.cli import app
from segprune.environment import environment
from segprune.errors import InputError
from segprune.importance import importances, own_name
from segprune.metrics import Score
from segprune.pipeline.sweep.cells import Cell, best_plans, expand
from segprune.pipeline.sweep.jobs import Ended, Job, perform
from segprune.pipeline.sweep.records import RECOVERIES, CellRecord, Outcome, SpeedRecord
from segprune.pipeline.sweep.running import SweepResult, list_cells, run_sweep
from segprune.pipeline.sweep.workspace import Workspace
from segprune.pipeline.training.running import run_recover
from segprune.planning import make_plan
from segprune.records import read_record
from segprune.training.recipe import Recipe
from segprune.training.sweep_recipe import SweepRecipe, read_bases, read_sweep
from segprune.training.toml import to_toml

ROOT = Path(__file__).parents[1]

NETWORKS = '''
import os, signal
import torch
from torch import nn


class Net(nn.Module):
    """11 classes; a residual."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()
        )
        self.wide = nn.Sequential(
            nn.Conv2d(16, 24, 3, padding=1, bias=False), nn.BatchNorm2d(24), nn.ReLU()
        )
        self.back = nn.Conv2d(24, 16, 1)
        self.head = nn.Conv2d(16, 11, 1)

    def forward(self, x):
        x = self.stem(x)
        return self.head(x + self.back(self.wide(x)))


class Deadly(Net):
    """Takes its process with it when its statistics are measured anew."""

    def forward(self, x):
        if self.stem[1].training and not self.training:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(x)
'''

BASE = """
name = "base"
[network]
model = "tiny_sweep_nets:{network}"
init_from = "{network}.safetensors"
[data]
name = "camvid"
root = "camvid"
[augmentation]
crop = [32, 64]
[training]
epochs = 1
batch_size = 4
warmup_epochs = 0.0
accelerator = "cpu"
[recalibration]
batches = 2
"""

SWEEP = """
name = "small"
seed = 3
budgets = [0.7, 0.5]
importances = ["magnitude_l1", "taylor"]
scopes = ["global", "local"]
round_to = 2 # so small a network cannot keep a budget to one per cent
calibration_batches = 2
[[networks]]
label = "net"
recipe = "base.toml"
"""
PLANS = [
    f"net-macs{budget}-{importance}-{scope}"
    for budget in (70, 50)
    for importance in ("magnitude_l1", "taylor")
    for scope in ("global", "local")
]


# ---------------------------------------------------------------- a tiny world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with images, networks, their dense artefacts, and recipes."""
    folder = tmp_path_factory.mktemp("world")
    rng = np.random.default_rng(0)
    for split, count in (("train", 8), ("val", 3)):
        for kind in ("images", "labels"):
            (folder / "camvid" / split / kind).mkdir(parents=True)
        for number in range(count):
            label = np.repeat(rng.integers(0, 11, (4, 8), dtype=np.uint8), 8, 0).repeat(8, 1)
            noise = rng.integers(0, 40, (32, 64, 3))
            image = np.clip(label[..., None] * 20 + noise, 0, 255).astype(np.uint8)
            base = folder / "camvid" / split
            Image.fromarray(image).save(base / "images" / f"a_{number}.png")
            Image.fromarray(label).save(base / "labels" / f"a_{number}.png")
    (folder / "tiny_sweep_nets.py").write_text(NETWORKS, encoding="utf-8")
    path = sys.path[:]
    sys.path.insert(0, str(folder))
    for network in ("Net", "Deadly"):
        torch.manual_seed(1)
        model = getattr(__import__("tiny_sweep_nets"), network)().eval()
        plan = make_plan(model, torch.zeros(1, 3, 32, 64), budget={"channels": 1.0})
        segprune.save(folder / f"{network}.safetensors", model, plan)
        text = BASE.format(network=network)
        (folder / f"{network}.toml").write_text(text, encoding="utf-8")
    (folder / "base.toml").write_text(BASE.format(network="Net"), encoding="utf-8")
    yield folder
    sys.path[:] = path
    sys.modules.pop("tiny_sweep_nets", None)


@pytest.fixture
def here(world: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The world, as the current folder."""
    monkeypatch.chdir(world)
    return world


class Here:
    """An engine that runs jobs in this process, and can lose some of them."""

    def __init__(self, dead: Sequence[str] = (), interrupted_after: int | None = None) -> None:
        self.ran: list[str] = []
        self._dead, self._left = dead, interrupted_after

    def run(self, jobs: Sequence[Job]) -> Generator[Ended, None, None]:
        for job in jobs:
            json.dumps(job.arguments)  # another engine writes it to a file
            if self._left is not None and len(self.ran) == self._left:
                raise KeyboardInterrupt
            self.ran.append(job.name)
            yield Ended(job, "killed by SIGKILL" if job.name in self._dead else perform(job))


def recipes(folder: Path, *changes: str, text: str = SWEEP) -> tuple[SweepRecipe, Any]:
    path = folder / "sweep.toml"
    path.write_text(text, encoding="utf-8")
    sweep = read_sweep(path, changes)
    return sweep, read_bases(sweep)


def swept(
    folder: Path, out: Path, *changes: str, engine: Here | None = None, **options: Any
) -> tuple[SweepResult, list[str]]:
    """A sweep in this process, and the jobs that it ran."""
    engine = engine or Here()
    options.setdefault("only", "cells")
    sweep, bases = recipes(folder, *changes)
    return run_sweep(sweep, bases, engine, out=out, **options), engine.ran


@pytest.fixture(scope="module")
def unbroken(
    world: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[SweepResult, list[str]]:
    """A whole sweep without training, and its jobs; not to be changed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(world)
        return swept(world, tmp_path_factory.mktemp("unbroken"))


def timeless(record: CellRecord) -> Any:
    """What of a record is the same each time."""
    outcome = record.outcome and dataclasses.replace(record.outcome, seconds=0.0)
    return dataclasses.replace(record, outcome=outcome)


# ---------------------------------------------------------------- cells; pure


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
        ("budgets=[50]", "budgets.0: input should be less than or equal to 1"),
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


# ---------------------------------------------------------------- ranking; pure


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


# ---------------------------------------------------------------- running


def test_every_cell_has_a_record_and_cells_of_one_plan_share_its_work(
    unbroken: tuple[SweepResult, list[str]],
) -> None:
    result, ran = unbroken
    assert ran == ["net", *PLANS]
    assert [record.cell for record in result.cells] == [
        f"{plan}-{recovery}" for plan in PLANS for recovery in RECOVERIES[:2]
    ]
    files = {path.stem for path in (result.folder / "cells").iterdir()}
    assert files == {record.cell for record in result.cells}
    for one, other in zip(result.cells[::2], result.cells[1::2], strict=True):
        assert one.outcome is not None
        assert other.outcome is not None
        assert one.outcome.plan == other.outcome.plan
        assert one.outcome.widths == other.outcome.widths
        assert one.outcome.macs <= one.budget["macs"] * one.dense_macs
        assert (result.folder / "plans" / f"{one.outcome.plan}.json").exists()
        assert one.outcome.score != other.outcome.score  # statistics were measured anew


def test_records_name_no_folder(unbroken: tuple[SweepResult, list[str]]) -> None:
    result, _ = unbroken
    for path in (result.folder / "cells").iterdir():
        text = path.read_text("utf-8")
        assert str(result.folder) not in text
        assert 'root = "' not in text


@pytest.mark.parametrize("plan", [PLANS[0], PLANS[-1]])
def test_a_recovery_of_the_cells_recipe_comes_to_the_same_numbers(
    here: Path, tmp_path: Path, unbroken: tuple[SweepResult, list[str]], plan: str
) -> None:
    """`segprune recover` shares neither the remembered scores nor the kept batches."""
    records = {record.cell: record for record in unbroken[0].cells}
    recipe = {c.name: c.recipe for c in expand(*recipes(here))}[f"{plan}-recalibrated"]
    again = run_recover(recipe, out=tmp_path).record
    assert again is not None
    none, recalibrated = (records[f"{plan}-{name}"] for name in RECOVERIES[:2])
    assert none.outcome is not None
    assert recalibrated.outcome is not None
    assert again.plan == none.outcome.plan
    assert (again.params, again.macs) == (none.outcome.params, none.outcome.macs)
    assert again.scores["start"] == none.dense_score
    assert again.scores["pruned"] == none.outcome.score
    assert again.scores["recalibrated"] == recalibrated.outcome.score


def test_remembered_scores_make_the_plan_that_fresh_ones_make(here: Path) -> None:
    _, bases = recipes(here)
    work = Workspace(bases["net"])
    given: dict[str, Any] = {"round_to": 2, "calibration": list(work.batches(2))}
    for name, budget in itertools.product(("taylor", "activation", "lamp"), (0.7, 0.4)):
        given["budget"] = {"macs": budget}
        wanted = make_plan(work.start.network, work.graph, importance=name, **given)
        found = make_plan(work.start.network, work.graph, importance=work.importance(name), **given)
        assert found == wanted
        assert found.notes == wanted.notes


def test_what_has_a_record_is_not_run_again(here: Path, tmp_path: Path) -> None:
    first, _ = swept(here, tmp_path)
    assert swept(here, tmp_path)[1] == []
    kept = tmp_path / "small" / "cells" / f"{PLANS[2]}-none.json"
    before = kept.stat()
    (kept.parent / f"{PLANS[2]}-recalibrated.json").unlink()
    again, ran = swept(here, tmp_path)
    assert ran == [PLANS[2]]
    assert kept.stat().st_mtime_ns == before.st_mtime_ns
    assert list(map(timeless, again.cells)) == list(map(timeless, first.cells))


@pytest.mark.parametrize("after", [1, 4])
def test_an_interrupted_sweep_ends_as_an_unbroken_one(
    here: Path, tmp_path: Path, unbroken: tuple[SweepResult, list[str]], after: int
) -> None:
    with pytest.raises(KeyboardInterrupt):
        swept(here, tmp_path, engine=Here(interrupted_after=after))
    result, ran = swept(here, tmp_path)
    assert ran == unbroken[1][after:]
    assert list(map(timeless, result.cells)) == list(map(timeless, unbroken[0].cells))


def test_a_job_that_dies_is_recorded_passed_over_and_run_again_only_when_asked(
    here: Path, tmp_path: Path, unbroken: tuple[SweepResult, list[str]]
) -> None:
    result, ran = swept(here, tmp_path, engine=Here(dead=[PLANS[1]]))
    assert ran == ["net", *PLANS]
    failed = {record.cell: record.failure for record in result.cells if record.outcome is None}
    assert failed == {f"{PLANS[1]}-{name}": "killed by SIGKILL" for name in RECOVERIES[:2]}
    assert swept(here, tmp_path)[1] == []
    again, ran = swept(here, tmp_path, retry_failed=True)
    assert ran == [PLANS[1]]
    assert list(map(timeless, again.cells)) == list(map(timeless, unbroken[0].cells))


def test_a_cell_that_fails_says_why_and_the_one_before_it_is_kept(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any, **kwargs: Any) -> None:
        raise OSError("no room\nin /some/where/file.bin")

    monkeypatch.setattr("segprune.pipeline.sweep.tasks.recalibrate", broken)
    result, _ = swept(here, tmp_path)
    failed = [record for record in result.cells if record.outcome is None]
    assert {record.recovery for record in failed} == {"recalibrated"}
    assert {record.failure for record in failed} == {"OSError: no room in file.bin"}
    assert len(failed) == len(PLANS)


def test_a_budget_out_of_reach_fails_its_cells_alone(here: Path, tmp_path: Path) -> None:
    result, _ = swept(here, tmp_path, "budgets=[0.7, 0.001]")
    failed = {record.budget["macs"]: record.failure for record in result.cells if record.failure}
    assert list(failed) == [0.001]
    assert "budget" in str(failed[0.001])
    assert sum(record.outcome is not None for record in result.cells) == len(PLANS)


def test_a_pruned_network_that_is_not_proved_is_a_failure(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoiled(model: torch.nn.Module, plan: Any) -> torch.nn.Module:
        small = segprune.prune(model, plan)
        with torch.no_grad():
            next(small.parameters()).mul_(2)
        return small

    monkeypatch.setattr("segprune.pipeline.sweep.tasks.prune", spoiled)
    result, _ = swept(here, tmp_path)
    assert {record.outcome for record in result.cells} == {None}
    assert all("is not what its plan makes" in str(record.failure) for record in result.cells)
    assert not list((tmp_path / "small" / "plans").iterdir())


def test_a_dense_network_that_cannot_be_scored_ends_the_sweep(here: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="net: expected a score of the dense network"):
        swept(here, tmp_path, engine=Here(dead=["net"]))


# ---------------------------------------------------------------- one folder, one recipe


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


# ---------------------------------------------------------------- training and speed

TRAINED = ("budgets=[0.5]", f"recoveries={list(RECOVERIES)}", "best={count=1, budgets=[0.5]}")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_best_are_trained_keep_their_artefacts_and_share_the_plan(
    here: Path, tmp_path: Path
) -> None:
    states = {listed.state for listed in list_cells(*recipes(here, *TRAINED), tmp_path)}
    assert states == {"to do", "open"}
    assert not list(tmp_path.iterdir())
    result, ran = swept(here, tmp_path, *TRAINED)
    records = {record.cell: record for record in result.cells}
    best = min(
        (r for r in result.cells if r.recovery == "recalibrated" and r.outcome),
        key=lambda r: (-r.outcome.score.miou, r.cell),  # type: ignore[union-attr]
    )
    name = best.cell.removesuffix("-recalibrated")
    trained = [f"{name}-fine-tuned", f"{name}-distilled"]
    assert ran[-2:] == trained
    assert [record.cell for record in result.cells if record.recovery in RECOVERIES[2:]] == trained
    assert best.outcome is not None
    for cell in trained:
        outcome = records[cell].outcome
        assert outcome is not None, records[cell].failure
        assert (outcome.plan, outcome.steps) == (best.outcome.plan, 2)
        assert outcome.widths == best.outcome.widths
        assert (result.folder / "runs" / cell / f"{cell}.safetensors").exists()
    listed = {row.cell.name: row.state for row in list_cells(*recipes(here, *TRAINED), tmp_path)}
    assert set(listed.values()) == {"done", "not chosen"}

    # Killed between the record of the training and that of the cell: nothing is trained again.
    kept = result.folder / "cells" / f"{trained[0]}.json"
    before = read_record(CellRecord, kept)
    kept.unlink()
    swept(here, tmp_path, *TRAINED)
    assert timeless(read_record(CellRecord, kept)) == timeless(before)


def test_each_plan_is_measured_once_beside_its_dense_network(here: Path, tmp_path: Path) -> None:
    few = ["budgets=[0.5]", 'importances=["random", "lamp"]']
    result, _ = swept(here, tmp_path, *few, only=None, pairs=6)
    plans = {record.outcome.plan for record in result.cells if record.outcome}
    assert set(result.speeds) == plans
    files = sorted((result.folder / "speed").iterdir())
    assert len(files) == len(plans)
    for path in files:
        record = read_record(SpeedRecord, path)
        assert (record.reference, record.input, record.speed.pairs) == (
            "net-dense", (1, 3, 32, 64), 6,
        )  # fmt: skip
        assert record.reference_artifact == result.cells[0].source
    files[0].unlink()
    again, ran = swept(here, tmp_path, *few, only="speed", pairs=7)
    assert ran == []
    pairs = {again.speeds[plan].speed.pairs for plan in plans}
    assert pairs == ({6, 7} if len(plans) > 1 else {7})


# ---------------------------------------------------------------- the command line


def command(*words: str) -> Any:
    return CliRunner().invoke(app, ["sweep", *words], env={"COLUMNS": "100"})


def test_a_dry_run_lists_all_cells_and_makes_nothing(here: Path, tmp_path: Path) -> None:
    recipes(here)
    result = command("sweep.toml", "--out", str(tmp_path), "--dry-run")
    assert result.exit_code == 0, result.output
    for plan in PLANS:
        assert f"{plan}-recalibrated" in result.stdout
    assert "16 cells: 16 to do" in result.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_killed_worker_costs_its_cells_alone(here: Path, tmp_path: Path) -> None:
    """The whole command, with real processes, which one network kills as it is recalibrated."""
    text = SWEEP.replace('"magnitude_l1", "taylor"', '"lamp"').replace("[0.7, 0.5]", "[0.5]")
    text += '[[networks]]\nlabel = "deadly"\nrecipe = "Deadly.toml"\n'
    (here / "sweep.toml").write_text(text, encoding="utf-8")
    result = command("sweep.toml", "--out", str(tmp_path), "--pairs", "6")
    assert result.exit_code == 0, result.output
    records = [read_record(CellRecord, p) for p in (tmp_path / "small" / "cells").iterdir()]
    assert len(records) == 8
    for record in records:
        dead = (record.network, record.recovery) == ("deadly", "recalibrated")
        assert (record.outcome is None) == dead
    failures = {record.failure for record in records if record.failure}
    assert all("killed by SIGKILL" in failure for failure in failures)
    assert "killed by SIGKILL" in " ".join(result.stdout.split())
