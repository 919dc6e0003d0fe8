"""Budgets whose names begin alike are budgets of their own; a marker names one of them exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from segprune.errors import InputError
from segprune.gates.policy_file import read_policy
from segprune.pytest_plugin.marker import case_of

LOOSE, STRICT = 5.0, 0.5


def policy(folder: Path, *, strict_first: bool) -> Path:
    lines = [
        f"[budgets.{name}]\nmiou_loss = {loss}\nclass_loss = 9\nspeedup = 1\n"
        for name, loss in (("macs50", LOOSE), ("macs50-strict", STRICT))
    ]
    path = folder / "policy.toml"
    text = "".join(reversed(lines) if strict_first else lines)
    path.write_text(f'schema = "segprune.policy/1"\n{text}')
    return path


@pytest.mark.parametrize("strict_first", [False, True])
@pytest.mark.parametrize(
    ("variant", "loss"),
    [
        ("macs50", LOOSE),
        ("macs50-seed1", LOOSE),
        ("macs50-strict", STRICT),
        ("macs50-strict-seed1", STRICT),
    ],
)
def test_the_longest_name_that_fits_is_the_budget(
    tmp_path: Path, strict_first: bool, variant: str, loss: float
) -> None:
    read = read_policy(policy(tmp_path, strict_first=strict_first))
    found = read.budget_of("streets", "icnet", variant)
    assert found is not None
    assert found.miou_loss == loss


@pytest.mark.parametrize("strict_first", [False, True])
def test_an_exception_is_of_the_longest_name_that_fits(tmp_path: Path, strict_first: bool) -> None:
    """Budgets "strict" and "macs50-strict" both end the key of the exception."""
    path = policy(tmp_path, strict_first=strict_first)
    text = path.read_text() + "[budgets.strict]\nmiou_loss = 1\nclass_loss = 9\nspeedup = 1\n"
    path.write_text(text + "[exceptions.streets-icnet-macs50-strict]\nmiou_loss = 0.25\n")
    found = read_policy(path).budget_of("streets", "icnet", "macs50-strict")
    assert found is not None
    assert found.miou_loss == 0.25


class Item:
    """A test with a marker, as pytest has it."""

    name = "test_size"

    def __init__(self, folder: Path, budget: str) -> None:
        self.path = folder / "test_gates.py"
        self._mark = pytest.mark.segprune(
            "icnet-half", dense="dense.safetensors", artifact="half.safetensors", data="streets",
            budget=budget,
        ).mark  # fmt: skip

    def get_closest_marker(self, name: str) -> Any:
        return self._mark if name == "segprune" else None


def test_a_marker_with_a_misspelt_budget_is_refused(tmp_path: Path) -> None:
    """Its name begins like that of a looser budget."""
    policy(tmp_path, strict_first=False)
    exact: Any = Item(tmp_path, "macs50-strict")
    assert case_of(exact).criteria.budget.miou_loss == STRICT
    misspelt: Any = Item(tmp_path, "macs50-stric")
    with pytest.raises(InputError, match="expected one of macs50, macs50-strict"):
        case_of(misspelt)
