"""The policy that made-up records are judged by."""

from __future__ import annotations

import pytest

from segprune.gates.policy import Budget
from segprune.reporting import Policy


@pytest.fixture(scope="module")
def policy() -> Policy:
    budget = Budget("macs50", miou_loss=1.0, class_loss=8.0, speedup=1.7, macs=0.5)
    exceptions = {"camvid-bisenetv2-macs50": {"miou_loss": 1.5}}
    return Policy({"macs50": budget}, exceptions, {"streets": 0.5}, {}, 3)
