"""What a test's marker says: which networks, which images, which promise, which baseline."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from segprune.errors import InputError
from segprune.gates.policy import USUAL_FPS_SHARE, Budget, Tolerance, budget_from, read_policy
from segprune.speed.inputs import MEMORY_FORMATS, MemoryFormat

if TYPE_CHECKING:
    from torch import nn

    from segprune.data.dataset import SegmentationDataset

__all__ = ["Case", "case_of"]


@dataclass(frozen=True)
class Case:
    """One pruned network that is gated.

    Attributes:
        name: of the case, and of its baseline `<baselines>/<name>.json`.
        dense: an artefact's file, `package.module:factory`, a function that returns the network, or
            the network itself.
        weights: state dict for `dense`, where it does not load its own.
        artifact: the pruned network's file.
        data: name of a data set, or a function that opens one.
        split, count: of a data set that is given by its name.
        budget: what is promised.
        continued: a committed record of the dense network trained on, or None: the better of both
            is what floors follow from.
        baseline: where it is kept.
        input: `(N, C, H, W)` at which speed is measured; None: what the artefact was made for.
        memory_format: in which it is measured.
        tolerance, fps_share: from the policy.
        max_seconds: for one speed gate.
        claim: points of mIoU that may be lost beyond these images; None: reported, not gated.
    """

    name: str
    dense: nn.Module | Callable[[], nn.Module] | str | Path
    weights: Path | None
    artifact: Path
    data: str | Callable[[], SegmentationDataset]
    split: str
    count: int | None
    budget: Budget
    continued: Path | None
    baseline: Path
    input: tuple[int, ...] | None
    memory_format: MemoryFormat
    tolerance: Tolerance
    fps_share: float
    max_seconds: float
    claim: float | None


def case_of(item: pytest.Item) -> Case:
    """The case of a test.

    Raises:
        InputError: no marker, an argument that is missing or unknown, or a budget that the policy
            does not have.
    """
    marker = item.get_closest_marker("segprune")
    if marker is None:
        raise InputError(
            f"{item.name}: expected a marker that says what to judge, found none; add "
            'pytestmark = pytest.mark.segprune("name", dense=…, artifact=…, data=…, budget=…).'
        )
    try:
        bound = inspect.signature(_declared).bind(*marker.args, **marker.kwargs)
    except TypeError as error:
        raise InputError(
            f"{item.name}: marker segprune: {error}; it takes "
            f"{', '.join(inspect.signature(_declared).parameters)}."
        ) from error
    bound.apply_defaults()
    return _declared(*bound.args, **{**bound.kwargs, "folder": item.path.parent})


def _declared(
    case: str,
    *,
    dense: Any,
    artifact: str | Path,
    data: Any,
    budget: str | Mapping[str, float],
    weights: str | Path | None = None,
    split: str = "val",
    count: int | None = None,
    network: str | None = None,
    continued: str | Path | None = None,
    policy: str | Path = "policy.toml",
    baselines: str | Path = "baselines",
    input: tuple[int, ...] | None = None,
    memory_format: MemoryFormat | None = None,
    max_seconds: float = 30.0,
    claim: float | None = None,
    folder: Path = Path(),
) -> Case:
    """The marker's signature; paths are relative to the test's folder."""
    if not isinstance(case, str) or not re.fullmatch(r"\w[\w.-]*", case):
        raise InputError(
            "marker segprune: case: expected letters, digits and ._- for the name of a file, "
            f"found {case!r}; rename it."
        )
    tolerance, share, promise = Tolerance(), USUAL_FPS_SHARE, None
    if isinstance(budget, Mapping):
        promise = budget_from(case, budget, f"marker segprune({case!r}): budget")
    else:
        read = read_policy(folder / policy)
        dataset = data if isinstance(data, str) else ""
        promise = read.budget_of(dataset, network or case.partition("-")[0], budget)
        tolerance, share = read.tolerance, read.fps_share
        input = input or read.speed_sizes.get(dataset)
        memory_format = memory_format or read.memory_format
        if promise is None:
            raise InputError(
                f"marker segprune({case!r}): budget: expected one of {', '.join(read.budgets)} of "
                f"{policy}, found {budget!r}; or give numbers, "
                'budget={"miou_loss": 1, "class_loss": 8, "speedup": 1.5}.'
            )
    if memory_format not in (None, *MEMORY_FORMATS):
        raise InputError(
            f"marker segprune({case!r}): memory_format: expected one of "
            f"{', '.join(MEMORY_FORMATS)}, found {memory_format!r}."
        )
    if isinstance(dense, Path) or (isinstance(dense, str) and ":" not in dense):
        dense = folder / dense
    return Case(
        name=case,
        dense=dense,
        weights=None if weights is None else folder / weights,
        artifact=folder / artifact,
        data=data,
        split=split,
        count=count,
        budget=promise,
        continued=None if continued is None else folder / continued,
        baseline=folder / baselines / f"{case}.json",
        input=input,
        memory_format=memory_format or "contiguous",
        tolerance=tolerance,
        fps_share=share,
        max_seconds=max_seconds,
        claim=claim,
    )
