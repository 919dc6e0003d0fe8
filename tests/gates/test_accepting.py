"""What is not accepted: no proof, a claim that does not hold, a promise dropped in silence."""

from __future__ import annotations

import pytest

from gates.repository import Repository, output

RED = pytest.ExitCode.TESTS_FAILED


def test_a_case_without_its_proof_is_not_accepted(fresh: Repository) -> None:
    networks = fresh.path / "my_networks.py"
    networks.write_text(
        networks.read_text()
        + '''

def unproven(path="half.safetensors"):
    """An artefact whose normalisation was swapped after its plan was made."""
    small = segprune.load(path, make_network())
    header = segprune.artifacts.read_header(path)
    with torch.no_grad():
        small.norm.num_batches_tracked.fill_(0)
    small.first.stride = (4, 4)
    return segprune.save(path, small, header.plan, metadata=header.metadata)
'''
    )
    result = fresh.run("--segprune-accept", "-k", "not proof")
    assert result.ret == RED
    assert "not written, for proof did not pass; run its tests of size, proof" in output(result)
    assert not fresh.baseline.exists()


def test_a_claim_that_does_not_hold_is_not_accepted(fresh: Repository) -> None:
    fresh.edit("budget=", "claim=0.1, budget=")
    result = fresh.run("--segprune-accept")
    assert result.ret == RED
    assert "not written, for accuracy did not pass" in output(result)
    assert not fresh.baseline.exists()


PROMISES = {
    "the limit of MACs is gone": (', "macs": 0.6', "", "most_macs from"),
    "fewer images": ("count=24", "count=22", "images from 24 of streets"),
    "another input": ("budget=", "input=(1, 3, 8, 8), budget=", "input of speed from (1, 3, 32"),
    "another memory format": (
        "budget=", 'memory_format="channels_last", budget=', "memory format of speed from",
    ),
    "a greater loss": ('"class_loss": 99', '"class_loss": 100', "the promise from"),
}  # fmt: skip


@pytest.mark.parametrize("change", PROMISES)
def test_no_promise_is_dropped_without_a_reason(repository: Repository, change: str) -> None:
    old, new, says = PROMISES[change]
    repository.edit(old, new, "my_networks.py" if "count" in old else "test_gates.py")
    before = repository.baseline.read_text()
    result = repository.run("--segprune-accept")
    assert 'add --because "…" if it is meant' in output(result)
    assert says in output(result)
    assert repository.baseline.read_text() == before
