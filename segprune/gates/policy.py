"""What a pruned network may lose, and which speed-up it owes.

A policy is written before the trainings it judges. Floors follow from it and the dense network;
they are never copied from a result.
"""

from __future__ import annotations

import dataclasses
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segprune.errors import InputError
from segprune.speed.inputs import MEMORY_FORMATS, MemoryFormat, SpeedInput

__all__ = ["Budget", "Policy", "Tolerance", "budget_from", "read_policy"]

_SCHEMA = "segprune.policy/1"
USUAL_FPS_SHARE = 0.35
_SECTIONS = {"schema", "budgets", "exceptions", "dense", "speed", "determinism", "fps", "reports"}


@dataclass(frozen=True)
class Budget:
    """What one budget promises.

    Attributes:
        miou_loss, class_loss: at most, in points of mIoU and of any one class's IoU.
        speedup: at least, for the lower end of the interval.
        macs, params: at most this share of the dense network's is left; None: no promise.
        miou_ratio: at least this share of the dense network's mIoU, besides the points.
    """

    name: str
    miou_loss: float
    class_loss: float
    speedup: float
    macs: float | None = None
    params: float | None = None
    miou_ratio: float = 0.0


@dataclass(frozen=True)
class Tolerance:
    """How far the same weights may stray on another machine, whose processor rounds otherwise.

    Attributes:
        flips_per_million: labelled pixels whose class changes; other threads, batch sizes, memory
            formats and instruction sets changed fewer than one in trials.
        miou_points: change of mIoU, in points.
    """

    flips_per_million: float = 20.0
    miou_points: float = 0.01


@dataclass(frozen=True)
class Policy:
    """The whole policy.

    Attributes:
        budgets: by name, such as "macs50".
        exceptions: by `<data>-<network>-<budget>`: numbers that replace those of the budget.
        dense: by data set: least mIoU, in [0, 1], of a dense network that may be a baseline.
        speed_sizes: by data set: `(N, C, H, W)` at which the speed-up is owed; by default the size
            that the network was evaluated at.
        memory_format: in which it is owed.
        headline_seeds: seeds that a row needs to lead with.
        fps_share: at least this share of a baseline's frames per second, on the same machine.
    """

    budgets: Mapping[str, Budget]
    exceptions: Mapping[str, Mapping[str, float]]
    dense: Mapping[str, float]
    speed_sizes: Mapping[str, tuple[int, ...]]
    headline_seeds: int
    memory_format: MemoryFormat = "contiguous"
    tolerance: Tolerance = Tolerance()
    fps_share: float = USUAL_FPS_SHARE

    def speed_input(self, data: str, usual: tuple[int, ...]) -> SpeedInput:
        """At what the speed-up is owed on a data set; `usual` where the policy names no size."""
        return SpeedInput(self.speed_sizes.get(data, usual), self.memory_format)

    def budget_of(self, data: str, network: str, variant: str) -> Budget | None:
        """The promise that a variant such as "macs50" or "macs50-distilled" is held to."""
        name = next((n for n in self.budgets if variant == n or variant.startswith(f"{n}-")), None)
        if name is None:
            return None
        changed = self.exceptions.get(f"{data}-{network}-{name}", {})
        return dataclasses.replace(self.budgets[name], **dict[str, Any](changed))


def read_policy(path: Path) -> Policy:
    """Read a policy.

    Raises:
        InputError: no such file, no TOML, or a line that is unknown, missing or no number.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"{path}: expected a policy (TOML), found {reason}; say where it is with --policy."
        ) from error
    if content.get("schema") != _SCHEMA or content.keys() - _SECTIONS:
        unknown = ", ".join(sorted(content.keys() - _SECTIONS))
        found = f"sections {unknown}" if unknown else f"schema {content.get('schema')!r}"
        raise InputError(
            f"{path}: expected schema {_SCHEMA!r} and sections {', '.join(sorted(_SECTIONS))}, "
            f"found {found}; correct the file."
        )
    budgets = {
        name: budget_from(name, given, f"{path}: budgets.{name}")
        for name, given in content["budgets"].items()
    }
    exceptions = content.get("exceptions", {})
    for key, changes in exceptions.items():
        base = next((name for name in budgets if key.endswith(f"-{name}")), None)
        if base is None:
            raise InputError(
                f"{path}: exceptions.{key}: expected <data>-<network>-<budget> with one of the "
                f"budgets {', '.join(budgets)}, found none of them; correct the name."
            )
        merged = {**content["budgets"][base], **changes}
        budget_from(base, merged, f"{path}: exceptions.{key}")
    speed = dict(content.get("speed", {}))
    memory_format = speed.pop("memory_format", "contiguous")
    if memory_format not in MEMORY_FORMATS:
        raise InputError(
            f"{path}: speed.memory_format: expected one of {', '.join(MEMORY_FORMATS)}, found "
            f"{memory_format!r}; correct the file."
        )
    return Policy(
        budgets,
        exceptions,
        content.get("dense", {}),
        {data: _input(path, data, size) for data, size in speed.items()},
        int(content.get("reports", {}).get("headline_seeds", 1)),
        memory_format,
        _tolerance(path, content.get("determinism", {})),
        _share(path, content.get("fps", {})),
    )


def _tolerance(path: Path, given: Mapping[str, Any]) -> Tolerance:
    usual = dataclasses.asdict(Tolerance())
    wrong = [key for key, value in given.items() if key not in usual or not _is_number(value)]
    if wrong:
        raise InputError(
            f"{path}: determinism: expected numbers for {', '.join(usual)}, found "
            f"{', '.join(wrong)} unknown or no number; correct the file."
        )
    return Tolerance(**{**usual, **{key: float(value) for key, value in given.items()}})


def _share(path: Path, given: Mapping[str, Any]) -> float:
    share = given.get("least_share", USUAL_FPS_SHARE)
    if given.keys() - {"least_share"} or not _is_number(share) or not 0 < share <= 1:
        raise InputError(
            f"{path}: fps: expected least_share between 0 and 1, found {dict(given)}; correct the "
            "file."
        )
    return float(share)


def _input(path: Path, data: str, size: Any) -> tuple[int, ...]:
    whole = isinstance(size, list) and all(type(number) is int and number > 0 for number in size)
    if not whole or len(size) != 4:
        raise InputError(
            f"{path}: speed.{data}: expected [N, C, H, W], found {size!r}; correct the file."
        )
    return tuple(size)


def budget_from(name: str, given: Mapping[str, Any], where: str) -> Budget:
    """A budget out of numbers by name, as a policy or a test's marker has them.

    Args:
        where: what to call them in errors.

    Raises:
        InputError: a number that is unknown, missing or none.
    """
    known = {field.name for field in dataclasses.fields(Budget)} - {"name"}
    needed = {"miou_loss", "class_loss", "speedup"}
    wrong = [key for key, value in given.items() if not _is_number(value)]
    if given.keys() - known or needed - given.keys() or wrong:
        problem = sorted({*(given.keys() - known), *(needed - given.keys()), *wrong})
        others = ", ".join(sorted(known - needed))
        raise InputError(
            f"{where}: expected numbers for {', '.join(sorted(needed))}, and perhaps {others}, "
            f"found {', '.join(problem)} unknown, missing or no number; correct them."
        )
    return Budget(name, **{key: float(value) for key, value in given.items()})


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)
