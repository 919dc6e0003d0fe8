"""Is this what the baseline is of? Networks, promise, images, floors, and the way of measuring.

Each difference is named with its remedy. Every gate compares all that it can see without more work
than its own.
"""

from __future__ import annotations

from collections import Counter

from segprune.core.modules import digest_of
from segprune.data.opening import NAMES
from segprune.gates.baselines.reading import MEND
from segprune.gates.verdict import Status, Verdict, joined, unless
from segprune.pytest_plugin.case import Case
from segprune.pytest_plugin.case_data import Subject
from segprune.records.baseline import Baseline, Floors, Promise, SizeFacts
from segprune.records.fingerprint import Fingerprint
from segprune.records.score import Score
from segprune.speed import SpeedInput

__all__ = [
    "made_from_dense",
    "same_case",
    "same_data",
    "same_floors",
    "same_images",
    "same_input",
    "same_name",
    "same_sizes",
]

_FLOOR_POINTS = 1e-4  # of mIoU in [0, 1]: what another machine's rounding may move a floor by

Difference = tuple[str, object, object]
"""What, as it is in the baseline, as it was found here."""


def made_from_dense(subject: Subject) -> Verdict:
    """Whether the artefact's plan is one for this dense network, by names and shapes of tensors."""
    planned, dense = subject.header.plan.network, digest_of(subject.dense)
    problem = (
        f"plan of {subject.case.artifact.name}: expected one made for the dense network of the "
        f"marker ({dense[:16]}), found one for another ({planned[:16]}); give the dense network "
        "that was pruned, or prune this one",
    )
    return unless(() if planned == dense else problem, Status.FAIL, "pruned from the dense network")


def same_case(subject: Subject, baseline: Baseline) -> Verdict:
    """By digests of the artefact, its plan and the dense network's weights, and by the promise."""
    here, there = subject.network_facts, baseline.network
    differences = _others(
        ("network", there.network, here.network),
        ("artefact", there.artifact_digest, here.artifact_digest),
        ("plan", there.plan, here.plan),
        ("dense network's weights", there.dense_weights, here.dense_weights),
    )
    return joined(
        [
            made_from_dense(subject),
            unless(differences, Status.NOT_COMPARABLE, "the baseline's networks"),
            _same_promise(subject.promise, baseline.floors),
        ]
    )


def same_data(subject: Subject, baseline: Baseline) -> Verdict:
    """By name, split, class map, void rule, preprocessing, and a digest of images and labels."""
    here, there = subject.data_facts, baseline.data
    differences = _differences(
        ("data set", there.name, here.name),
        ("data split", there.split, here.split),
        ("data images", there.images, here.images),
        ("data digest", there.digest[:16], here.digest[:16]),
        ("data classes", there.classes, here.classes),
        ("data void", there.void, here.void),
        ("data preprocessing", there.preprocessing, here.preprocessing),
    )
    if there.sequences:  # a file of an older version does not say
        differences += _differences(("data sequences", there.sequences, here.sequences))
    if not differences and tuple(baseline.accuracy.per_image) != subject.pruned_evaluation.names:
        differences = (f"data: expected the baseline's images, found others; {MEND}",)
    return unless(differences, Status.NOT_COMPARABLE, "the baseline's images")


def same_images(subject: Subject) -> Verdict:
    """Whether both networks saw the same images, each under a name of its own.

    A data set that draws its views anew each time gives floors that are those of other images.
    """
    names = subject.pruned_evaluation.names
    problems = [
        f"data: expected a name of its own for each image, found {name!r} {count} times; correct "
        "the data set"
        for name, count in Counter(names).most_common(1)
        if count > 1
    ]
    if subject.pruned_evaluation.data != subject.dense_evaluation.data:
        problems.append(
            "data: expected the same images for the pruned and for the dense network, found others "
            "when they were read again; switch off whatever is drawn anew"
        )
    return unless(problems, Status.NOT_COMPARABLE, "the same images for both networks")


