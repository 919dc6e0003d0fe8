"""segprune verify compares numbers with the dense weights, and fails where they differ."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from cli.runner import MODEL, done, segprune_


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
