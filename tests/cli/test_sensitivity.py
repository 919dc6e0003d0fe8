"""segprune sensitivity: each layer alone, computed again by hand; and what it warns of."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from cli.runner import MODEL, SIZE, done, segprune_


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


def test_random_weights_are_a_warning_of_a_sensitivity(run: Path) -> None:
    without = done("sensitivity", MODEL, *SIZE)
    assert "warning the weights are random, unless the factory loads trained ones" in without
    assert "warning" not in done("sensitivity", MODEL, *SIZE, "--weights", "w.pt")


def test_a_skipped_layer_is_named_in_terms_of_the_command_line(run: Path) -> None:
    from segprune.data.source import ImageSource
    from segprune.workflows.dense import on_images
    from segprune.workflows.open import open_network
    from segprune.workflows.sensitivity import run_sensitivity

    class Shared(nn.Module):
        """A half of the channels of `first` has to stay."""

        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(3, 16, 1)
            self.last = nn.Conv2d(24, 4, 1)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            x = self.first(images)
            return self.last(torch.cat([x, x[:, :8].softmax(1)], 1))

    dense = on_images(open_network(Shared()), (1, 3, 16, 16), ImageSource())
    (reason,) = run_sensitivity("shared", dense, keep=0.25).skipped
    assert "scope" not in reason
    assert "[" not in reason
    assert "pass --keep 0.562 or more" in reason  # 9 of 16


def test_layers_that_match_nothing_are_refused(place: Path) -> None:
    result = segprune_("sensitivity", MODEL, *SIZE, "--layers", "nothing.*")
    assert result.exit_code == 2
    assert "nothing.*" in result.stderr
