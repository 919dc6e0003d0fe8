"""The marker `segprune(…)` of a test: its networks, images, targets and baseline."""

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
from segprune.errors import InputError, warn_renamed
from segprune.gates.criteria import Criteria
from segprune.gates.policy_file import budget_from, read_policy
from segprune.records.speed import MemoryFormat
from segprune.speed.inputs import MEMORY_FORMATS, batch_size

if TYPE_CHECKING:
    from torch import nn

    from segprune.data.dataset import SegmentationDataset

__all__ = ["Case", "case_of"]

_MARKER = "marker segprune"


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
        data_name: its name in the policy; None if the policy says nothing of data sets.
        root: folder of a data set that is given by its name; None: as --segprune-data says.
        split, count: of a data set that is given by its name.
        given: the marker's values for the normalisation: `mean`, `std` and `range`.
        label_map: what single values in label files mean, of a data set given by its name.
        sequences: a pattern or a file that says which images are one sequence, as for
            `segprune.data.sequences`; None: as the artefact or the data set says.
        skip_without_data: whether a test without its images is skipped even with
            --segprune-strict; for images that not every machine may have.
        criteria: the targets, and the rules by which they are judged.
        continued: a committed record of the dense network trained on, or None; floors follow from
            the better score of both.
        baseline: the file that keeps it.
        input: size `(N, C, H, W)` for measuring speed; None: the artefact's.
        memory_format: of the images, for measuring speed.
        max_seconds: time limit of one speed gate.
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
    criteria: Criteria
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
    generalization_margin: float | None = None,
    claim: float | None = None,
    folder: Path = Path(),
) -> Case:
    """Make a case of the marker's arguments; paths are relative to the test's folder."""
    if not isinstance(case, str) or not re.fullmatch(r"\w[\w.-]{0,99}", case):
        raise InputError(
            "marker segprune: case: expected up to 100 letters, digits and ._- for the name of a "
            f"file, found {case!r}; rename it."
        )
    paths = {"artifact": artifact, "baselines": baselines, "policy": policy}
    optional = {"weights": weights, "continued": continued, "root": root}
    paths |= {name: path for name, path in optional.items() if path is not None}
    for name, path in paths.items():
        if not isinstance(path, (str, Path)):
            raise _wrong(case, name, "a path", path)
    if sequences is not None and not (isinstance(sequences, (str, Path)) and str(sequences)):
        expected = (
            "a regular expression that finds the sequence in an image's name, or a file (*.csv) "
            "with lines image,sequence"
        )
        raise _wrong(case, "sequences", expected, sequences)
    for name, value in (("dense", dense), ("data", data)):
        if value is None:
            raise _wrong(case, name, "a value", None)
    if type(skip_without_data) is not bool:
        raise _wrong(case, "skip_without_data", "True or False", skip_without_data)
    if count is not None and (type(count) is not int or count < 1 or not isinstance(data, str)):
        expected = "a whole number from 1 beside the name of a data set"
        remedy = "a function opens as many images as it likes, so correct the marker"
        raise _wrong(case, "count", expected, count, remedy)
    if root is not None and (not isinstance(data, str) or data == "streets"):
        expected = "it beside the name of a data set that is read from a folder"
        raise _wrong(case, "root", expected, data, "leave root out")
    if label_map is not None:
        if not isinstance(data, str):
            expected = "it beside the name of a data set"
            remedy = "a function gives labels as it likes, so map them there"
            raise _wrong(case, "label_map", expected, data, remedy)
        label_map = read_label_map(label_map, f"{_MARKER}({case!r}): label_map")
    size = None if input is None else batch_size(input)
    if input is not None and size is None:
        raise _wrong(case, "input", "(N, C, H, W)", input)
    given = _normalisation(case, mean, std, range)
    _require_number(case, "max_seconds", max_seconds, 1e-9, "above 0")
    if claim is not None:
        warn_renamed(f"{_MARKER}({case!r}): claim", "generalization_margin")
        generalization_margin = claim
    if generalization_margin is not None:
        _require_number(case, "generalization_margin", generalization_margin, 0, "from 0")
    if isinstance(data, str):
        data_name = data
    elif data_name is None and not callable(data):
        data_name = getattr(data, "name", None)
    if isinstance(budget, Mapping):
        targets = budget_from(case, budget, f"{_MARKER}({case!r}): budget")
        criteria = Criteria(targets, generalization_margin=generalization_margin)
    else:
        if not isinstance(budget, str):
            raise _wrong(case, "budget", f"the name of one in {policy}, or numbers by name", budget)
        read = read_policy(folder / policy)
        if data_name is None and (read.dense or read.exceptions or read.speed_sizes):
            expected = (
                f"the name that {policy} has for the images of a function, because it has lines "
                "for single data sets"
            )
            raise _wrong(case, "data_name", expected, None, 'add data_name="…"')
        dataset = data_name or ""
        budgeted = read.budget_of(dataset, network or case.partition("-")[0], budget)
        if budgeted is None or budget not in read.budgets:  # a name that only begins like one, too
            expected = f"one of {', '.join(read.budgets)} of {policy}"
            example = '{"miou_loss": 1, "class_loss": 8, "speedup": 1.5}'
            raise _wrong(case, "budget", expected, budget, f"or give numbers, budget={example}")
        criteria = Criteria(
            budgeted, read.tolerance, read.speedup_share, read.fps_share,
            read.dense.get(dataset, 0.0), generalization_margin,
        )  # fmt: skip
        size = size or read.speed_sizes.get(dataset)
        memory_format = memory_format or read.memory_format
    if memory_format not in (None, *MEMORY_FORMATS):
        raise _wrong(case, "memory_format", f"one of {', '.join(MEMORY_FORMATS)}", memory_format)
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
        criteria=criteria,
        continued=None if continued is None else folder / continued,
        baseline=folder / baselines / f"{case}.json",
        input=size,
        memory_format=memory_format or "contiguous",
        max_seconds=max_seconds,
    )


def _normalisation(case: str, mean: Any, std: Any, range: Any) -> Given:
    parts = (tuple(part) if isinstance(part, list) else part for part in (mean, std, range))
    try:
        return Given(*parts)
    except InputError as error:
        raise InputError(f"{_MARKER}({case!r}): {error}") from error


def _require_number(case: str, name: str, value: Any, least: float, range: str) -> None:
    if type(value) not in (int, float) or not least <= value < math.inf:
        raise _wrong(case, name, f"a number {range}", value)


def _wrong(
    case: str, name: str, expected: str, found: object, remedy: str = "correct the marker"
) -> InputError:
    return InputError(
        f"{_MARKER}({case!r}): {name}: expected {expected}, found {found!r}; {remedy}."
    )