def same_name(case: Case, baseline: Baseline) -> Verdict:
    """Of a data set that is not on this machine: what its marker says of it.

    Of a function, which opens what it likes, nothing can be said.
    """
    there = baseline.data
    differences: tuple[str, ...] = ()
    if isinstance(case.data, str):
        differences = _differences(
            ("data set", there.name, case.data if case.data in NAMES else "folder"),
            ("data split", there.split, case.split),
            ("data images", there.images, there.images if case.count is None else case.count),
        )
    return unless(differences, Status.NOT_COMPARABLE, "the baseline's images, by name")


def same_sizes(now: SizeFacts, then: SizeFacts) -> Verdict:
    """Of the dense network, and of the image both are counted for."""
    differences = _differences(
        ("input of size", then.input, now.input),
        ("dense network's parameters", then.dense.params, now.dense.params),
        ("dense network's MACs", then.dense.macs, now.dense.macs),
        (
            "dense network's activation bytes",
            then.dense.activation_bytes,
            now.dense.activation_bytes,
        ),
    )
    return unless(differences, Status.NOT_COMPARABLE, "the baseline's dense size")


def same_floors(now: Floors, dense: Score, baseline: Baseline) -> Verdict:
    """Floors follow from the promise and the dense network; a baseline keeps what both were."""
    then = baseline.floors
    points: list[tuple[str, float | None, float | None]] = [
        ("floor of mIoU", then.miou, now.miou),
        ("dense network's mIoU", baseline.accuracy.dense.miou, dense.miou),
    ]
    points += [
        (f"floor of {name}", then.class_iou.get(name), now.class_iou.get(name))
        for name in {**then.class_iou, **now.class_iou}
    ]
    points += [
        (f"dense network's IoU of {name}", one, other)
        for name, one, other in zip(
            now.class_iou, baseline.accuracy.dense.class_iou, dense.class_iou, strict=True
        )
        # A class whose floor moved with it has been named.
        if _close(then.class_iou.get(name), now.class_iou.get(name))
    ]
    problems = [
        f"{what}: expected {_points(one)} as in the baseline, found {_points(other)}"
        for what, one, other in points
        if not _close(one, other)
    ]
    if problems:
        problems.append(f"these follow from the policy and the dense network; {MEND}")
    return unless(problems, Status.NOT_COMPARABLE, "the baseline's floors")


def same_input(now: SpeedInput, threads: int, then: Fingerprint) -> Verdict:
    """How speed is measured, wherever that is."""
    differences = _differences(
        ("speed input", then.input, now.size),
        ("speed memory format", then.memory_format, now.memory_format),
        ("speed threads", then.threads, threads),
    )
    return unless(differences, Status.NOT_COMPARABLE, "measured as in the baseline")


def _same_promise(now: Promise, then: Promise) -> Verdict:
    differences = _differences(
        ("policy", *_clauses(then.rule, now.rule)),
        ("least speed-up", then.speedup, now.speedup),
        ("owed share of the dense mIoU", then.miou_ratio, now.miou_ratio),
        ("most MACs", then.most_macs, now.most_macs),
        ("most parameters", then.most_params, now.most_params),
    )
    return unless(differences, Status.NOT_COMPARABLE, "the baseline's promise")


def _clauses(then: str, now: str) -> tuple[str, str]:
    """Where two promises differ: whole ones are long, and most often only a number is another."""
    before, after = then.split(", "), now.split(", ")
    gone = ", ".join(words for words in before if words not in after)
    come = ", ".join(words for words in after if words not in before)
    return (gone or "nothing of that", come or "nothing of that") if gone or come else (then, now)


def _others(*triples: tuple[str, str, str]) -> tuple[str, ...]:
    """Of files: more often than not the wrong one lies there."""
    return tuple(
        f"{what}: expected {one[:16]} as in the baseline, found {other[:16]}; put the right file "
        f"there or, if this is the one you mean, {MEND}"
        for what, one, other in triples
        if one != other
    )


def _differences(*triples: Difference) -> tuple[str, ...]:
    return tuple(
        f"{what}: expected {one!r} as in the baseline, found {other!r}; {MEND}"
        for what, one, other in triples
        if one != other
    )


def _close(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= _FLOOR_POINTS


def _points(share: float | None) -> str:
    return "none" if share is None else f"{100 * share:.2f}"
