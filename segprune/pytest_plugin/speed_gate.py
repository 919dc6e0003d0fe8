"""Measure and judge the speed of a case, and hand the durations to pytest-benchmark."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from segprune.baselines.record import Baseline, SpeedFacts
from segprune.fingerprint import conditions, fingerprint
from segprune.gates.speed import SpeedVerdict, gate_fps, gate_speed
from segprune.gates.verdict import Status, Verdict, joined
from segprune.pytest_plugin.case import Case
from segprune.pytest_plugin.gate import Figures, Gate
from segprune.pytest_plugin.matching import same_network
from segprune.pytest_plugin.recording import keep_durations
from segprune.pytest_plugin.selection import is_worker
from segprune.pytest_plugin.subject import Subject
from segprune.speed import SpeedComparison

__all__ = ["NOT_MEASURED", "SpeedGate"]

NOT_MEASURED = "NOT_MEASURED"


class SpeedGate(Gate):
    """Speed of the case that a test's marker names; call it once.

    Args:
        benchmark: pytest-benchmark's fixture, which keeps the durations.
    """

    def __init__(self, request: pytest.FixtureRequest, benchmark: Any) -> None:
        super().__init__(request)
        self._benchmark = benchmark

    def __call__(self) -> None:
        """At least the speed-up that the policy demands, measured now, dense and pruned in turn."""
        if is_worker():
            self._not_measured("tests run side by side; run the speed gates without -n")
        if self._benchmark.disabled:
            self._not_measured("benchmarks are disabled; leave --benchmark-disable out")
        self._judge("speed", self._speed)

    def _not_measured(self, reason: str) -> None:
        self._note("speed", NOT_MEASURED, (reason,), {})
        text = f"{self._case.name}, speed: {NOT_MEASURED} though it was asked for\n  {reason}"
        # Within the fixture, for it warns of tests that do not use it.
        self._benchmark.pedantic(pytest.fail, (text,), {"pytrace": False})

    def _speed(self, subject: Subject) -> tuple[Verdict, Figures]:
        baseline = None if self._session.options.accept else self._baseline
        try:
            verdict, then = self._benchmark.pedantic(_measured, (self._case, subject, baseline))
        except _NothingMeasuredError as nothing:
            return nothing.verdict, {}
        found: SpeedComparison = verdict.comparison
        keep_durations(self._benchmark, found)
        self._session.comparisons[self._item.nodeid] = found
        figures: Figures = {
            "speedup": found.speedup, "speedup_low": found.low, "speedup_high": found.high,
            "speedup_floor": self._case.budget.speedup, "pairs": found.pairs,
            "fps": found.candidate_fps, "dense_fps": found.reference_fps,
        }  # fmt: skip
        size, memory_format = subject.speed_input
        here = fingerprint(
            threads=found.threads, input=size, memory_format=memory_format, device=found.device
        )
        if then is None:
            facts = SpeedFacts(size, found, here, here.digest, conditions())
            self._keep(subject, verdict, speed=facts)
            return verdict, figures
        absolute = gate_fps(
            found.candidate_fps, then.speed.comparison.candidate_fps, self._case.fps_share,
            same_machine=here.digest == then.speed.fingerprint_digest,
        )  # fmt: skip
        figures["fps_gated"] = float(absolute.status is not Status.NOT_COMPARABLE)
        if absolute.status is Status.FAIL:
            return joined([verdict, absolute]), figures
        return verdict, figures


class _NothingMeasuredError(Exception):
    """Raised within pytest-benchmark, so that it records nothing."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(str(verdict.status))
        self.verdict = verdict


def _measured(
    case: Case, subject: Subject, read: Callable[[], Baseline] | None
) -> tuple[SpeedVerdict, Baseline | None]:
    baseline = None if read is None else read()
    if baseline is not None:
        same = same_network(subject, baseline)
        if not same.is_green:
            raise _NothingMeasuredError(same)
    verdict = gate_speed(
        subject.dense, subject.pruned, subject.speed_example, floor=case.budget.speedup,
        role="speedup", max_seconds=case.max_seconds,
    )  # fmt: skip
    if verdict.comparison is None:
        raise _NothingMeasuredError(verdict)
    return verdict, baseline
