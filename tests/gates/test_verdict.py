"""Verdicts: the worst counts, and nothing is no PASS."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from segprune.gates.verdict import Status, Verdict, joined

WORST_FIRST = [Status.NOT_COMPARABLE, Status.FAIL, Status.INCONCLUSIVE, Status.PASS]

verdicts = st.lists(
    st.builds(Verdict, st.sampled_from(Status), st.lists(st.text(), max_size=2).map(tuple)),
    max_size=5,
)


@given(verdicts)
def test_the_worst_of_several_verdicts_counts_and_reasons_of_all_that_miss_are_kept(
    found: list[Verdict],
) -> None:
    together = joined(found)
    if not found:
        assert together.status is Status.NOT_COMPARABLE
        return
    assert together.status is min((v.status for v in found), key=WORST_FIRST.index)
    shown = sorted(
        (v for v in found if v.status is not Status.PASS or together.is_green),
        key=lambda v: WORST_FIRST.index(v.status),
    )
    assert together.reasons == tuple(itertools.chain.from_iterable(v.reasons for v in shown))
    assert together.is_green == all(v.status is Status.PASS for v in found)


def test_statuses_are_words_that_sort_of_json_can_hold() -> None:
    assert [str(status) for status in Status] == ["PASS", "FAIL", "INCONCLUSIVE", "NOT_COMPARABLE"]
    assert Status("FAIL") == "FAIL"
