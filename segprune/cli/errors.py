"""Between a command and the terminal: an error is one red sentence, never a traceback."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import re
import signal
import warnings
from collections.abc import Callable, Iterator
from typing import ParamSpec, TextIO, TypeVar

import typer

from segprune.errors import SegpruneError, SegpruneWarning, StartError
from segprune.records.io import written

__all__ = ["DEBUG", "TERMINATED", "end_soon", "guarded", "require_time_left", "warnings_as_notes"]

DEBUG = "SEGPRUNE_DEBUG"
"""Environment variable that lets exceptions through, traceback and all."""

_OPTIONS = (
    (r"^deploy\b", "--deploy"),
    (r"\bdeploy=", "--deploy"),
    (r"^layers\[(['\"])(.*?)\1\]", r"--layer '\2'"),
    (r"^layers\b", "--layer"),
    (r"^budget(\['\w+'\])?", "--budget"),
    (r"^(importance|scope|floor|seed)\b", r"--\1"),
    (r"^min_channels\b", "--min-channels"),
    (r"^calibration\b", "--frames"),
    (r"^(data|frames|model|root|weights):", r"--\1:"),
    (r"\bframes=", "--frames "),
    (r"\bmodel='package\.module:factory'", "--model package.module:factory"),
    (r"\bnum_classes:", "--num-classes:"),
    (r"(?<!\.)\bignored_layers\b", "--ignored-layers"),
    (r"(?<!\.)\bround_to\b", "--round-to"),
    (r"\bfloor=", "--floor"),
    (r"\bmin_channels=", "--min-channels"),
    (r";? register_importance adds your own", ""),
)
"""Names of the library's arguments in messages, with their options on the command line."""

_EXTRAS = {
    "segprune[train]": ("PIL", "pydantic", "pytorch_lightning", "tensorboard", "torchvision"),
    "segprune[report]": ("matplotlib",),
    "segprune[video]": ("av",),
}
"""Packages that some commands need and a plain installation lacks, by the extra."""

_DISK_ERRORS = {
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR,
}  # fmt: skip
"""Errors of a disk or a folder; any step of a job may meet them."""

_FAILED, _BAD_INPUT, _UNEXPECTED, _INTERRUPTED = 1, 2, 70, 130
TERMINATED = 128 + signal.SIGTERM
"""Exit status of a command that `kill` ends."""

_SHOWN = 3

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def guarded(command: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Turn whatever a command raises into a sentence on stderr and an exit status."""

    @functools.wraps(command)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        written(since_now=True)
        try:
            with warnings_as_notes():
                return command(*args, **kwargs)
        except (typer.Exit, typer.Abort, BrokenPipeError):
            raise
        except KeyboardInterrupt:
            _say("interrupted", _written() or "nothing was written.")
            raise typer.Exit(_INTERRUPTED) from None
        except SystemExit as ended:
            if ended.code == TERMINATED:
                _say("terminated", _written() or "nothing was written.")
            raise
        except Exception as error:
            if os.environ.get(DEBUG):
                raise
            kind, message, status = _explained(error)
            _say(kind, message)
            if left := _written():
                _say("note", left)
            raise typer.Exit(status) from None

    return run


_END_REQUESTED: list[bool] = []


def end_soon() -> None:
    """Remember a request to end the process.

    Python drops an exception that a signal raises while a weak reference is cleaned up; then the
    next step of the work has to notice.
    """
    _END_REQUESTED.append(True)


def require_time_left() -> None:
    """End the command after a request to end the process."""
    if _END_REQUESTED:
        raise SystemExit(TERMINATED)


def _explained(error: Exception) -> tuple[str, str, int]:
    """Describe an error: its kind, a sentence, and the exit status."""
    if isinstance(error, SegpruneError):
        status = _FAILED if isinstance(error, StartError) else _BAD_INPUT
        return "error", _in_options(str(error)), status
    if isinstance(error, OSError) and error.errno in _DISK_ERRORS:
        return "error", _about_the_disk(error), _BAD_INPUT
    extra = _extra_of(error)
    if extra is not None:
        remedy = f"Install what this command needs: pip install '{extra}'."
        return "error", f"{error}. {remedy}", _BAD_INPUT
    text = f"{type(error).__name__}: {error}".rstrip(". ")
    remedy = f"Set {DEBUG}=1 and run it again to see where."
    return "unexpected", f"{text}. {remedy}", _UNEXPECTED


def _written() -> str:
    """Name what the command has written so far in a sentence; empty if that is nothing."""
    paths = written()
    folders = dict.fromkeys(path.parent for path in paths)
    shown = paths if len(paths) <= _SHOWN else tuple(folders)
    names = ", ".join(map(str, shown[:_SHOWN])) + (", …" if len(shown) > _SHOWN else "")
    files = "" if shown is paths else f"{len(paths)} files in "
    return f"written before that: {files}{names}." if paths else ""


@contextlib.contextmanager
def warnings_as_notes() -> Iterator[None]:
    """Show the package's own warnings as sentences; leave other warnings as they are."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", SegpruneWarning)
        usual = warnings.showwarning

        def show(
            message: Warning | str, category: type[Warning], filename: str, lineno: int,
            file: TextIO | None = None, line: str | None = None,
        ) -> None:  # fmt: skip
            if issubclass(category, SegpruneWarning):
                _say("note", _in_options(str(message)), "yellow")
            else:
                usual(message, category, filename, lineno, file, line)

        warnings.showwarning = show
        yield


def _about_the_disk(error: OSError) -> str:
    return (
        f"{error.filename or 'the disk'}: expected a place that can be written, found "
        f"{error.strerror}; make room or choose another place with --out, and run it again."
    )


def _extra_of(error: Exception) -> str | None:
    """Return the extra that brings a missing package; None for an own module or another error."""
    package = (getattr(error, "name", None) or "").partition(".")[0]
    if not isinstance(error, ModuleNotFoundError):
        return None
    return next((extra for extra, brought in _EXTRAS.items() if package in brought), None)


def _in_options(message: str) -> str:
    if message.startswith("section ["):  # of a recipe, which has the library's names
        return message
    for argument, option in _OPTIONS:
        message = re.sub(argument, option, message)
    return message


def _say(kind: str, message: str, colour: str = "red") -> None:
    from rich.console import Console
    from rich.text import Text

    # torch's messages have several lines; brackets in them are no markup of rich, hence Text.
    sentence = " ".join(message.split())
    Console(stderr=True, soft_wrap=True).print(
        Text.assemble((f"{kind}: ", f"bold {colour}"), (sentence, colour))
    )
