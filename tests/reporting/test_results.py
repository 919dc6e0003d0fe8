"""RESULTS.md, RESULTS.csv and plots are those of the committed records, to the byte."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import torch

import segprune
from benchmarks import readme
from segprune.artifacts import read_header
from segprune.models.weights import file_digest
from segprune.reporting import (
    Collection,
    read_collection,
    read_policy,
    results_csv,
    results_page,
)
from segprune.reporting.dataset_report import dataset_reports
from segprune.training.recipe import parse_recipe, read_recipe
from segprune.training.toml import to_toml

PAGE = readme.ROOT / "benchmarks" / "RESULTS.md"
AGAIN = "run: segprune report"
CHECKPOINTS = sorted((readme.ROOT / "benchmarks" / "checkpoints").glob("*.safetensors"))


def shown() -> set[str]:
    """Names of the pictures on the page."""
    text = PAGE.read_text("utf-8") if PAGE.exists() else ""
    return set(re.findall(r"\]\(plots/([^)]+)\.png\)", text))


@pytest.fixture(scope="module")
def collection() -> Collection:
    return read_collection(readme.RECORDS)


def test_every_figure_of_the_results_stands_in_a_committed_record(collection: Collection) -> None:
    if collection.is_empty:
        assert not PAGE.exists(), "there are no records for it"
        return
    assert PAGE.exists(), AGAIN
    made = results_page(collection, read_policy(readme.POLICY))
    assert PAGE.read_bytes() == made.encode(), AGAIN
    sheet = results_csv(collection, read_policy(readme.POLICY))
    assert PAGE.with_suffix(".csv").read_bytes() == sheet.encode(), AGAIN


def test_every_picture_of_the_results_shows_the_committed_records(collection: Collection) -> None:
    """Each carries the digest of the records it was drawn from; pixels depend on the machine."""
    reports = dataset_reports(collection, read_policy(readme.POLICY))
    compared = any(report.compared for report in reports)
    assert bool(shown()) == bool(collection.cells or collection.sensitivities or compared)
    for name in sorted(shown()):
        for ending in ("png", "svg"):
            path = PAGE.parent / "plots" / f"{name}.{ending}"
            assert path.exists(), AGAIN
            assert collection.digest.encode() in path.read_bytes(), f"{path.name}: {AGAIN}"


def test_no_picture_is_left_over(collection: Collection) -> None:
    found = {path.stem for path in (PAGE.parent / "plots").glob("*.*")}
    assert found == shown(), AGAIN


@pytest.mark.parametrize("path", CHECKPOINTS, ids=lambda path: path.stem)
def test_committed_weights_are_those_of_their_record(path: Path, collection: Collection) -> None:
    """Its digest, and its sizes as the network itself shows them."""
    (record,) = [record for record in collection.trainings if record.name == path.stem]
    assert file_digest(path) == record.artifact
    assert path.stat().st_size == record.artifact_bytes
    found = segprune.cost(segprune.load(path), torch.zeros(record.input))
    assert (found.params, found.macs) == (record.params, record.macs)
    assert read_header(path).plan.digest == record.plan


def test_committed_records_stay_small() -> None:
    """What a clone carries for good: below 3 MB for everything that is reported or proved."""
    assert sum(path.stat().st_size for path in readme.RECORDS.rglob("*.json")) < 3_000_000


def test_every_training_was_made_by_the_recipe_that_its_command_names(
    collection: Collection,
) -> None:
    """Whoever repeats the command on the page gets what the record is of."""
    for record in collection.trainings:
        words = iter(record.command[3:])
        given = [(word, next(words)) for word in words if word.startswith("--")]
        changes = [value for name, value in given if name == "--set"]
        changes += [f"name={value}" for name, value in given if name == "--name"]
        recipe = read_recipe(readme.ROOT / "benchmarks" / "recipes" / record.command[2], changes)
        kept = parse_recipe(tomllib.loads(record.recipe), record.name)
        assert to_toml(recipe.portable()) == to_toml(kept), record.name
