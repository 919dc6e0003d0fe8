"""The state of one session: its options, its results, what is required, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from segprune.pytest_plugin.options import Options
from segprune.pytest_plugin.results import Result

if TYPE_CHECKING:
    from segprune.pytest_plugin.case_data import CaseData
    from segprune.speed import SpeedComparison

__all__ = ["CaseTests", "NewBaseline", "Session", "is_worker", "session_of"]


@dataclass
class CaseTests:
    """The collected tests of one case.

    Attributes:
        folder: of the first test.
        baseline: the file of the case's baseline.
        fixtures: the gates' fixtures that each test uses, by the test's id.
    """

    folder: Path
    baseline: Path
    fixtures: dict[str, set[str]] = field(default_factory=dict)


@dataclass
class NewBaseline:
    """A baseline that --segprune-accept may write.

    Attributes:
        facts: what was measured, by the names of a baseline's fields.
        passed: the gates that passed.
        networks: the networks and targets that these gates judged; more than one is a mistake.
        images: digests of the images, likewise.
    """

    case: str
    facts: dict[str, Any] = field(default_factory=dict)
    passed: set[str] = field(default_factory=set)
    networks: set[Any] = field(default_factory=set)
    images: set[str] = field(default_factory=set)


@dataclass
class Session:
    """The only mutable object of the plugin.

    Attributes:
        results: in the order in which tests ended.
        collected_results: how many results of each test have been collected.
        judged: ids of tests with a verdict.
        failed: ids of tests that failed.
        comparisons: speeds, by the id of the test that measured them.
        case_data: loaded networks and data sets, by case.
        new_baselines: what --segprune-accept may write, by file.
        json_files: JSON files in the folders that pytest looked into.
        unjudged_baselines: baselines among them that no collected test judges.
        tests: the collected tests of each case.
        test_folders: the folders of all collected tests.
        data_names: names of data sets in markers.
        required_tests: the case of each test that must give a verdict.
        required_gates: the gates that must give a verdict, by case.
        partial_cases: cases whose gates the command line of this run may leave out.
        baselines: the file of each case's baseline.
        in_settings: options in settings that leave tests out.
        speed_required: whether --benchmark-only was given, and there are cases.
        ended: whether the session reached its end, where the completeness check runs.
        lost_workers: worker processes that ended without a message.
        problems: sentences that make the session red though no test failed.
        notes: sentences that the summary shows besides the table.
    """

    KEY: ClassVar[pytest.StashKey[Session]] = pytest.StashKey()

    options: Options
    results: list[Result] = field(default_factory=list)
    collected_results: dict[str, int] = field(default_factory=dict)
    judged: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    comparisons: dict[str, SpeedComparison] = field(default_factory=dict)
    case_data: dict[str, CaseData] = field(default_factory=dict)
    new_baselines: dict[Path, NewBaseline] = field(default_factory=dict)
    json_files: set[Path] = field(default_factory=set)
    unjudged_baselines: set[Path] = field(default_factory=set)
    tests: dict[str, CaseTests] = field(default_factory=dict)
    test_folders: set[Path] = field(default_factory=set)
    data_names: set[str] = field(default_factory=set)
    required_tests: dict[str, str] = field(default_factory=dict)
    required_gates: dict[str, list[str]] = field(default_factory=dict)
    partial_cases: set[str] = field(default_factory=set)
    baselines: dict[str, Path] = field(default_factory=dict)
    in_settings: list[str] = field(default_factory=list)
    speed_required: bool = False
    ended: bool = False
    lost_workers: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add_problem(self, text: str) -> None:
        """Make the session red, with a reason that is shown once."""
        if text not in self.problems:
            self.problems.append(text)

    def add_note(self, text: str) -> None:
        """Add a sentence to the summary, once."""
        if text not in self.notes:
            self.notes.append(text)

    def to_message(self) -> dict[str, Any]:
        """Return what a worker process sends to the process that collects results; plain data."""
        return {
            "required_tests": self.required_tests, "required_gates": self.required_gates,
            "partial_cases": sorted(self.partial_cases),
            "baselines": {case: str(path) for case, path in self.baselines.items()},
            "unjudged_baselines": [str(path) for path in self.unjudged_baselines],
            "test_folders": [str(path) for path in self.test_folders],
            "in_settings": self.in_settings, "speed_required": self.speed_required,
            "problems": self.problems, "notes": self.notes, "data_names": sorted(self.data_names),
        }  # fmt: skip

    def merge(self, message: dict[str, Any]) -> None:
        """Merge what a worker process sends; each of them has collected the same tests."""
        self.required_tests |= message["required_tests"]
        self.required_gates |= message["required_gates"]
        self.partial_cases |= set(message["partial_cases"])
        self.baselines |= {case: Path(path) for case, path in message["baselines"].items()}
        self.unjudged_baselines |= {Path(path) for path in message["unjudged_baselines"]}
        self.test_folders |= {Path(path) for path in message["test_folders"]}
        self.in_settings = message["in_settings"]
        self.speed_required |= message["speed_required"]
        self.data_names |= set(message["data_names"])
        for problem in message["problems"]:
            self.add_problem(problem)
        for note in message["notes"]:
            self.add_note(note)


def session_of(config: pytest.Config) -> Session:
    """Return the session's state."""
    return config.stash[Session.KEY]


def is_worker(config: pytest.Config) -> bool:
    """Return whether this process is a worker of pytest-xdist."""
    return hasattr(config, "workerinput")
