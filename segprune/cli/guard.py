"""Between a command and the terminal: an error is one red sentence, never a traceback."""

from __future__ import annotations

import errno
import functools
import os
import re
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import typer

from segprune.errors import SegpruneError

__all__ = ["DEBUG", "guarded"]

DEBUG = "SEGPRUNE_DEBUG"
"""Environment variable that lets exceptions through, traceback and all."""

_OPTIONS = (
    (r"^scope\b", "--layer"),
    (r"^budget(\['\w+'\])?", "--budget"),
    (r"^importance\b", "--importance"),
    (r"^calibration\b", "--data"),
    (r"\bignored_layers\b", "--ignore"),
    (r"\bround_to\b", "--round-to"),
    (r"\bfloor=", "--floor"),
    (r"\bmin_channels=", "--min-channels"),
    (r";? register_importance adds your own", ""),
)
"""What the library's arguments are called on the command line."""

_EXTRAS = {
    "segprune[train]": ("PIL", "pydantic", "pytorch_lightning", "tensorboard", "torchvision"),
    "segprune[report]": ("matplotlib",),
    "segprune[video]": ("av",),
}
"""Packages that commands need, and that a plain installation does not bring."""

_OF_THE_PLACE = {
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR,
}  # fmt: skip
"""What is wrong with a disk or a folder, wherever in a job it shows."""

_BAD_INPUT, _UNEXPECTED, _INTERRUPTED = 2, 70, 130

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def guarded(command: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Turn whatever a command raises into a sentence on stderr and an exit status."""

    @functools.wraps(command)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        try:
            return command(*args, **kwargs)
        except (typer.Exit, typer.Abort, BrokenPipeError):
            raise
        except KeyboardInterrupt:
            _say("interrupted", "nothing was written.")
            raise typer.Exit(_INTERRUPTED) from None
        except SegpruneError as error:
            if os.environ.get(DEBUG):
                raise
            _say("error", _in_options(str(error)))
            raise typer.Exit(_BAD_INPUT) from None
        except Exception as error:
            if os.environ.get(DEBUG):
                raise
            if isinstance(error, OSError) and error.errno in _OF_THE_PLACE:
                _say("error", _about_the_place(error))
                raise typer.Exit(_BAD_INPUT) from None
            extra = _extra_of(error)
            if extra is not None:
                _say("error", f"{error}. Install what this command needs: pip install '{extra}'.")
                raise typer.Exit(_BAD_INPUT) from None
            text = f"{type(error).__name__}: {error}"
            _say("unexpected", f"{text.rstrip('. ')}. Set {DEBUG}=1 and run it again to see where.")
            raise typer.Exit(_UNEXPECTED) from None

    return run


def _about_the_place(error: OSError) -> str:
    return (
        f"{error.filename or 'the disk'}: expected a place that can be written, found "
        f"{error.strerror}; make room or choose another place with --out, and run it again."
    )


def _extra_of(error: Exception) -> str | None:
    """The extra that brings a package which was not found."""
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


def _say(kind: str, message: str) -> None:
    from rich.console import Console
    from rich.text import Text

    # One line, whatever torch put into it; as Text, for brackets in it are no markup.
    sentence = " ".join(message.split())
    Console(stderr=True, soft_wrap=True).print(
        Text.assemble((f"{kind}: ", "bold red"), (sentence, "red"))
    )
