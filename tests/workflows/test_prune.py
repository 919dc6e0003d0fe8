"""The prune job: one folder at the end, with a network that keeps its budget."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import segprune
from segprune.core.planning.config import PruneConfig
from segprune.errors import InputError
from segprune.workflows.prune import run_prune
from workflows.small import SIZE, four, job, macs


def test_the_artefact_holds_a_network_within_its_budget(tmp_path: Path) -> None:
    result = run_prune(job(tmp_path))
    assert result.folder == tmp_path / "half"
    assert sorted(path.name for path in result.folder.iterdir()) == [
        "half.safetensors", "plan.json", "record.json",
    ]  # fmt: skip
    small = segprune.load(result.folder / "half.safetensors", model=four())
    first, second = small.first.out_channels, small.second.out_channels
    assert macs(first, second) <= 0.5 * macs(8, 12)
    assert small(torch.rand(SIZE)).shape == (1, 4, 16, 32)


def test_the_plan_on_disk_can_be_read_alone(tmp_path: Path) -> None:
    folder = run_prune(job(tmp_path)).folder
    assert folder is not None
    notes = json.loads((folder / "plan.json").read_text("utf-8"))["notes"]
    assert [weight for weight, *_ in notes["widths"]] == [
        "first.weight", "second.weight", "head.weight",
    ]  # fmt: skip
    assert [width for *_, width in notes["widths"]] == [8, 12, 4]


def test_a_run_that_is_interrupted_at_any_step_leaves_nothing(tmp_path: Path) -> None:
    steps: list[str] = []
    run_prune(job(tmp_path / "whole"), lambda step, done, total: steps.append(step))
    for moment in range(len(steps) - 1):  # at the last one the folder is there
        left = iter(range(moment))

        def stop(*_: object, left: object = left) -> None:
            if next(left, None) is None:  # type: ignore[call-overload]
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run_prune(job(tmp_path / "out"), stop)
        assert not list(tmp_path.glob("out/*")), steps[moment]


def test_a_name_says_the_network_the_budget_and_the_importance(tmp_path: Path) -> None:
    asked = PruneConfig(budget={"params": 0.75}, importance="lamp")
    folder = run_prune(job(tmp_path, name=None, config=asked)).folder
    assert folder == tmp_path / "four-params-0.75-lamp"


def test_images_with_more_classes_than_the_network_are_refused(camvid: Path) -> None:
    with pytest.raises(InputError, match="labels below 4, the network's number of classes"):
        run_prune(
            job(
                camvid / "runs", data="camvid", root=camvid, split="val",
                config=PruneConfig(budget={"macs": 0.5}, importance="taylor"),
            )
        )  # fmt: skip
