"""The folder of a sweep: what is in it, and that it belongs to one recipe.

recipe.toml, networks/LABEL.toml   what the sweep is
dense/LABEL.json                   each dense network, evaluated once
cells/CELL.json                    one record a cell
plans/DIGEST.json                  each plan, for measuring its speed
runs/CELL/                         trained cells: artefact, logs, checkpoint
speed/PLAN.json                    one record of speed a plan
workers.log                        what worker processes print
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, TypeVar

from pydantic import ValidationError

from segprune.core.plan import PrunePlan
from segprune.errors import InputError
from segprune.records.environment import Environment
from segprune.records.io import LATER, new_folder, read_record, write_atomic, write_record
from segprune.records.preprocessing import Preprocessing
from segprune.records.score import Score
from segprune.records.sweep import CellRecord, LayerWidth, SpeedRecord
from segprune.training.recipe import Recipe
from segprune.training.sweep_recipe import SweepRecipe
from segprune.training.toml import read_toml, to_toml

__all__ = ["DenseRecord", "LayerAxis", "SweepFolder", "widths_of"]

_RECIPE, _NETWORKS = "recipe.toml", "networks"
_KINDS = ("cells", "dense", "plans", "runs", "speed")

Kind = TypeVar("Kind", CellRecord, "DenseRecord", SpeedRecord)


@dataclass(frozen=True)
class LayerAxis:
    """The place of a layer's output channels: dimension `dim` of `weight`, `channels` of them."""

    name: str
    weight: str
    dim: int
    channels: int


@dataclass(frozen=True)
class DenseRecord:
    """A dense network as all cells are compared with it; attributes as in `CellRecord`.

    Attributes:
        layers: that inference uses, in the order of the network.
    """

    SCHEMA: ClassVar[str] = "segprune.sweep-dense/1"

    command: tuple[str, ...]
    sweep: str
    network: str
    data: str
    classes: tuple[str, ...]
    input: tuple[int, ...]
    validation_images: int
    validation_digest: str
    source: str
    params: int
    macs: int
    layers: tuple[LayerAxis, ...]
    score: Score
    packages: Mapping[str, str]
    environment: Environment
    preprocessing: Preprocessing | None = field(default=None, metadata=LATER)
    normalisation: str = field(default="", metadata=LATER)


def widths_of(plan: PrunePlan, layers: tuple[LayerAxis, ...]) -> tuple[LayerWidth, ...]:
    """Return how many channels of each layer a plan keeps."""
    kept = (plan.kept.get(layer.weight, {}).get(layer.dim) for layer in layers)
    return tuple(
        LayerWidth(layer.name, layer.channels if rows is None else len(rows), layer.channels)
        for layer, rows in zip(layers, kept, strict=True)
    )


_FOLDERS = {CellRecord: "cells", DenseRecord: "dense", SpeedRecord: "speed"}


class SweepFolder:
    """Reads and writes all files of a sweep; every one appears whole or not at all."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def begin(self, sweep: SweepRecipe, bases: Mapping[str, Recipe]) -> None:
        """Make the folder, or find that it is of this very recipe.

        Raises:
            InputError: it is of another one; nothing is changed.
            ArtifactError: it cannot be made.
        """
        wanted: dict[str, SweepRecipe | Recipe] = {_RECIPE: sweep}
        wanted |= {f"{_NETWORKS}/{label}.toml": base for label, base in bases.items()}
        if (self.path / _RECIPE).exists():
            for name, recipe in wanted.items():
                self._check_same(name, recipe)
            return
        if self.path.exists():
            raise InputError(
                f"name: expected a folder of a sweep, found {self.path} with other contents; "
                "give the recipe another name."
            )
        with new_folder(self.path) as staging:
            for kind in (_NETWORKS, *_KINDS):
                (staging / kind).mkdir()
            for name, recipe in wanted.items():
                write_atomic(staging / name, to_toml(recipe))

    def _check_same(self, name: str, recipe: SweepRecipe | Recipe) -> None:
        path = self.path / name
        if not path.exists() or not _holds(path, recipe):
            raise InputError(
                f"name: expected a sweep of this recipe in {self.path}, found one of another "
                f"(compare {path}); give the recipe another name, or remove the folder."
            )

    # -- records -----------------------------------------------------------------------------------

    def find(self, kind: type[Kind], name: str) -> Kind | None:
        """Return the record of a cell, a dense network or a plan's speed, or None."""
        path = self._record(kind, name)
        return read_record(kind, path) if path.exists() else None

    def keep(self, name: str, record: CellRecord | DenseRecord | SpeedRecord) -> None:
        """Write a record."""
        write_record(self._record(type(record), name), record)

    def forget_cell(self, name: str) -> None:
        """Remove a cell's record, so that it is run again."""
        self._record(CellRecord, name).unlink(missing_ok=True)

    def _record(self, kind: type[CellRecord | DenseRecord | SpeedRecord], name: str) -> Path:
        return self.path / _FOLDERS[kind] / f"{name}.json"

    # -- plans and runs ----------------------------------------------------------------------------

    def plan(self, digest: str) -> PrunePlan:
        """A plan by its digest; errors as for `PrunePlan.from_json`.

        Raises:
            InputError: it is not there.
        """
        path = self.path / "plans" / f"{digest}.json"
        try:
            return PrunePlan.from_json(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise InputError(
                f"{path}: expected the plan of a cell, found {error.strerror or error}; remove the "
                "records of its cells, and run the sweep again."
            ) from error

    def keep_plan(self, plan: PrunePlan) -> None:
        """Write a plan."""
        write_atomic(self.path / "plans" / f"{plan.digest}.json", plan.to_json() + "\n")

    @property
    def runs(self) -> Path:
        """Return the folder of the runs of trained cells."""
        return self.path / "runs"

    @property
    def log(self) -> Path:
        """Return the file of what worker processes print."""
        return self.path / "workers.log"


def _holds(path: Path, recipe: SweepRecipe | Recipe) -> bool:
    """Return whether a file says the same as a recipe, perhaps with an earlier version's names."""
    try:
        return type(recipe).model_validate(read_toml(path)) == recipe
    except (InputError, ValidationError):
        return False
