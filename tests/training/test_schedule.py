"""Laws of the learning rate, which is a pure function of the step."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from segprune.training.schedule import build_optimizer, rate_factor
from segprune.training.sections import TrainingSection

totals = st.integers(1, 500)
schedules = st.sampled_from(["poly", "cosine"])


@given(totals, st.integers(0, 100), schedules)
def test_the_rate_rises_in_the_warm_up_and_falls_afterwards(
    total: int, warmup: int, schedule: str
) -> None:
    rates = [rate_factor(s, total=total, warmup=warmup, schedule=schedule) for s in range(total)]
    assert all(0 < rate <= 1 for rate in rates)
    assert rates[:warmup] == sorted(rates[:warmup])
    assert rates[warmup:] == sorted(rates[warmup:], reverse=True)


@given(totals, st.integers(0, 100), schedules)
def test_the_rate_starts_at_a_tenth_is_full_after_the_warm_up_and_ends_at_zero(
    total: int, warmup: int, schedule: str
) -> None:
    def rate(step: int) -> float:
        return rate_factor(step, total=total, warmup=warmup, schedule=schedule)

    assert rate(0) == pytest.approx(0.1 if warmup else 1.0)
    assert rate(warmup) == pytest.approx(1.0)
    assert rate(max(total, warmup + 1)) == pytest.approx(0.0)


def test_half_way_poly_and_cosine_are_what_their_formulas_say() -> None:
    assert rate_factor(50, total=100, warmup=0, schedule="poly") == pytest.approx(0.5**0.9)
    assert rate_factor(50, total=100, warmup=0, schedule="cosine") == pytest.approx(0.5)
    assert rate_factor(25, total=100, warmup=0, schedule="cosine") == pytest.approx(0.8535533906)


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_every_parameter_is_optimised_once_and_vectors_do_not_decay(name: str) -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1))
    section = TrainingSection(epochs=1, optimizer=name, weight_decay=0.01)
    groups = build_optimizer(model, section).param_groups
    found = [(p, group["weight_decay"]) for group in groups for p in group["params"]]
    assert {id(p) for p, _ in found} == {id(p) for p in model.parameters()}
    assert len(found) == len(list(model.parameters()))
    assert all((decay == 0) == (p.ndim == 1) for p, decay in found)
