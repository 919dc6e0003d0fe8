"""segprune inspect shows every layer, and the digests of a file."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

import segprune
from cli.runner import done


def test_inspect_shows_every_layer_and_the_digests(run: Path) -> None:
    plan = segprune.PrunePlan.from_json((run / "plan.json").read_text())
    for file in ("first.safetensors", "plan.json"):
        said = done("inspect", str(run / file))
        assert f"wide 48 {len(plan.kept['wide.weight'][0])}" in said
        assert "head 4 4 100 %" in said
        assert plan.digest[:40] in said.replace(" ", "")
    assert "MACs" in done("inspect", str(run / "record.json"))


def test_inspect_reads_files_that_were_saved_from_python(place: Path, tmp_path: Path) -> None:
    model, image = sys.modules["tiny_nets"].Net(), torch.rand(1, 3, 32, 64)
    plan = segprune.make_plan(model, image)
    segprune.save(tmp_path / "own.safetensors", segprune.prune(model, plan), plan)
    assert "wide ? " in done("inspect", str(tmp_path / "own.safetensors"))
