"""Classes of labels are those of a plain partition, whatever is united and frozen, and when."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from segprune.core.labels import Labels, Reason

COUNT = 12
LABEL = st.integers(0, COUNT - 1)
TIES = st.lists(st.tuples(LABEL, LABEL), min_size=1, max_size=COUNT)
FROZEN = st.lists(LABEL, min_size=1, max_size=4)
STEPS = st.lists(st.one_of(TIES, FROZEN), max_size=12)


class Partition:
    """Sets of labels, and the first reason that each was given."""

    def __init__(self) -> None:
        self.parts = [{label} for label in range(COUNT)]
        self.reasons: dict[int, str] = {}  # by label

    def part(self, label: int) -> set[int]:
        return next(part for part in self.parts if label in part)

    def reason(self, label: int) -> set[str]:
        return {self.reasons[other] for other in self.part(label) if other in self.reasons}

    def unite(self, one: int, other: int) -> None:
        ours, theirs = self.part(one), self.part(other)
        if ours is not theirs:
            self.parts.remove(theirs)
            ours |= theirs

    def freeze(self, label: int, reason: str) -> None:
        if not self.reason(label):
            self.reasons[label] = reason


@given(STEPS)
@example([[(0, 5), (1, 5)]])
@example([[(0, 5), (5, 6), (6, 7)]])
@example([[5, 6], [(0, 5), (1, 6), (2, 7)], [0, 7], [(0, 1), (3, 0)]])
def test_ties_and_reasons_are_those_of_a_plain_partition(steps: list[list[object]]) -> None:
    labels, plain = Labels(), Partition()
    labels.fresh(COUNT)
    for number, step in enumerate(steps):
        if isinstance(step[0], tuple):
            pairs = np.array(step, dtype=np.int64)
            labels.unite(pairs[:, 0], pairs[:, 1])
            for one, other in pairs.tolist():
                plain.unite(one, other)
        else:
            labels.freeze(np.array(step, dtype=np.int64), Reason(str(number)))
            for label in np.array(step).tolist():
                plain.freeze(label, str(number))
    roots = labels.find(np.arange(COUNT)).tolist()
    frozen = labels.is_frozen(np.arange(COUNT)).tolist()
    for label in range(COUNT):
        assert {other for other in range(COUNT) if roots[other] == roots[label]} == plain.part(
            label
        )
        reason = labels.reason(label)
        assert frozen[label] == (reason is not None) == bool(plain.reason(label))
        assert reason is None or reason.text in plain.reason(label)


def test_the_class_that_takes_over_another_one_keeps_its_own_reason() -> None:
    labels = Labels()
    first, second = labels.fresh(3), labels.fresh(3)
    labels.freeze(first[:2], Reason("ours"))
    labels.freeze(second[1:], Reason("theirs"))
    labels.unite(first, second)
    found = [labels.reason(label) for label in (*first, *second)]
    assert [reason and reason.text for reason in found] == ["ours", "ours", "theirs"] * 2


def test_labels_stay_frozen_as_their_number_grows() -> None:
    labels = Labels()
    early = labels.fresh(1000)
    labels.freeze(early[::2], Reason("early"))
    late = labels.fresh(5000)
    labels.unite(late[:1000], early)
    assert labels.is_frozen(late).tolist() == [True, False] * 500 + [False] * 4000
