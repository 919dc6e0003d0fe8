"""segprune sensitivity measures every layer by itself."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch

from cli.runner import MODEL, SIZE, done


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
