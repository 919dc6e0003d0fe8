"""What a gate says, and why. Only PASS is green."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Status", "Verdict", "joined", "unless"]


class Status(StrEnum):
    """PASS; FAIL; INCONCLUSIVE, what was measured decides neither way; NOT_COMPARABLE, there is
    nothing to measure against, or something else than what was asked for."""

    PASS = "PASS"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    NOT_COMPARABLE = "NOT_COMPARABLE"


_ORDER = (Status.NOT_COMPARABLE, Status.FAIL, Status.INCONCLUSIVE, Status.PASS)


@dataclass(frozen=True)
class Verdict:
    """A gate's answer.

    Attributes:
        reasons: one sentence each: what was expected, what was found and, where a user can do
            something about it, what. A PASS has some too: what was compared.
    """

    status: Status
    reasons: tuple[str, ...]

    @property
    def is_green(self) -> bool:
        """Whether this passes."""
        return self.status is Status.PASS


def unless(problems: Iterable[str], status: Status, passed: str) -> Verdict:
    """PASS, for the reason `passed`, unless there are problems, which have this status."""
    found = tuple(problems)
    return Verdict(status, found) if found else Verdict(Status.PASS, (passed,))


def joined(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst status of several gates, and the reasons of all that do not pass, worst first.

    No gate at all is no PASS.
    """
    found = tuple(verdicts)
    if not found:
        return Verdict(Status.NOT_COMPARABLE, ("nothing was compared",))
    by_status = {status: [v for v in found if v.status is status] for status in _ORDER}
    worst = next(status for status in _ORDER if by_status[status])
    told = [worst] if worst is Status.PASS else [s for s in _ORDER if s is not Status.PASS]
    return Verdict(worst, tuple(r for status in told for v in by_status[status] for r in v.reasons))
