"""A plan or an artefact is shown layer by layer, with shares of the dense widths."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import segprune
from cli.render.conftest import Shown
from segprune.cli.render.artifact import Width, show_header, show_plan, summary_of, widths_of
from segprune.core.plan import PrunePlan
from segprune.errors import PlanError


@pytest.fixture(scope="module")
def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 16, 3), nn.Conv2d(16, 16, 1), nn.Conv2d(16, 4, 1)).eval()


@pytest.fixture(scope="module")
def plan(network: nn.Module) -> PrunePlan:
    return segprune.make_plan(network, torch.zeros(1, 3, 8, 8), budget={"channels": 0.5})


def noted(plan: PrunePlan, **notes: Any) -> PrunePlan:
    return replace(plan, notes=notes)


WIDTHS = [["0.weight", 0, 16], ["1.weight", 0, 16], ["2.weight", 0, 4]]


def test_widths_are_those_of_the_dense_network_and_of_the_plan(
    network: nn.Module, plan: PrunePlan
) -> None:
    first, second = (len(plan.kept[f"{n}.weight"][0]) for n in (0, 1))
    assert first + second == 16  # half of all
    found = [Width("0", 16, first), Width("1", 16, second), Width("2", 4, 4)]
    assert widths_of(noted(plan), network) == found
    assert widths_of(noted(plan, widths=WIDTHS)) == found


def test_without_notes_layers_that_are_narrower_on_both_sides_are_known(plan: PrunePlan) -> None:
    """A tensor that is narrower on one side alone may be one of a normalisation."""
    assert widths_of(noted(plan)) == [Width("1", None, len(plan.kept["1.weight"][0]))]


def test_widths_of_an_earlier_version_s_plan_are_read(plan: PrunePlan) -> None:
    """It kept them as `layers`, which are shares to keep now."""
    assert [each.dense for each in widths_of(noted(plan, layers=WIDTHS))] == [16, 16, 4]
    assert [each.dense for each in widths_of(noted(plan, layers={"0": 0.5}))] == [None]


def test_notes_of_another_form_are_refused(plan: PrunePlan) -> None:
    with pytest.raises(PlanError, match="expected widths as a list of"):
        widths_of(noted(plan, widths=[["0.weight", "0", 16]]))


def test_the_summary_counts_layers_and_channels() -> None:
    widths = [Width("a", 16, 8), Width("b", 4, 4), Width("c", None, 3)]
    assert summary_of(widths) == "1 of 2 layers are narrower; 12 of 20 channels stay (60 %)"
    assert summary_of(widths[2:]) == ""


def test_the_digests_of_plans_and_artefacts_are_shown(
    network: nn.Module, plan: PrunePlan, tmp_path: Path, shown: Shown
) -> None:
    lines = shown(show_plan, Path("plan.json"), plan, [Width("0", 16, 8)])
    assert lines[0] == f"plan.json: a plan that changes {len(plan.kept)} tensors"
    assert "0 16 8 50 % ██████░░░░░░" in lines
    assert f"plan sha256 {plan.digest}" in lines
    file = segprune.save(tmp_path / "a.safetensors", segprune.prune(network, plan), plan)
    header = segprune.read_header(file)
    lines = shown(show_header, file, header, [])
    assert "your own: to load it, the dense one is needed" in lines[0]
    assert f"contents sha256 {header.payload} (of all fields and tensors)" in lines
