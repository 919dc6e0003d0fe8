"""Criteria: every number that a verdict follows from is in the rule that a baseline keeps."""

from __future__ import annotations

import dataclasses

from hypothesis import example, given
from hypothesis import strategies as st

from segprune.gates.criteria import Criteria
from segprune.gates.policy import Budget, Tolerance

BUDGET = Budget("macs50", miou_loss=1.0, class_loss=8.0, speedup=1.7, macs=0.5, miou_ratio=0.97)


TERMS = Criteria(BUDGET, speedup_share=0.95)


def test_a_rule_that_requires_no_gain_names_no_share_of_it() -> None:
    slower = Criteria(dataclasses.replace(BUDGET, speedup=1.0), speedup_share=0.65)
    assert "speed-up ≥ 1, FPS" in slower.rule
    assert slower.speedup == 1.0


CHANGES: list[Criteria] = [
    *(
        dataclasses.replace(TERMS, budget=dataclasses.replace(BUDGET, **{name: value}))
        for name, value in {
            "miou_loss": 1.0001, "class_loss": 8.0001, "speedup": 1.6999, "macs": 0.500001,
            "params": 0.9, "miou_ratio": 0.969999, "name": "macs40",
        }.items()
    ),
    dataclasses.replace(TERMS, tolerance=Tolerance(flips_per_million=20.001)),
    dataclasses.replace(TERMS, tolerance=Tolerance(miou_points=0.010001)),
    dataclasses.replace(TERMS, speedup_share=0.949999),
    dataclasses.replace(TERMS, fps_share=0.349999),
    dataclasses.replace(TERMS, dense_miou=0.5),
    dataclasses.replace(TERMS, generalization_margin=1.0),
]  # fmt: skip


def test_every_number_of_the_criteria_is_in_the_rule() -> None:
    rules = {terms.rule for terms in [TERMS, *CHANGES]}
    assert len(rules) == 1 + len(CHANGES)
    # A field that is added later has to be in it, too.
    fields = len(dataclasses.fields(Criteria)) - 2 + len(dataclasses.fields(Budget))
    assert len(CHANGES) == fields + len(dataclasses.fields(Tolerance))


@given(st.floats(0.1, 10), st.floats(0.01, 1))
@example(speedup=1.0, share=0.85)  # once passed networks that were 15 % slower than dense
def test_the_gate_requires_a_share_of_the_gain_and_never_passes_a_slower_network(
    speedup: float, share: float
) -> None:
    floor = Criteria(dataclasses.replace(BUDGET, speedup=speedup), speedup_share=share).speedup
    assert min(speedup, 1) - 1e-8 <= floor <= speedup + 0.001
    if speedup > 1:
        assert abs((floor - 1) / (speedup - 1) - share) * (speedup - 1) <= 0.001 + 1e-8
