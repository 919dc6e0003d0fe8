"""The marker `segprune(…)` of a test: its networks, images, promise and baseline."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from segprune.data.label_map import read_label_map
from segprune.data.normalisation import Given
from segprune.data.sequences import is_file
from segprune.errors import InputError
from segprune.gates.criteria import Criteria
from segprune.gates.policy_file import budget_from, read_policy
from segprune.records.speed import MemoryFormat
from segprune.speed.inputs import MEMORY_FORMATS, batch_size

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
        data: name of a data set, a data set, or a function that opens one.
        data_name: what the policy calls it; None where the policy says nothing of data sets.
        root: folder of a data set that is given by its name; None: as --segprune-data says.
        split, count: of a data set that is given by its name.
        given: the marker's values for the normalisation: `mean`, `std` and `range`.
        label_map: what single values in label files mean, of a data set given by its name.
        sequences: a pattern or a file that says which images are one sequence, as for
            `segprune.data.sequences`; None: as the artefact or the data set says.
        skip_without_data: whether images that are not on this machine are no reason for red with
            --segprune-strict; for images that cannot be everywhere.
        terms: what is promised, and by what rules it is judged.
        continued: a committed record of the dense network trained on, or None: the better of both
            is what floors follow from.
        baseline: where it is kept.
        input: `(N, C, H, W)` at which speed is measured; None: what the artefact was made for.
        memory_format: in which it is measured.
        max_seconds: for one speed gate.
    """

    name: str
    dense: nn.Module | Callable[[], nn.Module] | str | Path
    weights: Path | None
    artifact: Path
    data: str | SegmentationDataset | Callable[[], SegmentationDataset]
    data_name: str | None
    root: Path | None
    split: str
    count: int | None
    given: Given
    label_map: Mapping[Any, Any] | None
    sequences: str | Path | None
    skip_without_data: bool
    terms: Criteria
    continued: Path | None
    baseline: Path
    input: tuple[int, ...] | None
    memory_format: MemoryFormat
    max_seconds: float


