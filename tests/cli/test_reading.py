"""segprune inspect, verify and sensitivity, which read what prune wrote or was given."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch

import segprune
from cli.runner import MODEL, SIZE, done, segprune_


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


def test_verify_proves_a_file_and_compares_numbers_with_the_dense_weights(run: Path) -> None:
    file = str(run / "first.safetensors")
    assert "not compared" in done("verify", file, "--model", MODEL)
    assert "and equal" in done("verify", file, "--model", MODEL, "--weights", "w.pt")
    words = ("--weights", "w.pt", "--trained")
    assert "not compared" in done("verify", file, "--model", MODEL, *words)


def test_verify_fails_where_numbers_are_not_the_dense_ones(run: Path) -> None:
    network = sys.modules["tiny_nets"].Net()
    torch.save(network.state_dict(), "others.pt")
    words = ("--model", MODEL, "--weights", "others.pt")
    result = segprune_("verify", str(run / "first.safetensors"), *words)
    assert result.exit_code == 1
    assert "value" in result.stdout
    assert "wide.weight" in result.stdout


def test_sensitivity_measures_every_layer_alone(place: Path, frames: Path) -> None:
    said = done("sensitivity", MODEL, *SIZE, "--frames", str(frames), "--name", "sense")
    assert "wide 48 → 24" in said
    record = json.loads((place / "runs" / "sense" / "sensitivity.json").read_text())
    errors = [row["error"] for row in record["layers"]]
    assert errors == sorted(errors)
    assert all(0 < row["macs"] < 1 and 0 < row["params"] < 1 for row in record["layers"])
    tied = next(row for row in record["layers"] if "stem.0" in row["layers"])
    assert tied["layers"] == ["stem.0", "depth"]
    shown = done("inspect", str(place / "runs" / "sense" / "sensitivity.json"))
    assert all(row["layers"][0] in shown for row in record["layers"])
    assert "stem.0 (+1 tied)" in shown


def test_sensitivity_agrees_with_pruning_by_hand(place: Path) -> None:
    words = ("--layers", "wide", "--weights", "w.pt", "--name", "one")
    torch.save(sys.modules["tiny_nets"].Net().state_dict(), "w2.pt")
    done("sensitivity", MODEL, *SIZE, *words[:2], "--weights", "w2.pt", *words[4:])
    (row,) = json.loads((place / "runs" / "one" / "sensitivity.json").read_text())["layers"]
    model = sys.modules["tiny_nets"].Net().eval()
    model.load_state_dict(torch.load("w2.pt", weights_only=True))
    image = torch.randn(1, 3, 32, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        wanted = model(image)
        norms = model.wide.weight.flatten(1).norm(dim=1)
        gone = norms.argsort()[:24]
        model.head.weight[:, gone] = 0
        found = model(image)
    error = (found - wanted).norm() / wanted.norm()
    assert row["error"] == pytest.approx(error.item(), rel=1e-4)
    changed = (found.argmax(1) != wanted.argmax(1)).double().mean().item()
    assert row["changed"] == pytest.approx(changed, abs=1e-6)
