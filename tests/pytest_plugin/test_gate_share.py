"""If a gate asks for less than was promised, the summary says so."""

from __future__ import annotations

import pytest

from pytest_plugin.repository import POLICY, Repository, output


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
        "segprune report asks for all of it, and does not count at least ×1.99 as kept"
        in output(result)
    ) == said
