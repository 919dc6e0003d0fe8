"""Accept a baseline. No baseline is lowered without a reason.

Callers judge the policy first: what it does not allow is never accepted.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from segprune.errors import ArtifactError, InputError
from segprune.gates.baselines.best import best_after, best_of, figures_of, words_of, worse
from segprune.gates.baselines.reading import read_baseline
from segprune.records.baseline import Acceptance, Baseline
from segprune.records.environment import environment
from segprune.records.io import write_record

__all__ = ["accept", "lowered"]


def accept(path: Path, baseline: Baseline, because: str | None = None) -> Baseline:
    """Write a baseline, in place of an earlier one if there is one.

    Args:
        baseline: its `accepted` is replaced by the file's entries and a new one, and its `best` by
            the better of the file's figures and the new ones.
        because: a reason; needed where something is lowered, and kept in the file.

    Raises:
        InputError: something is lowered and no reason was given; every such thing is named.
        ArtifactError: the file cannot be written.
    """
    if path.is_symlink():
        path = path.resolve()  # what it leads to is replaced, and not the link
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ArtifactError(
            f"{path.parent}: expected a folder for baselines, found {error.strerror or error}; "
            "make one, or name another with baselines=."
        ) from error
    old: Baseline | None = None
    less: tuple[str, ...] = ()
    if path.exists():
        try:
            old = read_baseline(path, baseline.case)
        except ArtifactError as error:
            reason = str(error).replace(str(path), path.name)  # files are shared, folders are not
            less = (f"the baseline that is there cannot be compared with: {reason}",)
        else:
            less = lowered(old, baseline)
    if less and not (because and because.strip()):
        raise InputError(
            f"{baseline.case}: expected a reason to lower its baseline, found none; "
            f'add --because "…" if it is meant. It would lower: {"; ".join(less)}'
        )
    here = environment()
    entry = Acceptance(here.segprune, here.torch, because if less else None, less)
    history = () if old is None else old.accepted
    written = dataclasses.replace(
        baseline, accepted=(*history, entry), best=best_after(old, baseline)
    )
    write_record(path, written)
    return written


def lowered(old: Baseline, new: Baseline) -> tuple[str, ...]:
    """Return a sentence for each figure that a new baseline lowers below what was accepted.

    Figures are compared with the best accepted ones, so that many small steps count together.
    """
    less = []
    own, best = figures_of(old), best_of(old)
    for name, now in worse(best, new).items():
        after = new.speed.comparison.speedup if name == "speed-up" else now
        before = words_of(name, best[name])
        if best[name] != own.get(name):
            before += " (the best accepted)"
        elif name == "speed-up":
            before = words_of(name, old.speed.comparison.speedup)
        less.append(f"{name} from {before} to {words_of(name, after)}")
    if new.floors.rule != old.floors.rule:
        less.append(f"the target from {old.floors.rule!r} to {new.floors.rule!r}")
    for name in ("most_macs", "most_params"):
        before, after = getattr(old.floors, name), getattr(new.floors, name)
        if before is not None and (after is None or after > before):
            less.append(f"{name} from {before:,} to {'no limit' if after is None else after}")
    for name, one, other in (
        ("dense network", *(each.network.dense_weights[:12] for each in (old, new))),
        ("images", _images(old), _images(new)),
        ("sequences", old.data.sequences or new.data.sequences, new.data.sequences),
        ("input of speed", *(str(each.speed.input) for each in (old, new))),
        ("memory format of speed", *(each.speed.fingerprint.memory_format for each in (old, new))),
    ):
        if one != other:
            less.append(f"{name} from {one} to {other}")
    if new.floors.speedup < old.floors.speedup:
        less.append(f"least speed-up from ×{old.floors.speedup:g} to ×{new.floors.speedup:g}")
    return tuple(less)


def _images(baseline: Baseline) -> str:
    data = baseline.data
    return f"{data.images} of {data.name}, {data.split} ({data.digest[:12]})"
