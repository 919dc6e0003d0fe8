"""A baseline is not accepted without its proof, nor against its margin, nor with fewer targets."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pytest_plugin.repository import RED, Repository, output, table_row


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
    assert "not written, because proof did not pass; run its tests of size, proof" in output(result)
    assert not fresh.baseline.exists()


def test_a_claim_that_does_not_hold_is_not_accepted(fresh: Repository) -> None:
    fresh.edit("budget=", "generalization_margin=0.1, budget=")
    result = fresh.run("--segprune-accept")
    assert result.ret == RED
    assert "not written, because accuracy did not pass" in output(result)
    assert not fresh.baseline.exists()


PROMISES = {
    "the limit of MACs is gone": (', "macs": 0.6', "", "most_macs from"),
    "fewer images": ("count=24", "count=22", "images from 24 of streets"),
    "another input": ("budget=", "input=(1, 3, 8, 8), budget=", "input of speed from (1, 3, 32"),
    "another memory format": (
        "budget=", 'memory_format="channels_last", budget=', "memory format of speed from",
    ),
    "a greater loss": ('"class_loss": 99', '"class_loss": 100', "the target from"),
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


def test_accepting_writes_the_baseline_and_is_red_and_the_next_run_is_green(
    fresh: Repository,
) -> None:
    first = fresh.run("--segprune-accept")
    assert first.ret == 1
    first.assert_outcomes(passed=4)
    assert "written to mine-half.json; look at the difference" in output(first)
    second = fresh.run("test_gates.py")
    assert second.ret == 0
    second.assert_outcomes(passed=4)
    assert "×2.01 (1.99 – 2.07; 1.5)" in table_row(second)
    assert table_row(second).rstrip().endswith("PASS")
    assert "on others like them at most" in output(second)


def test_lowering_a_baseline_takes_a_reason_that_the_file_keeps(repository: Repository) -> None:
    repository.ratio = 1.7
    before = repository.baseline.read_text()
    refused = repository.run("--segprune-accept")
    assert refused.ret == 1
    assert 'add --because "…" if it is meant. It would lower: speed-up from ×2.01 to ×1.7' in (
        output(refused)
    )
    assert repository.baseline.read_text() == before
    assert repository.run("--segprune-accept", "--because", "a slower torch").ret == 1
    kept = json.loads(repository.baseline.read_text())["accepted"]
    assert [entry["because"] for entry in kept] == [None, "a slower torch"]
    assert kept[1]["lowered"] == ["speed-up from ×2.01 to ×1.71"]
    assert repository.run("test_gates.py").ret == 0


def test_what_the_policy_does_not_allow_is_not_accepted_with_any_reason(fresh: Repository) -> None:
    fresh.ratio = 1.2
    result = fresh.run("--segprune-accept", "--because", "please")
    assert result.ret == 1
    result.assert_outcomes(passed=3, failed=1)
    assert "mine-half: not written, because speed did not pass" in output(result)
    assert not fresh.baseline.exists()


def test_a_part_alone_is_not_accepted(fresh: Repository) -> None:
    result = fresh.run("--segprune-accept", "-k", "size")
    assert result.ret == 1
    assert "run its tests of size, proof, accuracy and speed together" in output(result)
    assert not fresh.baseline.exists()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("segprune_gate.size()\n    assert False", "failed after its gate had passed"),
        (
            "with pytest.MonkeyPatch.context() as patch:\n"
            "        patch.setattr('my_networks.segprune', None)\n"
            "        segprune_gate.accuracy()",
            "accuracy: ERROR: AttributeError",
        ),
    ],
    ids=["asserts something else", "raises"],
)
def test_what_is_red_in_one_test_is_not_accepted_from_another(
    fresh: Repository, code: str, said: str
) -> None:
    fresh.edit("def test_size", f"def test_more(segprune_gate):\n    {code}\n\ndef test_size")
    result = fresh.run("--segprune-accept")
    assert not fresh.baseline.exists()
    assert "mine-half: not written, because not all gates passed" in output(result)
    assert said in output(result)


def test_accepting_nothing_is_red(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_nothing():\n    pass")
    result = pytester.runpytest_inprocess("--segprune-accept")
    assert result.ret == 1
    assert "expected cases to accept, found none" in output(result)


def test_the_last_line_of_an_accepting_run_says_why_it_is_red(fresh: Repository) -> None:
    accepted = fresh.run("--segprune-accept")
    assert accepted.ret == RED
    assert "4 passed, 1 red on purpose (--segprune-accept) in " in accepted.outlines[-1]


def test_a_proof_of_another_network_is_red_and_accepts_nothing(repository: Repository) -> None:
    repository.write_artifact(0.375, "other.safetensors")
    text = (repository.path / "test_gates.py").read_text()
    marker = text[text.index("pytest.mark.segprune") : text.index("def test_size")].strip()
    other = "@" + marker.replace("half.safetensors", "other.safetensors")
    repository.edit("def test_proof", f"{other}\ndef test_proof")
    result = repository.run()
    assert result.ret == RED
    assert "artefact: expected" in output(result)
    repository.baseline.unlink()
    accepting = repository.run("--segprune-accept")
    assert "its gates judged different networks, targets or images" in output(accepting)
    assert not repository.baseline.exists()


def test_a_file_in_place_of_the_folder_is_reported_in_a_sentence(fresh: Repository) -> None:
    Path(fresh.path / "baselines").write_text("")
    result = fresh.run("--segprune-accept")
    assert result.ret == RED
    assert "expected a folder for baselines" in output(result)


def test_a_linked_baseline_stays_a_link(repository: Repository) -> None:
    kept = repository.path / "kept.txt"
    shutil.move(repository.baseline, kept)
    repository.baseline.symlink_to(kept)
    repository.run("--segprune-accept")
    assert repository.baseline.is_symlink()
    assert repository.run().ret == 0
