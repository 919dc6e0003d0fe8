"""The fixture `segprune_gate`: judge a case by one gate, and pass, fail or skip the test.

Each gate is a module: `gate_size`, `gate_proof`, `gate_accuracy`, and `gate_speed` with the fixture
`segprune_speed`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import pytest

from segprune.errors import SegpruneError
from segprune.gates.baselines.reading import read_baseline
from segprune.gates.verdict import Status, Verdict, joined
from segprune.pytest_plugin import accept
from segprune.pytest_plugin.baseline_match import same_case, same_name
from segprune.pytest_plugin.case_data import CaseData, DataMissingError
from segprune.pytest_plugin.gate_accuracy import judge_accuracy
from segprune.pytest_plugin.gate_proof import judge_proof
from segprune.pytest_plugin.gate_size import judge_size
from segprune.pytest_plugin.marker import Case, case_of
from segprune.pytest_plugin.own_modules import require_own_modules
from segprune.pytest_plugin.results import (
    ERROR,
    NOT_MEASURED,
    SKIPPED,
    Figures,
    Outcome,
    ReadBaseline,
    Result,
    attach,
)
from segprune.pytest_plugin.session import session_of
from segprune.records.baseline import Baseline

__all__ = ["Gate", "Judge"]

Judge = Callable[[CaseData, ReadBaseline | None], Outcome]


class Gate:
    """The gates of size, proof and accuracy, for the case that a test's marker names.

    Each method fails the test unless the verdict is PASS; INCONCLUSIVE skips it, or fails it with
    --segprune-strict. With --segprune-accept nothing is compared with the baseline, but everything
    with the policy, and what was measured is kept.
    """

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._item = request.node
        self._session = session_of(request.config)
        case = _case(self._item)
        if isinstance(case, SegpruneError):  # outside of its handling, which pytest would print
            pytest.fail(str(case), pytrace=False)
        self._case: Case = case

    def size(self) -> None:
        """Require exactly the baseline's parameters, MACs and activation bytes, within budget."""
        self._judge("size", judge_size)

    def proof(self) -> None:
        """Require that the artefact is what its plan makes of the dense network."""
        self._judge("proof", judge_proof)

    def accuracy(self) -> None:
        """Require the predictions of the baseline, and no IoU below its floor."""
        self._judge("accuracy", self._accuracy)

    # -- judging -----------------------------------------------------------------------------------

    def _accuracy(self, data: CaseData, read: ReadBaseline | None) -> Outcome:
        for remark in data.remarks:
            self._session.add_note(f"{self._case.name}: {remark}")
        return judge_accuracy(data, read)

    def _judge(self, gate: str, judge: Judge) -> None:
        accepting = self._session.options.accept
        try:
            self._require_own_modules()
            data = self._case_data()
            outcome = judge(data, None if accepting else self._read_baseline)
            self._require_own_modules()  # some are imported when they are first needed
            if accepting and outcome.verdict.is_green:
                judged = (data.network_facts, self._case.criteria.rule)
                place, name = self._case.baseline, self._case.name
                accept.keep(self._session, place, name, gate, judged, outcome.facts)
        except DataMissingError as missing:
            other = self._other_than_accepted()
            if other is None:
                self._without_data(gate, missing)
            outcome = Outcome(other)
        except SegpruneError as error:
            outcome = Outcome(Verdict(Status.NOT_COMPARABLE, (str(error),)))
        except Exception as error:  # of a user's network, for example: pytest shows its traceback
            self._attach(gate, ERROR, (f"{type(error).__name__}: {error}",))
            raise
        verdict = outcome.verdict
        self._attach(gate, verdict.status, verdict.reasons, outcome.figures)
        self._end(gate, verdict)

    def _case_data(self) -> CaseData:
        """Return what all gates of the case share, so that it is loaded once a session."""
        known = self._session.case_data.get(self._case.name)
        if known is None or known.case != self._case:
            known = CaseData(self._case, self._session.options.data)
            self._session.case_data[self._case.name] = known
        return known

    def _read_baseline(self) -> Baseline:
        return read_baseline(self._case.baseline, self._case.name)

    def _require_own_modules(self) -> None:
        require_own_modules(self._item, self._case.name, self._case.dense)

    def _other_than_accepted(self) -> Verdict | None:
        """Return a verdict if the missing images, by their name, are not the baseline's."""
        if self._session.options.accept:
            return None
        try:
            baseline = self._read_baseline()
            found = joined(
                [same_case(self._case_data(), baseline), same_name(self._case, baseline)]
            )
        except SegpruneError as error:
            return Verdict(Status.NOT_COMPARABLE, (str(error),))
        return None if found.is_green else found

    # -- the end of the test -----------------------------------------------------------------------

    def _without_data(self, gate: str, missing: DataMissingError) -> NoReturn:
        if self._case.skip_without_data or not self._session.options.strict:
            self._attach(gate, SKIPPED, (str(missing),))
            pytest.skip(str(missing))
        text = (
            f"{missing}; or let the case be skipped, with skip_without_data=True in its marker, "
            "for --segprune-strict lets nothing pass that was not judged"
        )
        self._attach(gate, NOT_MEASURED, (text,))
        pytest.fail(f"{self._case.name}, {gate}: {NOT_MEASURED}\n  {text}", pytrace=False)

    def _attach(
        self, gate: str, status: str, reasons: tuple[str, ...], figures: Figures | None = None
    ) -> None:
        attach(self._item, Result(self._case.name, gate, str(status), reasons, figures or {}))

    def _end(self, gate: str, verdict: Verdict) -> None:
        text = f"{self._case.name}, {gate}: {verdict.status}\n" + "\n".join(
            f"  {reason}" for reason in verdict.reasons
        )
        if verdict.status is Status.PASS:
            return
        if verdict.status is Status.INCONCLUSIVE and not self._session.options.strict:
            pytest.skip(text)
        pytest.fail(text, pytrace=False)


def _case(item: pytest.Item) -> Case | SegpruneError:
    try:
        return case_of(item)
    except SegpruneError as error:
        return error
