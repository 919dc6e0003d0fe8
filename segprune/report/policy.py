"""What a pruned network may lose and which speed-up it owes, and whether it keeps that promise.

The policy was written before the trainings it judges. Floors follow from it and the dense network;
they are never copied from a result.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from segprune.errors import InputError

__all__ = ["Budget", "Findings", "Policy", "Verdict", "judge", "judge_dense", "read_policy"]

_SCHEMA = "segprune.policy/1"
_SECTIONS = {"schema", "budgets", "exceptions", "dense", "speed", "determinism", "reports"}
_SLACK = 1e-9  # rounding of differences, no allowance


@dataclass(frozen=True)
class Budget:
    """What one budget promises.

    Attributes:
        macs, params: at most this share of the dense network's is left; None: no promise.
        miou_loss, class_loss: at most, in points of mIoU and of any one class's IoU.
        speedup: at least, for the lower end of the interval.
    """

    name: str
    miou_loss: float
    class_loss: float
    speedup: float
    macs: float | None = None
    params: float | None = None


@dataclass(frozen=True)
class Findings:
    """What a pruned network came to, beside the dense one.

    Attributes:
        macs, params: shares of the dense network's.
        miou_loss: in points; negative is a gain.
        class_losses: by class, in points; None where only one of the two has an IoU.
        speedup_low: lower end of the interval, on one thread; None where it was not measured.
    """

    macs: float
    params: float
    miou_loss: float
    class_losses: Mapping[str, float | None]
    speedup_low: float | None


@dataclass(frozen=True)
class Verdict:
    """`kept`, `missed`, `open` (something was not measured) or `none` (nothing was promised)."""

    kind: Literal["kept", "missed", "open", "none"]
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Policy:
    """The whole policy.

    Attributes:
        budgets: by name, such as "macs50".
        exceptions: by `<data>-<network>-<budget>`: numbers that replace those of the budget.
        dense: by data set: least mIoU, in [0, 1], of a dense network that may be a baseline.
        speed_inputs: by data set: `(N, C, H, W)` at which the speed-up is owed; by default the size
            that the network was evaluated at.
        headline_seeds: seeds that a row needs to lead with.
    """

    budgets: Mapping[str, Budget]
    exceptions: Mapping[str, Mapping[str, float]]
    dense: Mapping[str, float]
    speed_inputs: Mapping[str, tuple[int, ...]]
    headline_seeds: int

    def budget_of(self, data: str, network: str, variant: str) -> Budget | None:
        """The promise that a variant such as "macs50" or "macs50-distilled" is held to."""
        name = next((n for n in self.budgets if variant == n or variant.startswith(f"{n}-")), None)
        if name is None:
            return None
        changed = self.exceptions.get(f"{data}-{network}-{name}", {})
        return dataclasses.replace(self.budgets[name], **dict[str, Any](changed))


def judge(budget: Budget | None, found: Findings) -> Verdict:
    """Hold findings against a promise; every miss is named. Pure."""
    if budget is None:
        return Verdict("none")
    missed = []
    for name, share, most in (
        ("MACs", found.macs, budget.macs), ("parameters", found.params, budget.params)
    ):  # fmt: skip
        if most is not None and share > most + _SLACK:
            missed.append(f"{name} at {100 * share:.1f} % of dense, may be {100 * most:g} %")
    if found.miou_loss > budget.miou_loss + _SLACK:
        missed.append(f"mIoU lost {found.miou_loss:.2f} points, may lose {budget.miou_loss:g}")
    for name, loss in found.class_losses.items():
        if loss is None:
            missed.append(f"{name} has an IoU in only one of the two networks")
        elif loss > budget.class_loss + _SLACK:
            missed.append(f"{name} lost {loss:.1f} points, may lose {budget.class_loss:g}")
    low = found.speedup_low
    if low is not None and low < budget.speedup - _SLACK:
        missed.append(f"speed-up at least ×{low:.2f}, owes ×{budget.speedup:g}")
    if missed:
        return Verdict("missed", tuple(missed))
    if low is None:
        return Verdict("open", (f"speed-up not measured, owes ×{budget.speedup:g}",))
    return Verdict("kept")


def judge_dense(policy: Policy, data: str, miou: float) -> Verdict:
    """Whether a dense network is good enough to be a baseline."""
    least = policy.dense.get(data)
    if least is None:
        return Verdict("none")
    if miou < least - _SLACK:
        reason = f"mIoU {100 * miou:.2f}, a baseline needs {100 * least:g}"
        return Verdict("missed", (reason,))
    return Verdict("kept")


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
    budgets = {name: _budget(path, name, given) for name, given in content["budgets"].items()}
    exceptions = content.get("exceptions", {})
    for key, changes in exceptions.items():
        base = next((name for name in budgets if key.endswith(f"-{name}")), None)
        if base is None:
            raise InputError(
                f"{path}: exceptions.{key}: expected <data>-<network>-<budget> with one of the "
                f"budgets {', '.join(budgets)}, found none of them; correct the name."
            )
        _budget(path, base, {**content["budgets"][base], **changes}, f"exceptions.{key}")
    return Policy(
        budgets,
        exceptions,
        content.get("dense", {}),
        {data: _input(path, data, size) for data, size in content.get("speed", {}).items()},
        int(content.get("reports", {}).get("headline_seeds", 1)),
    )


def _input(path: Path, data: str, size: Any) -> tuple[int, ...]:
    whole = isinstance(size, list) and all(type(number) is int and number > 0 for number in size)
    if not whole or len(size) != 4:
        raise InputError(
            f"{path}: speed.{data}: expected [N, C, H, W], found {size!r}; correct the file."
        )
    return tuple(size)


def _budget(path: Path, name: str, given: Mapping[str, Any], where: str = "") -> Budget:
    where = where or f"budgets.{name}"
    known = {field.name for field in dataclasses.fields(Budget)} - {"name"}
    needed = known - {"macs", "params"}
    wrong = [key for key, value in given.items() if not isinstance(value, (int, float))]
    if given.keys() - known or needed - given.keys() or wrong:
        problem = sorted({*(given.keys() - known), *(needed - given.keys()), *wrong})
        raise InputError(
            f"{path}: {where}: expected numbers for {', '.join(sorted(needed))} and macs or "
            f"params, found {', '.join(problem)} unknown, missing or no number; correct the file."
        )
    return Budget(name, **{key: float(value) for key, value in given.items()})
