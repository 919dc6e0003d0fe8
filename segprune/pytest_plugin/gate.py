"""Judge size, proof and accuracy of a case: note the result, and pass, fail or skip."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from segprune.baselines.reading import read_baseline
from segprune.baselines.record import (
    AccuracyFacts,
    Baseline,
    counts_as_text,
)
from segprune.errors import SegpruneError
from segprune.gates.determinism import gate_determinism
from segprune.gates.difference import bootstrap_difference, gate_difference
from segprune.gates.floors import gate_floors, gate_size
from segprune.gates.verdict import Status, Verdict, joined
from segprune.pytest_plugin.acceptance import parts_of
from segprune.pytest_plugin.case import Case, case_of
from segprune.pytest_plugin.matching import same_data, same_floors, same_network
from segprune.pytest_plugin.session import Result, session_of
from segprune.pytest_plugin.subject import DataMissingError, Subject
from segprune.verification import verify

__all__ = ["Figures", "Gate"]

Figures = dict[str, float]


class Gate:
    """Size, proof and accuracy of the case that a test's marker names.

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
        """Exactly the parameters, MACs and activation bytes of the baseline, within the budget."""
        self._judge("size", self._size)

    def proof(self) -> None:
        """The artefact is what its plan makes of the dense network: channels are really gone."""
        self._judge("proof", self._proof)

    def accuracy(self) -> None:
        """The predictions of the baseline, and no IoU below its floor."""
        self._judge("accuracy", self._accuracy)

    # -- judging -----------------------------------------------------------------------------------

    def _size(self, subject: Subject) -> tuple[Verdict, Figures]:
        sizes = subject.sizes
        figures: Figures = {
            "params": sizes.pruned.params, "dense_params": sizes.dense.params,
            "macs": sizes.pruned.macs, "dense_macs": sizes.dense.macs,
        }  # fmt: skip
        if self._session.options.accept:
            verdict = gate_size(sizes.pruned, sizes.pruned, sizes.dense, subject.floors)
            self._keep(subject, verdict, size=sizes)
            return verdict, figures
        baseline = self._baseline()
        return joined(
            [
                same_network(subject, baseline),
                gate_size(sizes.pruned, baseline.size.pruned, sizes.dense, baseline.floors),
            ]
        ), figures

    def _proof(self, subject: Subject) -> tuple[Verdict, Figures]:
        plan = subject.header.plan
        if not plan.kept:
            return Verdict(
                Status.FAIL,
                (
                    "plan: expected one that removes channels, found one that keeps them all: a "
                    "mask leaves every tensor in its shape, and training fills it again",
                ),
            ), {}
        violations = verify(subject.dense, subject.pruned, plan, subject.example, trained=True)
        if violations:
            return Verdict(
                Status.FAIL, tuple(f"{v.where}: {v.message} ({v.kind})" for v in violations)
            ), {}
        return Verdict(Status.PASS, ("what its plan makes of the dense network",)), {}

    def _accuracy(self, subject: Subject) -> tuple[Verdict, Figures]:
        found, floors = subject.pruned_evaluation, subject.floors
        dense = subject.dense_score
        figures: Figures = {
            "miou": found.score.miou, "miou_floor": floors.miou, "dense_miou": dense.miou,
        }  # fmt: skip
        classes = subject.dataset.classes.names
        if self._session.options.accept:
            verdict = gate_floors(found.score, classes, dense.miou, floors)
            facts = AccuracyFacts(
                found.score, dense, found.predictions, counts_as_text(found.matrix, found.names)
            )
            self._keep(subject, verdict, accuracy=facts, data=subject.data_facts)
            return verdict, figures
        baseline = self._baseline()
        same = joined(
            [
                same_network(subject, baseline),
                same_data(subject, baseline),
                same_floors(floors, baseline.floors),
            ]
        )
        if not same.is_green:
            return same, figures
        expected = baseline.accuracy.matrix(len(classes), baseline.data.void)
        verdicts = [
            gate_determinism(found.matrix, expected, found.names, self._case.tolerance),
            gate_floors(found.score, classes, dense.miou, floors),
        ]
        difference = bootstrap_difference(
            subject.dense_evaluation.matrix, found.matrix, subject.dataset.sequences
        )
        figures |= {"loss": difference.loss, "loss_high": difference.high}
        figures |= {"detectable": difference.detectable, "blocks": difference.blocks}
        if self._case.claim is not None:
            verdicts.append(gate_difference(difference, self._case.claim))
        return joined(verdicts), figures

    # -- what it is judged against -----------------------------------------------------------------

    def _baseline(self) -> Baseline:
        return read_baseline(self._case.baseline, self._case.name)

    # -- what comes of it --------------------------------------------------------------------------

    def _subject(self) -> Subject:
        known = self._session.subjects
        if self._case.name not in known or known[self._case.name].case != self._case:
            known[self._case.name] = Subject(self._case, self._session.options.data)
        return known[self._case.name]  # type: ignore[no-any-return]

    def _keep(self, subject: Subject, verdict: Verdict, **facts: Any) -> None:
        if verdict.is_green:
            parts = parts_of(self._session, self._case.baseline, self._case.name)
            parts.update(network=subject.network_facts, floors=subject.floors, **facts)

    def _judge(self, gate: str, judge: Callable[[Subject], tuple[Verdict, Figures]]) -> None:
        try:
            verdict, figures = judge(self._subject())
        except DataMissingError as missing:
            pytest.skip(str(missing))
        except SegpruneError as error:
            verdict, figures = Verdict(Status.NOT_COMPARABLE, (str(error),)), {}
        self._note(gate, verdict.status, verdict.reasons, figures)
        self._end(gate, verdict)

    def _note(self, gate: str, status: str, reasons: tuple[str, ...], figures: Figures) -> None:
        result = Result(self._case.name, gate, str(status), reasons, figures)
        content = {
            "case": result.case, "gate": gate, "status": result.status,
            "reasons": list(reasons), "figures": figures,
        }  # fmt: skip
        # The way to the summary, also from worker processes, and into JUnit files.
        self._item.user_properties += [
            ("segprune", json.dumps(content)),
            ("segprune_case", result.case),
            (f"segprune_{gate}", result.status),
            *((f"segprune_{name}", value) for name, value in figures.items()),
        ]

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
