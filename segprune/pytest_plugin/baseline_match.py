"""Compare a case with its baseline: networks, targets, images, floors, and way of measuring.

Each difference is named with its remedy. Every gate compares all that it can see without more work
than its own.
"""

from __future__ import annotations

from collections import Counter

from segprune.core.modules import digest_of
from segprune.data.opening import NAMES
from segprune.gates.baselines.reading import MEND
from segprune.gates.verdict import Status, Verdict, joined, unless
from segprune.pytest_plugin.case_data import CaseData
from segprune.pytest_plugin.marker import Case
from segprune.records.baseline import Baseline, Floors, SizeFacts, Targets
from segprune.records.environment import Fingerprint
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

_FLOOR_POINTS = 1e-4  # of mIoU in [0, 1]: how far another machine's rounding may move a floor

Difference = tuple[str, object, object]
"""What is compared, its value in the baseline, and the value found here."""


def made_from_dense(data: CaseData) -> Verdict:
    """Judge whether the artefact's plan was made for this dense network, by tensors' shapes."""
    planned, dense = data.header.plan.network, digest_of(data.dense)
    problem = (
        f"plan of {data.case.artifact.name}: expected one made for the dense network of the "
        f"marker ({dense[:16]}), found one for another ({planned[:16]}); give the dense network "
        "that was pruned, or prune this one",
    )
    return unless(() if planned == dense else problem, Status.FAIL, "pruned from the dense network")


def same_case(data: CaseData, baseline: Baseline) -> Verdict:
    """Compare the digests of artefact, plan and dense weights, and the targets."""
    here, there = data.network_facts, baseline.network
    differences = _other_files(
        ("network", there.network, here.network),
        ("artefact", there.artifact_digest, here.artifact_digest),
        ("plan", there.plan, here.plan),
        ("dense network's weights", there.dense_weights, here.dense_weights),
    )
    return joined(
        [
            made_from_dense(data),
            unless(differences, Status.NOT_COMPARABLE, "the baseline's networks"),
            _same_targets(data.targets, baseline.floors),
        ]
    )


def same_data(data: CaseData, baseline: Baseline) -> Verdict:
    """Compare name, split, class map, void, preprocessing, and a digest of images and labels."""
    here, there = data.data_facts, baseline.data
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
    if not differences and tuple(baseline.accuracy.per_image) != data.pruned_evaluation.names:
        differences = (f"data: expected the baseline's images, found others; {MEND}",)
    return unless(differences, Status.NOT_COMPARABLE, "the baseline's images")


def same_images(data: CaseData) -> Verdict:
    """Judge whether both networks saw the same images, each under a name of its own.

    A data set that draws its views anew each time gives floors that are those of other images.
    """
    names = data.pruned_evaluation.names
    problems = [
        f"data: expected a name of its own for each image, found {name!r} {count} times; correct "
        "the data set"
        for name, count in Counter(names).most_common(1)
        if count > 1
    ]
    if data.pruned_evaluation.data != data.dense_evaluation.data:
        problems.append(
            "data: expected the same images for the pruned and for the dense network, found others "
            "when they were read again; switch off whatever is drawn anew"
        )
    return unless(problems, Status.NOT_COMPARABLE, "the same images for both networks")


def same_name(case: Case, baseline: Baseline) -> Verdict:
    """Compare what the marker says of a data set that is missing on this machine.

    A function may open any data set, so nothing is compared for it.
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
    """Compare the dense network's counts, and the image that both networks are counted for."""
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
    """Compare the floors, and the dense network's IoUs, that a baseline keeps."""
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
    """Compare how speed is measured, on whatever machine."""
    differences = _differences(
        ("speed input", then.input, now.size),
        ("speed memory format", then.memory_format, now.memory_format),
        ("speed threads", then.threads, threads),
    )
    return unless(differences, Status.NOT_COMPARABLE, "measured as in the baseline")


def _same_targets(now: Targets, then: Targets) -> Verdict:
    differences = _differences(
        ("policy", *_clauses(then.rule, now.rule)),
        ("least speed-up", then.speedup, now.speedup),
        ("required share of the dense mIoU", then.miou_ratio, now.miou_ratio),
        ("most MACs", then.most_macs, now.most_macs),
        ("most parameters", then.most_params, now.most_params),
    )
    return unless(differences, Status.NOT_COMPARABLE, "the baseline's targets")


def _clauses(then: str, now: str) -> tuple[str, str]:
    """Return the clauses in which two rules differ; most often it is a single number."""
    before, after = then.split(", "), now.split(", ")
    gone = ", ".join(clause for clause in before if clause not in after)
    come = ", ".join(clause for clause in after if clause not in before)
    return (gone or "nothing of that", come or "nothing of that") if gone or come else (then, now)


def _other_files(*triples: tuple[str, str, str]) -> tuple[str, ...]:
    """Name the digests that differ; most often the wrong file lies there."""
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
