"""Runs commands of segprune in forks of itself, and kills some of them with a real SIGKILL.

Standard input is a JSON list of `[arguments, moment or null]`; standard output is a JSON list of
`[status, moments]`, one for each. A moment is a step of training, or the opening for writing,
renaming or removing of a file in the run's folder. It is given by its number, or by `[beginning,
number]` among those whose names begin so. There the command kills itself, and leaves a file that it
was about to open or to rename torn, as a kill in the middle of writing would. Forks, because
importing everything takes longer than such a training.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

import segprune.cli.train
import segprune.workflows.train.run  # noqa: F401
from segprune.cli import main
from segprune.cli.progress import Steps

Moment = int | list[Any] | None

_PLAIN = Steps.__call__


class Watch:
    """Counts moments, names them in a file, and kills at the chosen one."""

    def __init__(self, names: Path, moment: Moment) -> None:
        self._names, self._count = names, 0
        self._prefix, self._moment = moment if isinstance(moment, list) else ("", moment)
        self._busy = False

    def step(self, steps: Steps, step: str, done: int, total: int) -> None:
        _PLAIN(steps, step, done, total)
        if step == "train":
            self._reached(f"step {done}", None)

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._busy or event not in ("open", "os.rename", "os.remove"):
            return
        path = arguments[0]
        if not isinstance(path, str | os.PathLike) or "runs" not in Path(path).parts:
            return
        if event == "open" and not (
            isinstance(arguments[1], str) and set("wxa") & set(arguments[1])
        ):
            return
        torn = path if event != "os.remove" else None
        self._reached(f"{event} {Path(path).name}", torn)

    def _reached(self, name: str, torn: Any) -> None:
        self._busy = True
        with self._names.open("a") as stream:
            stream.write(name + "\n")
        counts = name.startswith(self._prefix)
        if counts and self._count == self._moment:
            if torn is not None and not os.path.isdir(torn):
                size = os.path.getsize(torn) if os.path.exists(torn) else 0
                with open(torn, "ab") as stream:
                    stream.truncate(size // 2)
            os.kill(os.getpid(), signal.SIGKILL)
        self._count += counts
        self._busy = False


def run(arguments: list[str], moment: Moment) -> tuple[int, list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        names = Path(folder) / "names"
        names.touch()
        child = os.fork()
        if child == 0:
            watch = Watch(names, moment)
            _follow(arguments, watch)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return status, names.read_text().splitlines()


def _follow(arguments: list[str], watch: Watch) -> None:
    """In the child: never returns."""
    status = 70
    try:
        Steps.__call__ = lambda self, *step: watch.step(self, *step)  # type: ignore[method-assign]
        sys.addaudithook(watch.audit)
        sys.argv = ["segprune", *arguments]
        os.dup2(os.open("output.txt", os.O_CREAT | os.O_APPEND | os.O_WRONLY), 1)
        os.dup2(1, 2)
        main()
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 0
    finally:
        sys.stdout.flush()
        os._exit(status)


if __name__ == "__main__":
    torch.set_num_threads(1)
    json.dump([run(*job) for job in json.load(sys.stdin)], sys.stdout)
