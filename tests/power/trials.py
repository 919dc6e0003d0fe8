"""Fresh trials of the speed gate on this machine: how often is it wrong, and how soon is it right?

    python -m power.trials            all kinds, from the folder tests/
    python -m power.trials loaded-5   one kind

Each trial builds both networks anew, in a new place of the memory, and gates the candidate as a
regression. A candidate that is slower by so many percent does the same work, and then waits for
that share of the time that it just took. One JSON line a trial, appended to `record.jsonl`, the
first of each run with the machine it was made on; run again, it goes on where it stopped. Nothing
else should run meanwhile.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

import segprune
from power.neighbour import noisy_neighbour
from segprune.gates.speed import gate_speed
from segprune.records.environment import environment

__all__ = ["KINDS", "RECORD", "Kind", "Slower", "run"]

RECORD = Path(__file__).parent / "record.jsonl"
INPUT = (1, 3, 128, 256)


@dataclass(frozen=True)
class Kind:
    """So many trials of a candidate that is `slower` (a share), beside a neighbour or alone."""

    trials: int
    slower: float
    loaded: bool


KINDS = {
    "quiet-0": Kind(300, 0.0, False),
    "loaded-0": Kind(300, 0.0, True),
    "quiet-5": Kind(200, 0.05, False),
    "loaded-5": Kind(200, 0.05, True),
    "loaded-6": Kind(100, 0.06, True),
    "loaded-10": Kind(200, 0.10, True),
}


class Slower(nn.Module):
    """A network that takes longer, by a known share of its own time."""

    def __init__(self, inner: nn.Module, share: float) -> None:
        super().__init__()
        self.inner, self.share = inner, share

    def forward(self, images: Tensor) -> Tensor:
        begin = time.perf_counter()
        logits: Tensor = self.inner(images)
        now = time.perf_counter()
        end = now + self.share * (now - begin)
        while time.perf_counter() < end:
            pass
        return logits


def trial(kind: Kind, number: int) -> dict[str, object]:
    """One trial; `seconds` is the whole gate's time."""
    torch.manual_seed(number)
    reference = segprune.build("bisenetv2", num_classes=11, width=0.5, aux=False).eval()
    candidate = segprune.build("bisenetv2", num_classes=11, width=0.5, aux=False).eval()
    candidate.load_state_dict(reference.state_dict())
    images = torch.randn(INPUT)
    one, other = Slower(reference, 0.0).eval(), Slower(candidate, kind.slower).eval()
    with noisy_neighbour(number) if kind.loaded else contextlib.nullcontext():
        begin = time.monotonic()
        verdict = gate_speed(one, other, images, floor=1.0, role="regression", seed=number)
        seconds = time.monotonic() - begin
    found = verdict.comparison
    assert found is not None
    return {
        "trial": number, "status": str(verdict.status), "speedup": round(found.speedup, 5),
        "low": round(found.low, 5), "high": round(found.high, 5), "pairs": found.pairs,
        "ms": round(found.reference_ms, 3), "seconds": round(seconds, 2),
    }  # fmt: skip


def run(names: list[str], record: Path = RECORD) -> None:
    """Run what is missing of these kinds."""
    done = _done(record)
    machine: dict[str, object] = {"environment": {**vars(environment())}, "torch_threads": 1}
    with record.open("a", encoding="utf-8") as stream:
        for name in names:
            kind = KINDS[name]
            for number in range(kind.trials):
                if (name, number) in done:
                    continue
                line = {"kind": name, **trial(kind, number), **machine}
                machine = {}  # once a run: what follows was made on the same machine
                stream.write(json.dumps(line, default=list) + "\n")
                stream.flush()
                print(name, number + 1, "of", kind.trials, line["status"], line["seconds"], "s")


def _done(record: Path) -> set[tuple[str, int]]:
    if not record.exists():
        return set()
    lines = record.read_text(encoding="utf-8").splitlines()
    return {(line["kind"], line["trial"]) for line in map(json.loads, lines)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m power.trials", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS)}")
    kinds = parser.parse_args().kinds
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        parser.error(f"expected kinds out of {', '.join(KINDS)}, found {', '.join(unknown)}")
    run(kinds or list(KINDS))
