"""The plugin's command-line options, and the environment variable for data on a CI machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from segprune.pytest_plugin.command_line import is_on_command_line

__all__ = ["DATA_VARIABLE", "Options", "add", "read"]

DATA_VARIABLE = "SEGPRUNE_DATA"


@dataclass(frozen=True)
class Options:
    """The values of the plugin's options.

    Attributes:
        data: folders of data sets by name.
        accept: write baselines in place of judging against them.
        because: the reason for lowering one.
        strict: whether INCONCLUSIVE fails.
        report: folder for JSON and Markdown.
        partial: whether a choice among the tests may leave gates out under CI, too.
    """

    data: Mapping[str, Path]
    accept: bool
    because: str | None
    strict: bool
    report: Path | None
    partial: bool


def add(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("segprune", "segprune: gates for pruned networks")
    group.addoption(
        "--segprune-data", action="append", default=[], metavar="NAME=PATH",
        help="Folder of a data set; may be given several times. Also: environment variable "
        f"{DATA_VARIABLE}, with NAME=PATH separated by '{os.pathsep}'.",
    )  # fmt: skip
    group.addoption(
        "--segprune-accept", action="store_true",
        help="Measure, and write the baselines that the policy allows. The run fails, so that "
        "nothing is accepted unseen: look at the difference, commit it, and run again.",
    )  # fmt: skip
    group.addoption(
        "--because", dest="segprune_because", metavar="TEXT", default=None,
        help="With --segprune-accept: why a baseline is lowered; the file keeps it.",
    )  # fmt: skip
    group.addoption(
        "--segprune-strict", action="store_true",
        help="INCONCLUSIVE fails; without it such a test is skipped, with its reason.",
    )  # fmt: skip
    group.addoption(
        "--segprune-report", metavar="DIR", default=None,
        help="Write segprune.json and segprune.md (for the summary of a CI job) to this folder.",
    )  # fmt: skip
    group.addoption(
        "--segprune-partial", action="store_true",
        help="Let -k, -m, --lf, a named file and the like leave gates out under CI, for another "
        "step judges them; without this option such a run fails. addopts may not have it.",
    )  # fmt: skip


def read(config: pytest.Config) -> Options:
    """Read and check the values that were given.

    Raises:
        pytest.UsageError: a folder not in the form NAME=PATH, --because without
            --segprune-accept, or --segprune-partial in settings.
    """
    accept, because = config.getoption("segprune_accept"), config.getoption("segprune_because")
    if because is not None and not accept:
        raise pytest.UsageError(
            "--because: expected --segprune-accept beside it, found none; it is the reason for "
            "lowering a baseline."
        )
    if accept and config.getoption("numprocesses", None):
        raise pytest.UsageError(
            "--segprune-accept: expected one process, found several (-n); what is accepted is "
            "measured in one. Run it without -n."
        )
    partial = config.getoption("segprune_partial")
    if partial and not is_on_command_line(config, "segprune_partial"):
        raise pytest.UsageError(
            "--segprune-partial: expected it on the command line of the run that is a part, found "
            "it in settings, where it would stand for every run; take it out of addopts."
        )
    report = config.getoption("segprune_report")
    if report is not None and Path(report).exists() and not Path(report).is_dir():
        raise pytest.UsageError(
            f"--segprune-report: expected a folder or a free name, found the file {report}."
        )
    return Options(
        data=_folders(config.getoption("segprune_data")),
        accept=accept,
        because=because,
        strict=config.getoption("segprune_strict"),
        report=None if report is None else Path(report),
        partial=partial,
    )


def _folders(given: list[str]) -> dict[str, Path]:
    from_environment = os.environ.get(DATA_VARIABLE, "").split(os.pathsep)
    found = {}
    for where, entries in ((DATA_VARIABLE, from_environment), ("--segprune-data", given)):
        for entry in filter(None, entries):
            name, equals, path = entry.partition("=")
            if not (name and equals and path):
                raise pytest.UsageError(
                    f"{where}: expected NAME=PATH, found {entry!r}; camvid=/data/camvid is one."
                )
            found[name] = Path(path)
    return found
