"""Progress on stderr, where it does not mix with results."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.text import Text

from segprune.cli.errors import require_time_left

__all__ = ["Steps"]


_SILENCE = 30.0
"""Seconds between two lines where no live line can be drawn: in a log, in CI."""


class Steps:
    """Progress on stderr: one live line while a step runs, and in the end what each took.

    Without a terminal a line is printed now and then.
    """

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._progress = Progress(
            SpinnerColumn(), TextColumn("{task.description}"), BarColumn(24), MofNCompleteColumn(),
            console=self._console, transient=True, disable=not self._console.is_terminal,
        )  # fmt: skip
        self._task = self._progress.add_task("start", total=None)
        self._began: dict[str, float] = {}
        self._last_line = time.monotonic()

    def __call__(self, step: str, done: int, total: int) -> None:
        require_time_left()
        now = time.monotonic()
        self._began.setdefault(step, now)
        if not self._console.is_terminal and now - self._last_line >= _SILENCE:
            self._last_line = now
            self._console.print(f"{step} {done} of {total}" if total > 1 else step)
        # A step of one piece has no share that is done, so its bar moves instead of filling.
        self._progress.update(
            self._task, description=f"{step:8}", completed=done, total=total if total > 1 else None
        )

    def say(self, line: str) -> None:
        """Print a line above the live one: a warning on stderr, any other line on stdout."""
        if line.startswith("warning: "):
            self._console.print(Text(line, style="yellow"), soft_wrap=True)
            return
        self._progress.stop()  # the live line would stand in the middle of the new one
        Console(soft_wrap=True).print(Text(line))
        self._progress.start()

    def __enter__(self) -> Steps:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:  # fmt: skip
        self._progress.stop()
        if kind is None:
            starts = [*self._began.values(), time.monotonic()]
            took = [
                f"{step} {after - before:.1f} s"
                for step, before, after in zip(self._began, starts, starts[1:], strict=False)
            ]
            self._console.print(Text("took: " + ", ".join(took), style="dim"))
