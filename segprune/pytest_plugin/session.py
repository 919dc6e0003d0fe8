"""What one session knows: options, results so far, what is to be accepted, and what went wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from segprune.pytest_plugin.options import Options

if TYPE_CHECKING:
    from segprune.speed import SpeedComparison

__all__ = [
    "ERROR",
    "NOT_MEASURED",
    "SKIPPED",
    "Parts",
    "Result",
    "Session",
    "Tests",
    "session_of",
]

# Besides the verdicts: what was not judged, what need not be, and a gate that broke.
NOT_MEASURED, SKIPPED, ERROR = "NOT_MEASURED", "SKIPPED", "ERROR"


@dataclass(frozen=True)
class Result:
    """A gate's verdict on a case, as reports show it.

    Attributes:
        gate: "size", "proof", "accuracy" or "speed".
        status: a `Status`, or one of the three above.
        figures: numbers by name, for the table.
    """

    case: str
    gate: str
    status: str
    reasons: tuple[str, ...]
    figures: dict[str, float]


@dataclass
class Tests:
    """Of one case: the folder of the first, the baseline, and by id which fixtures each uses."""

    folder: Path
    baseline: Path
    fixtures: dict[str, set[str]] = field(default_factory=dict)


class Parts(dict[str, Any]):
    """What is known of a baseline that is to be: facts by the names of its fields.

    `passed` are the gates that allow it; `subjects` and `images` (by digest) what they judged.
    """

    def __init__(self, case: str) -> None:
        super().__init__()
        self.case, self.passed = case, set[str]()
        self.subjects, self.images = set[Any](), set[str]()


@dataclass
class Session:
    """The one mutable thing of the plugin.

    Attributes:
        results: in the order in which tests ended.
        judged, failed: ids of tests with a verdict, and of tests that are red; `heard`: how many
            verdicts of each have been taken.
        comparisons: speeds by the id of the test that measured them.
        subjects: loaded networks and data sets by case.
        parts: what was measured of each case that is to be accepted, by its baseline's path.
        json_files: met in the folders that tests were looked for in; `unjudged`: baselines among
            them that no test judges.
        tests: the tests of each case, as collected; `folders`: the folders of all tests.
        data_asked: names of data sets in markers.
        awaited: the case of each test that must give a verdict.
        required: gates by case; `chosen`: cases of which a typed choice may leave gates out.
        baselines: the path of each case's baseline.
        in_settings: options that leave tests out and were not typed.
        speed_required: whether --benchmark-only was given, and there are cases.
        ended: whether the session got as far as its end, where what is missing is found.
        lost_workers: processes that ended without a message.
        problems: what makes the session red though no test failed.
        notes: what the summary says besides the table.
    """

    KEY: ClassVar[pytest.StashKey[Session]] = pytest.StashKey()

    options: Options
    results: list[Result] = field(default_factory=list)
    judged: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    heard: dict[str, int] = field(default_factory=dict)
    comparisons: dict[str, SpeedComparison] = field(default_factory=dict)
    subjects: dict[str, Any] = field(default_factory=dict)
    parts: dict[Path, Parts] = field(default_factory=dict)
    json_files: set[Path] = field(default_factory=set)
    unjudged: set[Path] = field(default_factory=set)
    tests: dict[str, Tests] = field(default_factory=dict)
    folders: set[Path] = field(default_factory=set)
    data_asked: set[str] = field(default_factory=set)
    awaited: dict[str, str] = field(default_factory=dict)
    required: dict[str, list[str]] = field(default_factory=dict)
    chosen: set[str] = field(default_factory=set)
    baselines: dict[str, Path] = field(default_factory=dict)
    in_settings: list[str] = field(default_factory=list)
    speed_required: bool = False
    ended: bool = False
    lost_workers: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def problem(self, text: str) -> None:
        """Make the session red, and say why, once."""
        if text not in self.problems:
            self.problems.append(text)

    def remark(self, text: str) -> None:
        """Add a sentence to the summary, once."""
        if text not in self.notes:
            self.notes.append(text)

    def as_message(self) -> dict[str, Any]:
        """Return what a worker process sends to the process that collects results; plain data."""
        return {
            "awaited": self.awaited, "required": self.required, "chosen": sorted(self.chosen),
            "baselines": {case: str(path) for case, path in self.baselines.items()},
            "unjudged": [str(path) for path in self.unjudged],
            "folders": [str(path) for path in self.folders],
            "in_settings": self.in_settings, "speed_required": self.speed_required,
            "problems": self.problems, "notes": self.notes, "data_asked": sorted(self.data_asked),
        }  # fmt: skip

    def take(self, message: dict[str, Any]) -> None:
        """Take what a worker process sends; every one of them has collected the same tests."""
        self.awaited |= message["awaited"]
        self.required |= message["required"]
        self.chosen |= set(message["chosen"])
        self.baselines |= {case: Path(path) for case, path in message["baselines"].items()}
        self.unjudged |= {Path(path) for path in message["unjudged"]}
        self.folders |= {Path(path) for path in message["folders"]}
        self.in_settings = message["in_settings"]
        self.speed_required |= message["speed_required"]
        self.data_asked |= set(message["data_asked"])
        for mine, theirs in ((self.problems, message["problems"]), (self.notes, message["notes"])):
            mine += [text for text in theirs if text not in mine]


def session_of(config: pytest.Config) -> Session:
    """The session's own."""
    return config.stash[Session.KEY]
