"""What the committed trials show, against what the gate promises; nothing is timed here."""

from __future__ import annotations

import json

import pytest

from benchmarks.power import RECORD, Kind, read_kinds
from power.trials import KINDS

FOUND = read_kinds()


@pytest.mark.parametrize("name", KINDS)
def test_every_trial_is_in_the_record_once(name: str) -> None:
    lines = [json.loads(line) for line in RECORD.read_text(encoding="utf-8").splitlines()]
    numbers = [line["trial"] for line in lines if line["kind"] == name]
    assert sorted(numbers) == list(range(KINDS[name].trials))


@pytest.mark.parametrize("name", ["quiet-0", "loaded-0"])
def test_two_copies_of_one_network_are_never_told_apart(name: str) -> None:
    kind = FOUND[name]
    _, _, high = kind.rate("FAIL")
    assert kind.statuses["FAIL"] == 0
    assert high <= 0.0125  # 300 trials without one: 1 % one-sided at 95 %, 1.22 % two-sided


@pytest.mark.parametrize(
    ("name", "least", "seconds"),
    [("quiet-5", 0.95, 5), ("loaded-5", 0.95, 30), ("loaded-10", 0.995, 10)],
)
def test_what_is_slower_is_caught_in_time(name: str, least: float, seconds: float) -> None:
    kind = FOUND[name]
    assert kind.rate("FAIL")[0] >= least, kind.statuses
    assert kind.within(0.95) <= seconds


@pytest.mark.parametrize("name", ["loaded-0", "loaded-6", "loaded-10"])
def test_few_questions_stay_open(name: str) -> None:
    assert FOUND[name].rate("INCONCLUSIVE")[0] <= 0.05


def test_the_time_within_which_a_share_ended() -> None:
    kind = Kind("made-up", FOUND["quiet-0"].statuses, tuple(float(n) for n in range(1, 101)))
    assert kind.within(0.95) == 96.0