def case_of(item: pytest.Item) -> Case:
    """Return the case that a test's marker describes.

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
    data_name: str | None = None,
    root: str | Path | None = None,
    budget: str | Mapping[str, float],
    weights: str | Path | None = None,
    split: str = "val",
    count: int | None = None,
    mean: Any = None,
    std: Any = None,
    range: Any = None,
    label_map: Any = None,
    sequences: str | Path | None = None,
    skip_without_data: bool = False,
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
    """Make a case of the marker's arguments; paths are relative to the test's folder."""
    if not isinstance(case, str) or not re.fullmatch(r"\w[\w.-]{0,99}", case):
        raise InputError(
            "marker segprune: case: expected up to 100 letters, digits and ._- for the name of a "
            f"file, found {case!r}; rename it."
        )
    optional = {"weights": weights, "continued": continued, "root": root}
    _check_kinds(
        case, artifact=artifact, baselines=baselines, policy=policy,
        **{name: path for name, path in optional.items() if path is not None},
    )  # fmt: skip
    if sequences is not None and not (isinstance(sequences, (str, Path)) and str(sequences)):
        raise InputError(
            f"marker segprune({case!r}): sequences: expected a regular expression that finds the "
            "sequence in an image's name, or a file (*.csv) with lines image,sequence, found "
            f"{sequences!r}; correct the marker."
        )
    if type(skip_without_data) is not bool or data is None or dense is None:
        raise InputError(
            f"marker segprune({case!r}): expected dense, data, and skip_without_data=True or "
            f"False, found dense={dense!r}, data={data!r}, skip_without_data="
            f"{skip_without_data!r}; correct the marker."
        )
    if count is not None and (type(count) is not int or count < 1 or not isinstance(data, str)):
        raise InputError(
            f"marker segprune({case!r}): count: expected a whole number from 1 beside the name of "
            f"a data set, found {count!r}; a function opens as many images as it likes, so "
            "correct the marker."
        )
    if root is not None and (not isinstance(data, str) or data == "streets"):
        raise InputError(
            f"marker segprune({case!r}): root: expected it beside the name of a data set that is "
            f"read from a folder, found data={data!r}; leave root out."
        )
    given = _given(case, mean, std, range)
    if label_map is not None:
        if not isinstance(data, str):
            raise InputError(
                f"marker segprune({case!r}): label_map: expected it beside the name of a data set, "
                f"found data={data!r}; a function gives labels as it likes, so map them there."
            )
        label_map = read_label_map(label_map, f"marker segprune({case!r}): label_map")
    if input is not None:
        input = _input(case, input)
    _check_number(case, "max_seconds", max_seconds, 1e-9, "above 0")
    if claim is not None:
        _check_number(case, "claim", claim, 0, "from 0")
    if isinstance(data, str):
        data_name = data
    elif data_name is None and not callable(data):
        data_name = getattr(data, "name", None)
    if isinstance(budget, Mapping):
        promise = budget_from(case, budget, f"marker segprune({case!r}): budget")
        terms = Criteria(promise, generalization_margin=claim)
    else:
        if not isinstance(budget, str):
            raise InputError(
                f"marker segprune({case!r}): budget: expected the name of one in {policy}, or "
                f"numbers by name, found {budget!r}; correct the marker."
            )
        read = read_policy(folder / policy)
        if data_name is None and (read.dense or read.exceptions or read.speed_sizes):
            raise InputError(
                f"marker segprune({case!r}): data_name: expected what {policy} calls the images of "
                "a function, for it has lines for single data sets, found none; add "
                'data_name="…".'
            )
        dataset = data_name or ""
        budgeted = read.budget_of(dataset, network or case.partition("-")[0], budget)
        if budgeted is None or budget not in read.budgets:  # a name that only begins like one, too
            raise InputError(
                f"marker segprune({case!r}): budget: expected one of {', '.join(read.budgets)} of "
                f"{policy}, found {budget!r}; or give numbers, "
                'budget={"miou_loss": 1, "class_loss": 8, "speedup": 1.5}.'
            )
        terms = Criteria(
            budgeted, read.tolerance, read.speedup_share, read.fps_share,
            read.dense.get(dataset, 0.0), claim,
        )  # fmt: skip
        input = input or read.speed_sizes.get(dataset)
        memory_format = memory_format or read.memory_format
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
        data_name=data_name,
        root=None if root is None else folder / root,
        split=split,
        count=count,
        given=given,
        label_map=label_map,
        sequences=folder / sequences if sequences and is_file(sequences) else sequences,
        skip_without_data=skip_without_data,
        terms=terms,
        continued=None if continued is None else folder / continued,
        baseline=folder / baselines / f"{case}.json",
        input=input,
        memory_format=memory_format or "contiguous",
        max_seconds=max_seconds,
    )


def _given(case: str, mean: Any, std: Any, range: Any) -> Given:
    parts = (tuple(part) if isinstance(part, list) else part for part in (mean, std, range))
    try:
        return Given(*parts)
    except InputError as error:
        raise InputError(f"marker segprune({case!r}): {error}") from error


def _input(case: str, given: Any) -> tuple[int, ...]:
    size = batch_size(given)
    if size is None:
        raise InputError(
            f"marker segprune({case!r}): input: expected (N, C, H, W), found {given!r}; correct "
            "the marker."
        )
    return size


def _check_kinds(case: str, **paths: Any) -> None:
    for name, value in paths.items():
        if not isinstance(value, (str, Path)):
            raise InputError(
                f"marker segprune({case!r}): {name}: expected a path, found {value!r}; correct "
                "the marker."
            )


def _check_number(case: str, name: str, value: Any, least: float, range: str) -> None:
    if type(value) not in (int, float) or not least <= value < math.inf:
        raise InputError(
            f"marker segprune({case!r}): {name}: expected a number {range}, found {value!r}; "
            "correct the marker."
        )
