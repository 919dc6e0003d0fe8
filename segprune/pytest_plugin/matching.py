"""Is this what the baseline is of? Networks, images and floors, each difference with its remedy."""

from __future__ import annotations

from segprune.baselines.reading import MEND
from segprune.baselines.record import Baseline
from segprune.gates.floors import Floors
from segprune.gates.verdict import Status, Verdict, unless
from segprune.pytest_plugin.subject import Subject

__all__ = ["same_data", "same_floors", "same_network"]

_FLOOR_POINTS = 1e-4  # of mIoU in [0, 1]: what another machine's rounding may move a floor by


def same_network(subject: Subject, baseline: Baseline) -> Verdict:
    """By digests of the artefact, its plan and the dense network's weights."""
    here, there = subject.network_facts, baseline.network
    differences = tuple(
        f"{what}: expected {expected[:16]} as in the baseline, found {found[:16]}; {MEND}"
        for what, expected, found in (
            ("network", there.network, here.network),
            ("artefact", there.artifact_digest, here.artifact_digest),
            ("plan", there.plan, here.plan),
            ("dense network's weights", there.dense_weights, here.dense_weights),
        )
        if expected != found
    )
    return unless(differences, Status.NOT_COMPARABLE, "the baseline's networks")


def same_data(subject: Subject, baseline: Baseline) -> Verdict:
    """By name, split, class map, void rule, preprocessing, and a digest of images and labels."""
    here, there = subject.data_facts, baseline.data
    differences = tuple(
        f"data {what}: expected {expected!r} as in the baseline, found {found!r}; {MEND}"
        for what, expected, found in (
            ("set", there.name, here.name),
            ("split", there.split, here.split),
            ("images", there.images, here.images),
            ("digest", there.digest[:16], here.digest[:16]),
            ("classes", there.classes, here.classes),
            ("void", there.void, here.void),
            ("preprocessing", there.preprocessing, here.preprocessing),
        )
        if expected != found
    )
    if not differences and tuple(baseline.accuracy.per_image) != subject.pruned_evaluation.names:
        differences = (f"data: expected the baseline's images, found others; {MEND}",)
    return unless(differences, Status.NOT_COMPARABLE, "the baseline's images")


def same_floors(now: Floors, then: Floors) -> Verdict:
    """Floors follow from the policy and the dense network; a baseline keeps what they were."""
    problems = []
    if now.rule != then.rule:
        problems.append(f"policy: expected {then.rule!r} as in the baseline, found {now.rule!r}")
    pairs: list[tuple[str, float | None, float | None]] = [("mIoU", now.miou, then.miou)]
    pairs += [
        (name, now.class_iou.get(name), then.class_iou.get(name))
        for name in {**now.class_iou, **then.class_iou}
    ]
    for name, one, other in pairs:
        if (one is None) != (other is None) or (
            one is not None and other is not None and abs(one - other) > _FLOOR_POINTS
        ):
            problems.append(
                f"floor of {name}: expected {_points(one)}, which follows from the policy and the "
                f"dense network, found {_points(other)} in the baseline"
            )
    if (now.most_macs, now.most_params) != (then.most_macs, then.most_params):
        problems.append(
            f"limits of size: expected {now.most_macs} MACs and {now.most_params} parameters, "
            f"found {then.most_macs} and {then.most_params} in the baseline"
        )
    mended = (f"{problem}; {MEND}" for problem in problems)
    return unless(mended, Status.NOT_COMPARABLE, "the baseline's floors")


def _points(share: float | None) -> str:
    return "none" if share is None else f"{100 * share:.2f}"
