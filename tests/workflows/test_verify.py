"""A file is proved against the dense network, and its numbers where these can be compared."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from segprune.workflows.prune import run_prune
from segprune.workflows.verify import run_verify
from workflows.small import MODEL, SIZE, four, job


@pytest.fixture
def file(tmp_path: Path) -> Path:
    torch.save(four().state_dict(), tmp_path / "dense.pt")
    folder = run_prune(job(tmp_path, weights=tmp_path / "dense.pt")).folder
    assert folder is not None
    return folder / "half.safetensors"


def test_with_the_dense_weights_numbers_are_compared(file: Path, tmp_path: Path) -> None:
    proof = run_verify(file, model=MODEL, weights=tmp_path / "dense.pt")
    assert (proof.violations, proof.values_compared, proof.input) == ((), True, SIZE)
    spoiled = four().state_dict()
    spoiled["first.weight"] = spoiled["first.weight"] + 1
    torch.save(spoiled, tmp_path / "other.pt")
    found = run_verify(file, model=MODEL, weights=tmp_path / "other.pt").violations
    assert {violation.where for violation in found} >= {"first.weight"}


def test_without_them_the_structure_is_proved_and_the_reason_is_given(file: Path) -> None:
    proof = run_verify(file, model=MODEL, input=(2, 3, 8, 16))
    assert (proof.violations, proof.values_compared, proof.input) == ((), False, (2, 3, 8, 16))
    assert "--weights" in proof.why_not


def test_half_precision_is_a_reason_not_to_compare(tmp_path: Path) -> None:
    torch.save(four().state_dict(), tmp_path / "dense.pt")
    folder = run_prune(job(tmp_path, half=True, weights=tmp_path / "dense.pt")).folder
    assert folder is not None
    proof = run_verify(
        folder / "half.safetensors", model=MODEL, weights=tmp_path / "dense.pt"
    )  # fmt: skip
    assert (proof.violations, proof.values_compared) == ((), False)
    assert "half precision" in proof.why_not
