"""The table at the end has one row a case, and hides no verdict."""

from __future__ import annotations

import pytest

from pytest_plugin.repository import POLICY, RED, Repository, output, table_row


def test_a_gate_that_breaks_is_an_error_in_the_table(repository: Repository) -> None:
    networks = repository.path / "my_networks.py"
    text = networks.read_text().replace("def scenes():\n", "def scenes():\n    1 / 0\n")
    networks.write_text(
        text.replace("in scenes()", "in real_scenes()")
        + """

def real_scenes():
    return segprune.open_dataset("streets", count=24, size=(32, 64), cache=True)
"""
    )
    result = repository.run("--segprune-report", "out")
    assert result.ret == RED
    assert "ERROR (accuracy)" in table_row(result)
    assert "ZeroDivisionError" in (repository.path / "out/segprune.md").read_text()


def test_several_gates_in_one_test_are_all_in_the_table(repository: Repository) -> None:
    (repository.path / "test_gates.py").write_text(
        (repository.path / "test_gates.py").read_text().partition("def test_size")[0]
        + "def test_all(segprune_gate):\n"
        "    segprune_gate.size()\n    segprune_gate.proof()\n    segprune_gate.accuracy()\n"
        "def test_speed(segprune_speed):\n    segprune_speed()\n"
    )
    assert repository.run().ret == 0
    repository.edit('"macs": 0.6', '"macs": 0.4')
    result = repository.run()
    assert result.ret == RED
    assert "FAIL (size), NOT_MEASURED" in table_row(result)  # the others never ran


def test_a_test_that_fails_after_its_gate_is_no_pass_in_the_table(repository: Repository) -> None:
    repository.edit("segprune_gate.size()", "segprune_gate.size(); assert False")
    result = repository.run("-k", "size")
    assert result.ret == RED
    assert "FAIL (test)" in table_row(result)


def test_too_little_footage_supports_no_claim_in_the_table(repository: Repository) -> None:
    repository.edit("count=24", "count=12", "my_networks.py")
    repository.baseline.unlink()
    repository.run("--segprune-accept")
    result = repository.run("-k", "accuracy")
    assert result.ret == 0
    assert "nothing can be said of others (12 sequences, 12 blocks of frames)" in output(result)


@pytest.mark.parametrize(("promised", "said"), [("2.2", True), ("1.9", False)])
def test_a_speed_up_that_only_the_gate_lets_pass_is_said_to_be_one(
    fresh: Repository, promised: str, said: bool
) -> None:
    start, _, rest = (fresh.path / "test_gates.py").read_text().partition("budget={")
    rest = rest.partition("}")[2]
    (fresh.path / "test_gates.py").write_text(start + 'budget="macs50", count=2' + rest)
    fresh.edit("data=scenes", 'data="streets"')
    policy = POLICY.replace("speedup = 1.0", f"speedup = {promised}")
    (fresh.path / "policy.toml").write_text(policy + "[speed]\ngate_share = 0.5\n")
    result = fresh.run("--segprune-accept", "-k", "speed")
    result.assert_outcomes(passed=1, deselected=3)
    assert (
        "segprune report requires all of it, and does not count at least ×1.99 as kept"
        in output(result)
    ) == said
