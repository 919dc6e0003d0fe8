"""Read a baseline, and refuse one that was changed: its figures must follow from its raw counts.

An edited floor, score or speed-up no longer fits the raw counts and pairs beside it. A consistent
edit shows in the difference that a reviewer reads.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from segprune.errors import ArtifactError, SegpruneError
from segprune.gates.baselines.counts import counts_from_text
from segprune.records.baseline import Baseline
from segprune.records.io import read_record
from segprune.records.score import Score
from segprune.speed.comparison import SEQUENTIAL_CONFIDENCE, wrong_figure
from segprune.speed.statistics import LOOKS, least_count

__all__ = ["MEND", "read_baseline"]

FIRST = "accept it: pytest --segprune-accept"
MEND = "accept it anew: pytest --segprune-accept"
_CLOSE = 1e-9
_LEAST_PAIRS = min(least_count(1 - look.error) for look in LOOKS)


def read_baseline(path: Path, case: str) -> Baseline:
    """Read the baseline of a case.

    Raises:
        ArtifactError: as for `read_record`; another case; a number that is zero and cannot be;
            figures that do not follow from the counts and pairs; too few pairs.
    """
    if not path.is_file():
        raise ArtifactError(
            f"{path}: expected the baseline of {case}, found no such file; {FIRST}."
        )
    found = read_record(Baseline, path)
    problem = next(_problems(found, case), None)
    if problem is not None:
        raise ArtifactError(f"{path}: {problem}; restore the file, or {MEND}.")
    return found


def _problems(found: Baseline, case: str) -> Iterator[str]:
    if found.case != case:
        yield f"case: expected {case!r}, found {found.case!r}: the file was renamed or copied"
    yield from _not_positive(found)
    yield from _wrong_accuracy(found)
    yield from _wrong_speed(found)
    yield from _never_accepted(found)
    if found.speed.fingerprint.digest != found.speed.fingerprint_digest:
        yield "speed.fingerprint_digest: expected that of the fingerprint beside it, found another"
    yield from _wrong_history(found)


def _wrong_history(found: Baseline) -> Iterator[str]:
    if not found.accepted:
        yield "accepted: expected how it came about, found nothing"
    for number, entry in enumerate(found.accepted):
        where = f"accepted[{number}]"
        if not (entry.segprune.strip() and entry.torch.strip()):
            yield f"{where}: expected the versions that wrote it, found none"
        if bool(entry.lowered) != bool(entry.because and entry.because.strip()):
            yield f"{where}: expected a reason with what was lowered, and none without, found one"


def _not_positive(found: Baseline) -> Iterator[str]:
    size, floors, speed = found.size, found.floors, found.speed.comparison
    positive = {
        "size.pruned.params": size.pruned.params,
        "size.pruned.macs": size.pruned.macs,
        "size.dense.params": size.dense.params,
        "size.dense.macs": size.dense.macs,
        "floors.miou": floors.miou,
        "floors.speedup": floors.speedup,
        "data.images": found.data.images,
        "speed.threads": speed.threads,
    }
    for where, number in positive.items():
        if not number > 0:
            yield f"{where}: expected a number above 0, found {number}"
    for number, pair in enumerate(speed.samples):
        if not min(pair.reference_ms, pair.candidate_ms) > 0:
            yield f"speed.comparison.samples[{number}]: expected times above 0, found {pair}"
            return
    if size.pruned.macs >= size.dense.macs and size.pruned.params >= size.dense.params:
        yield (
            "size: expected a pruned network smaller than the dense one, found "
            f"{size.pruned.macs:,} of {size.dense.macs:,} MACs: the two are swapped, or nothing "
            "was removed"
        )


def _wrong_accuracy(found: Baseline) -> Iterator[str]:
    classes = len(found.data.classes)
    if not len(found.accuracy.per_image) == found.data.images == found.accuracy.score.images:
        yield (
            f"accuracy.per_image: expected counts of {found.data.images} images, found "
            f"{len(found.accuracy.per_image)}"
        )
        return
    try:
        score = counts_from_text(found.accuracy.per_image, classes, found.data.void).score()
    except SegpruneError as error:
        yield f"accuracy.per_image: {error}"
        return
    if not _same_score(score, found.accuracy.score):
        yield (
            f"accuracy.score: expected what the counts of its images give, "
            f"{100 * score.miou:.4f}, found {100 * found.accuracy.score.miou:.4f}"
        )
    if tuple(found.floors.class_iou) != found.data.classes:
        yield "floors.class_iou: expected the classes of the data, found others"
    dense = found.accuracy.dense
    if len(dense.class_iou) != classes:
        yield f"accuracy.dense: expected {classes} classes, found {len(dense.class_iou)}"


def _wrong_speed(found: Baseline) -> Iterator[str]:
    speed, fingerprint = found.speed.comparison, found.speed.fingerprint
    for where, expected, value, like in (
        ("comparison.confidence", SEQUENTIAL_CONFIDENCE, speed.confidence, "as of every gate"),
        ("comparison.threads", fingerprint.threads, speed.threads, "as in the fingerprint"),
        ("input", fingerprint.input, found.speed.input, "as in the fingerprint"),
    ):
        if value != expected:
            yield f"speed.{where}: expected {expected}, {like}, found {value}"
            return
    if len(speed.samples) < _LEAST_PAIRS:
        yield (
            f"speed.comparison.samples: expected at least {_LEAST_PAIRS} pairs, found "
            f"{len(speed.samples)}"
        )
        return
    looked = next((look for look in LOOKS if look.pairs >= len(speed.samples)), LOOKS[-1])
    wrong = wrong_figure(speed, at_this_look=1 - looked.error)
    if wrong is not None:
        name, computed, stated = wrong
        yield (
            f"speed.comparison.{name}: expected what its pairs give ({computed:.6g}), found "
            f"{stated:.6g}: edited, or the two networks are swapped"
        )


def _never_accepted(found: Baseline) -> Iterator[str]:
    """A case that misses its own floors was not accepted like this, however consistent it is."""
    floors, score, size = found.floors, found.accuracy.score, found.size.pruned
    for where, number, least in (
        ("speed.comparison.low", found.speed.comparison.low, floors.speedup),
        ("accuracy.score.miou", score.miou, floors.miou),
    ):
        if not number >= least - _CLOSE:
            yield f"{where}: expected at least its floor {least:.6g}, found {number:.6g}"
    for where, count, most in (
        ("size.pruned.macs", size.macs, floors.most_macs),
        ("size.pruned.params", size.params, floors.most_params),
    ):
        if most is not None and count > most:
            yield f"{where}: expected at most its limit {most:,}, found {count:,}"


def _same_score(one: Score, other: Score) -> bool:
    first, second = ((score.miou, score.pixel_accuracy, *score.class_iou) for score in (one, other))
    return len(first) == len(second) and all(
        a == b or (a is not None and b is not None and math.isclose(a, b, rel_tol=_CLOSE))
        for a, b in zip(first, second, strict=True)
    )
