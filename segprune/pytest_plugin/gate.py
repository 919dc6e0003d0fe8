"""Judge size, proof and accuracy of a case: note the result, and pass, fail or skip."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, NoReturn

import pytest

from segprune.core.verification.verify import verify
from segprune.errors import SegpruneError
from segprune.gates.accuracy import gate_budget, gate_dense, gate_floors, gate_size
from segprune.gates.baselines.counts import counts_as_text, counts_from_text
from segprune.gates.baselines.reading import read_baseline
from segprune.gates.bootstrap import bootstrap_difference, gate_difference
from segprune.gates.reproducibility import gate_determinism
from segprune.gates.verdict import Status, Verdict, joined, unless
from segprune.pytest_plugin.accept import parts_of
from segprune.pytest_plugin.baseline_match import (
    made_from_dense,
    same_case,
    same_data,
    same_floors,
    same_images,
    same_name,
    same_sizes,
)
from segprune.pytest_plugin.case import Case, case_of
from segprune.pytest_plugin.case_data import DataMissingError, Subject
from segprune.pytest_plugin.own_modules import require_own_modules
from segprune.pytest_plugin.session import ERROR, NOT_MEASURED, SKIPPED, Result, session_of
from segprune.pytest_plugin.summary import VERDICT
from segprune.records.baseline import AccuracyFacts, Baseline

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
        promised = gate_budget(sizes.pruned, sizes.dense, subject.promise)
        if self._session.options.accept:
            verdict = joined([made_from_dense(subject), promised])
            self._keep("size", subject, verdict, size=sizes)
            return verdict, figures
        baseline = self._baseline()
        compared = joined(
            [
                same_case(subject, baseline),
                same_sizes(sizes, baseline.size),
                gate_size(sizes.pruned, baseline.size.pruned),
            ]
        )
        if not promised.is_green:  # no new baseline would mend that, so this is said first
            others = () if compared.is_green else compared.reasons
            return Verdict(promised.status, (*promised.reasons, *others)), figures
        return joined([promised, compared]), figures

    def _proof(self, subject: Subject) -> tuple[Verdict, Figures]:
        plan = subject.header.plan
        masked = (
            "plan: expected one that removes channels, found one that keeps them all: a mask "
            "leaves every tensor in its shape, and training fills it again",
        )
        removes = unless(() if plan.kept else masked, Status.FAIL, "removes channels")
        if self._session.options.accept:
            known = made_from_dense(subject)
        else:
            known = same_case(subject, self._baseline())
        verdict = joined([removes, known])
        if verdict.is_green:
            found = verify(subject.dense, subject.pruned, plan, subject.example, trained=True)
            violations = (f"{each.where}: {each.message} ({each.kind})" for each in found)
            verdict = unless(violations, Status.FAIL, "what its plan makes of the dense network")
        self._keep("proof", subject, verdict)
        return verdict, {}

    def _accuracy(self, subject: Subject) -> tuple[Verdict, Figures]:
        found, floors, terms = subject.pruned_evaluation, subject.floors, self._case.terms
        dense, classes = subject.dense_score, subject.dataset.classes.names
        for remark in subject.remarks:
            self._session.remark(f"{self._case.name}: {remark}")
        figures: Figures = {
            "miou": found.score.miou, "miou_floor": floors.miou, "dense_miou": dense.miou,
        }  # fmt: skip
        baseline = None if self._session.options.accept else self._baseline()
        if baseline is None:
            same = made_from_dense(subject)
        else:
            same = joined(
                [
                    same_case(subject, baseline),
                    same_data(subject, baseline),
                    same_floors(floors, dense, baseline),
                ]
            )
        same = joined([same, same_images(subject)])
        if not same.is_green:
            return same, figures
        difference = bootstrap_difference(
            subject.dense_evaluation.matrix, found.matrix, subject.sequences.labels,
            basis=subject.sequences.words,
        )  # fmt: skip
        figures |= {
            "loss": difference.loss, "loss_high": difference.high,
            "detectable": difference.detectable, "blocks": difference.blocks,
            "sequences": difference.sequences, "images": len(found.names),
            "supports_claims": difference.supports_claims,
        }  # fmt: skip
        verdicts = [
            gate_dense(dense.miou, terms.dense_miou),
            gate_floors(found.score, classes, dense.miou, floors),
        ]
        if terms.claim is not None:
            verdicts.append(gate_difference(difference, terms.claim))
        if baseline is None:
            verdict = joined(verdicts)
            counts = counts_as_text(found.matrix, found.names)
            self._keep(
                "accuracy", subject, verdict,
                network=subject.network_facts, data=subject.data_facts, floors=floors,
                accuracy=AccuracyFacts(found.score, dense, counts),
            )  # fmt: skip
            return verdict, figures
        expected = counts_from_text(baseline.accuracy.per_image, len(classes), baseline.data.void)
        same_weights = gate_determinism(found.matrix, expected, found.names, terms.tolerance)
        return joined([same_weights, *verdicts]), figures

    # -- what it is judged against -----------------------------------------------------------------

    def _baseline(self) -> Baseline:
        return read_baseline(self._case.baseline, self._case.name)

    # -- what comes of it --------------------------------------------------------------------------

    def _subject(self) -> Subject:
        known = self._session.subjects
        if self._case.name not in known or known[self._case.name].case != self._case:
            known[self._case.name] = Subject(self._case, self._session.options.data)
        return known[self._case.name]  # type: ignore[no-any-return]

    def _keep(self, gate: str, subject: Subject, verdict: Verdict, **facts: Any) -> None:
        if self._session.options.accept and verdict.is_green:
            parts = parts_of(self._session, self._case.baseline, self._case.name)
            parts.passed.add(gate)
            parts.subjects.add((subject.network_facts, self._case.terms.rule))
            if "data" in facts:
                parts.images.add(facts["data"].digest)
            parts.update(facts)

    def _judge(self, gate: str, judge: Callable[[Subject], tuple[Verdict, Figures]]) -> None:
        try:
            self._require_own_modules()
            verdict, figures = judge(self._subject())
            self._require_own_modules()  # some are imported when they are first needed
        except DataMissingError as missing:
            other = self._other_than_accepted()
            if other is None:
                self._without_data(gate, missing)
            verdict, figures = other, {}
        except SegpruneError as error:
            verdict, figures = Verdict(Status.NOT_COMPARABLE, (str(error),)), {}
        except Exception as error:  # of a user's network, say: its own traceback tells more
            self._note(gate, ERROR, (f"{type(error).__name__}: {error}",), {})
            raise
        self._note(gate, verdict.status, verdict.reasons, figures)
        self._end(gate, verdict)

    def _require_own_modules(self) -> None:
        require_own_modules(self._item, self._case.name, self._case.dense)

    def _other_than_accepted(self) -> Verdict | None:
        """Images that are not here are still to be those of the baseline."""
        if self._session.options.accept:
            return None
        try:
            baseline = self._baseline()
            found = joined([same_case(self._subject(), baseline), same_name(self._case, baseline)])
        except SegpruneError as error:
            return Verdict(Status.NOT_COMPARABLE, (str(error),))
        return None if found.is_green else found

    def _without_data(self, gate: str, missing: DataMissingError) -> NoReturn:
        if self._case.skip_without_data or not self._session.options.strict:
            self._note(gate, SKIPPED, (str(missing),), {})
            pytest.skip(str(missing))
        text = (
            f"{missing}; or let the case be skipped, with skip_without_data=True in its marker, "
            "for --segprune-strict lets nothing pass that was not judged"
        )
        self._note(gate, NOT_MEASURED, (text,), {})
        pytest.fail(f"{self._case.name}, {gate}: {NOT_MEASURED}\n  {text}", pytrace=False)

    def _note(self, gate: str, status: str, reasons: tuple[str, ...], figures: Figures) -> None:
        result = Result(self._case.name, gate, str(status), reasons, figures)
        # The way to the summary, also from worker processes, and into JUnit files.
        self._item.user_properties += [
            (VERDICT, json.dumps(asdict(result))),
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
