"""Hypothesis profiles, one torch thread, and the switch that rewrites the committed table."""

from __future__ import annotations

import os

import pytest
import torch
from hypothesis import HealthCheck, Phase, settings

COMMON = {
    "deadline": None,
    "suppress_health_check": (HealthCheck.too_slow, HealthCheck.data_too_large),
    "print_blob": True,
}
settings.register_profile("default", max_examples=4, derandomize=True, **COMMON)
settings.register_profile(
    "unshrunk", max_examples=12, derandomize=True, phases=(Phase.generate,), **COMMON
)  # shows the first counterexample at once
settings.register_profile("long", max_examples=40, derandomize=True, **COMMON)
settings.register_profile("thorough", max_examples=200, **COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-free-shares",
        action="store_true",
        help="rewrite tests/free_shares.json from the networks traced in this run; still fails",
    )


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)
