"""What one session knows: options, results so far, what is to be accepted, and what went wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from segprune.pytest_plugin.options import Options

if TYPE_CHECKING:
    from segprune.pytest_plugin.acceptance import Parts
    from segprune.speed import SpeedComparison

__all__ = ["Result", "Session", "session_of"]


@dataclass(frozen=True)
class Result:
    """A gate's verdict on a case, as reports show it.

    Attributes:
        gate: "size", "proof", "accuracy" or "speed".
        status: a `Status`, or NOT_MEASURED.
        figures: numbers by name, for the table.
    """

    case: str
    gate: str
    status: str
    reasons: tuple[str, ...]
    figures: dict[str, float]


@dataclass
class Session:
    """The one mutable thing of the plugin.

    Attributes:
        results: in the order in which tests ended.
        comparisons: speeds by the id of the test that measured them.
        subjects: loaded networks and data sets by case.
        parts: what was measured of each case that is to be accepted, by its baseline's path.
        problems: what makes the session red though no test failed.
        notes: what the summary says besides the table.
        speed_owed: whether --benchmark-only was given, and there are speed gates to run.
    """

    KEY: ClassVar[pytest.StashKey[Session]] = pytest.StashKey()

    options: Options
    results: list[Result] = field(default_factory=list)
    comparisons: dict[str, SpeedComparison] = field(default_factory=dict)
    subjects: dict[str, Any] = field(default_factory=dict)
    parts: dict[Path, Parts] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    speed_owed: bool = False

    def finish(self) -> bool:
        """Write what was accepted and what was asked for; whether the session must be red."""
        if self.speed_owed and not any(result.gate == "speed" for result in self.results):
            self.problems.append(
                "speed was asked for with --benchmark-only, and no speed gate ran: nothing was "
                "measured"
            )
        if self.options.accept:
            from segprune.pytest_plugin.acceptance import write

            write(self)
        if self.options.report is not None and self.results:
            from segprune.pytest_plugin.reporting import write_report

            write_report(self, self.options.report)
        return bool(self.problems)


def session_of(config: pytest.Config) -> Session:
    """The session's own."""
    return config.stash[Session.KEY]
