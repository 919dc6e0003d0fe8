"""The speed gate and its fixture `segprune_speed`: dense and pruned are measured in turn."""

from __future__ import annotations

from typing import Any

import pytest

from segprune.gates.speed import SpeedVerdict, gate_fps, gate_speed
from segprune.gates.verdict import Status, Verdict, joined, unless
from segprune.pytest_plugin.baseline_match import made_from_dense, same_case, same_input
from segprune.pytest_plugin.benchmark_rows import keep_durations
from segprune.pytest_plugin.case_data import CaseData
from segprune.pytest_plugin.gate import Gate
from segprune.pytest_plugin.results import NOT_MEASURED, Figures, Outcome, ReadBaseline
from segprune.pytest_plugin.session import is_worker
from segprune.records.baseline import Baseline, SpeedFacts
from segprune.speed import SpeedComparison
from segprune.speed.fingerprint import conditions, fingerprint

__all__ = ["SpeedGate"]

_THREADS = 1
_FAR = 1.3


class SpeedGate(Gate):
    """The gate of speed, for the case that a test's marker names; call it once.

    Args:
        benchmark: pytest-benchmark's fixture, which keeps the durations.
    """

    def __init__(self, request: pytest.FixtureRequest, benchmark: Any) -> None:
        super().__init__(request)
        self._benchmark, self._called = benchmark, False

    def __call__(self) -> None:
        """Require the speed-up of the policy, measured now, dense and pruned in turn."""
        if self._called:
            pytest.fail(
                f"{self._case.name}: segprune_speed() was called twice in one test, which measures "
                "once; call it once",
                pytrace=False,
            )
        self._called = True
        if is_worker(self._item.config):
            self._not_measured("tests run side by side; run the speed gates without -n")
        if self._benchmark.disabled:
            self._not_measured("benchmarks are disabled; leave --benchmark-disable out")
        self._judge("speed", self._speed)

    def _not_measured(self, reason: str) -> None:
        self._attach("speed", NOT_MEASURED, (reason,))
        text = f"{self._case.name}, speed: {NOT_MEASURED} though it is required\n  {reason}"
        # Within the fixture, because it warns of tests that do not use it.
        self._benchmark.pedantic(pytest.fail, (text,), {"pytrace": False})

    def _speed(self, data: CaseData, read: ReadBaseline | None) -> Outcome:
        try:
            verdict, then = self._benchmark.pedantic(_measured, (data, read))
        except _NothingMeasuredError as nothing:
            return Outcome(nothing.verdict)
        found: SpeedComparison = verdict.comparison
        keep_durations(self._benchmark, found)
        self._session.comparisons[self._item.nodeid] = found
        figures: Figures = {
            "speedup": found.speedup, "speedup_low": found.low, "speedup_high": found.high,
            "speedup_floor": self._case.criteria.speedup,
            "speedup_promised": self._case.criteria.budget.speedup, "pairs": found.pairs,
            "fps": found.candidate_fps, "dense_fps": found.reference_fps,
        }  # fmt: skip
        size, memory_format = data.speed_input
        here = fingerprint(
            threads=found.threads, input=size, memory_format=memory_format, device=found.device
        )
        if then is None:
            facts = SpeedFacts(size, found, here, here.digest, conditions())
            return Outcome(verdict, figures, {"speed": facts})
        same_machine = here.digest == then.speed.fingerprint_digest
        figures["fps_gated"] = float(same_machine)
        if not same_machine:
            return Outcome(verdict, figures)
        # Both are judged: a dense network that is slowed down makes any pruned one look fast.
        absolute = [
            gate_fps(now, before, self._case.criteria.fps_share, of=of)
            for of, now, before in (
                ("pruned network", found.candidate_fps, then.speed.comparison.candidate_fps),
                ("dense network", found.reference_fps, then.speed.comparison.reference_fps),
            )
        ]
        like_then = _not_above(found, then.speed.comparison)
        return Outcome(joined([verdict, *absolute, like_then]), figures)


def _not_above(found: SpeedComparison, then: SpeedComparison) -> Verdict:
    """Judge a ratio far above the baseline's, by the same files on the same machine, as wrong."""
    problem = (
        f"speed-up: expected about ×{then.speedup:.2f}, as these files had on this machine, found "
        f"at least ×{found.low:.2f}: the dense network is slower than it was",
    )
    above = found.low > _FAR * then.high
    return unless(problem if above else (), Status.FAIL, "a speed-up like the baseline's")


class _NothingMeasuredError(Exception):
    """Raised within pytest-benchmark, so that it records nothing."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(str(verdict.status))
        self.verdict = verdict


def _measured(data: CaseData, read: ReadBaseline | None) -> tuple[SpeedVerdict, Baseline | None]:
    case, baseline = data.case, None if read is None else read()
    if baseline is not None:
        measured_then = same_input(data.speed_input, _THREADS, baseline.speed.fingerprint)
        same = joined([same_case(data, baseline), measured_then])
    else:
        same = made_from_dense(data)
    if not same.is_green:
        raise _NothingMeasuredError(same)
    verdict = gate_speed(
        data.dense, data.pruned, data.speed_example, floor=case.criteria.speedup,
        role="speedup", threads=_THREADS, max_seconds=case.max_seconds,
    )  # fmt: skip
    if verdict.comparison is None:
        raise _NothingMeasuredError(verdict)
    return verdict, baseline
