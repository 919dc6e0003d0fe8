"""Every error this package raises on purpose has one root, `SegpruneError`.

A message names the thing, what was expected, what was found, and what to do about it.
"""

from __future__ import annotations

import warnings

__all__ = [
    "ArtifactError",
    "BudgetError",
    "InputError",
    "ModelError",
    "PlanError",
    "PruneError",
    "SegpruneError",
    "SegpruneWarning",
    "StartError",
    "TraceError",
    "warn_renamed",
]


class SegpruneError(Exception):
    """Root of all errors raised by segprune."""


class ModelError(SegpruneError):
    """A network cannot be built, adapted or used as it is."""


class InputError(SegpruneError):
    """Example inputs, calibration data or an option have the wrong form."""


class TraceError(SegpruneError):
    """The network could not be run while its operators were recorded."""


class PlanError(SegpruneError):
    """A prune plan cannot be made, read, composed or used with this network."""


class BudgetError(PlanError):
    """The requested budget is malformed or cannot be reached."""


class PruneError(SegpruneError):
    """Channels could not be removed from the network."""


class ArtifactError(SegpruneError):
    """A file is missing, foreign, truncated, tampered with, or of an unknown schema."""


class StartError(SegpruneError):
    """The network to recover scores too low, before anything is done to it."""


class SegpruneWarning(UserWarning):
    """Something was assumed, left out or came out worse; the work goes on.

    The command line shows it as a note, Python as any warning.
    """


def warn_renamed(old: str, new: str) -> None:
    """Say that a name is an old spelling, which is accepted for one version."""
    warnings.warn(
        f"{old}: the old name of {new}, which the next version no longer accepts; write {new}.",
        SegpruneWarning,
        stacklevel=3,
    )
