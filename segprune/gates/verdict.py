"""What a gate says, and why. Only PASS is green."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Status", "Verdict", "joined", "unless"]


class Status(StrEnum):
    """What a gate decides."""

    PASS = "PASS"
    FAIL = "FAIL"
    # The interval contains the limit, or there is too little to measure.
    INCONCLUSIVE = "INCONCLUSIVE"
    # There is no baseline, or the networks, images or targets are different ones.
    NOT_COMPARABLE = "NOT_COMPARABLE"


_ORDER = (Status.NOT_COMPARABLE, Status.FAIL, Status.INCONCLUSIVE, Status.PASS)


@dataclass(frozen=True)
class Verdict:
    """What a gate decides, and why.

    Attributes:
        reasons: sentences: what was expected, what was found and what to do. A PASS has reasons,
            too: what was compared.
    """

    status: Status
    reasons: tuple[str, ...]

    @property
    def is_green(self) -> bool:
        """Whether this passes."""
        return self.status is Status.PASS


def unless(problems: Iterable[str], status: Status, passed: str) -> Verdict:
    """Return PASS for the reason `passed`, or this status if there are problems."""
    found = tuple(problems)
    return Verdict(status, found) if found else Verdict(Status.PASS, (passed,))


def joined(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst status of several gates and all reasons that are not PASS, worst first.

    Without any gate, the status is NOT_COMPARABLE.
    """
    found = tuple(verdicts)
    if not found:
        return Verdict(Status.NOT_COMPARABLE, ("nothing was compared",))
    by_status = {status: [v for v in found if v.status is status] for status in _ORDER}
    worst = next(status for status in _ORDER if by_status[status])
    shown = [worst] if worst is Status.PASS else [s for s in _ORDER if s is not Status.PASS]
    return Verdict(
        worst, tuple(r for status in shown for v in by_status[status] for r in v.reasons)
    )
