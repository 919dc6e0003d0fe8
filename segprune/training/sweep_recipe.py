"""Sweep recipes: which networks are pruned how far, by what, within which scope, and recovered how.

A network is named by a training recipe, whose sections network, data, augmentation, training,
recalibration and distillation are used. Paths are relative to the current folder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError, model_validator

from segprune.core.planning.config import PruneConfig, check
from segprune.core.planning.importance import importances, own_name
from segprune.errors import BudgetError, InputError, PlanError
from segprune.records.speed import MemoryFormat
from segprune.training.input_sections import Section
from segprune.training.recipe import Recipe, read_recipe
from segprune.training.toml import explain, read_toml

__all__ = [
    "BestSection",
    "FineTuningSection",
    "SweepNetwork",
    "SweepRecipe",
    "read_bases",
    "read_sweep",
]

_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"


def _distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if not values or len(set(values)) != len(values):
        raise ValueError("expected at least one value and none twice")
    return values


def _of_the_macs(share: float) -> float:
    try:
        check("budget", {"macs": share})
    except BudgetError as error:
        raise ValueError(str(error).partition(": ")[2]) from error
    return share


Share = Annotated[float, AfterValidator(_of_the_macs)]
Shares = Annotated[tuple[Share, ...], AfterValidator(_distinct)]


class SweepNetwork(Section):
    """One of the networks.

    Attributes:
        label: in the names of cells, such as "bisenetv2".
        recipe: a training recipe; its `init_from` is the dense artefact.
        set: values of that recipe that are replaced, such as `["data.val_count=50"]`.
    """

    label: str = Field(pattern=_NAME)
    recipe: Path
    set: tuple[str, ...] = ()


class BestSection(Section):
    """The choice of cells that are trained.

    Attributes:
        count: so many combinations of importance and scope of each network, at each budget, by
            mIoU after recalibration.
        budgets: out of the sweep's.
    """

    count: int = Field(3, ge=1)
    budgets: Shares


class FineTuningSection(Section):
    """Values that replace those of the network recipe's section `training`; None leaves them."""

    epochs: int | None = Field(None, ge=1)
    learning_rate: float | None = Field(None, gt=0)
    warmup_epochs: float | None = Field(None, ge=0)


class SweepRecipe(Section):
    """A whole sweep.

    Attributes:
        name: of the sweep, and of its folder under `runs/`.
        seed: of everything, in place of the network recipes' own.
        budgets: shares of the dense network's MACs that are kept.
        importances: names, or "all"; one function that has two names is run under its own.
        recoveries: as `segprune.records.sweep.RECOVERIES`.
        calibration_batches: of training images that importances look at; as `batches` of a recipe's
            section `pruning`, also where it is left out.
        speed_input: `(N, C, H, W)` at which speed is measured; None: that of the evaluation.
        speed_memory_format: how those images lie in memory.
        best: which cells are trained; None: all of them.
    """

    name: str = Field(pattern=_NAME)
    seed: int = Field(PruneConfig.seed, ge=0)
    networks: tuple[SweepNetwork, ...] = Field(min_length=1)
    budgets: Shares
    importances: Literal["all"] | Annotated[tuple[str, ...], AfterValidator(_distinct)] = "all"
    scopes: Annotated[tuple[Literal["global", "local"], ...], AfterValidator(_distinct)] = (
        "global", "local",
    )  # fmt: skip
    recoveries: Annotated[
        tuple[Literal["none", "recalibrated", "fine-tuned", "distilled"], ...],
        AfterValidator(_distinct),
    ] = ("none", "recalibrated")
    round_to: int = Field(PruneConfig.round_to, ge=1)
    calibration_batches: int | None = Field(None, ge=1)
    speed_input: tuple[int, int, int, int] | None = None
    speed_memory_format: MemoryFormat = "contiguous"
    best: BestSection | None = None
    fine_tuning: FineTuningSection = FineTuningSection()

    @model_validator(mode="after")
    def _consistent(self) -> SweepRecipe:
        labels = [network.label.casefold() for network in self.networks]
        if len(set(labels)) != len(labels):
            raise ValueError("expected networks with different labels")
        if self.best is not None:
            if not set(self.best.budgets) <= set(self.budgets):
                raise ValueError("expected best.budgets out of budgets")
            if "recalibrated" not in self.recoveries:
                raise ValueError('expected "recalibrated" among recoveries, by which best ranks')
        try:
            self.distinct_importances()
        except PlanError as error:
            raise ValueError(str(error)) from error
        return self

    def distinct_importances(self) -> tuple[str, ...]:
        """Return the importances to run, each function once."""
        names = importances() if self.importances == "all" else self.importances
        return tuple(dict.fromkeys(own_name(name) for name in names))


def read_sweep(path: Path, overrides: Sequence[str] = ()) -> SweepRecipe:
    """Read a sweep recipe; arguments and errors as for `read_recipe`."""
    content = read_toml(path, overrides)
    try:
        return SweepRecipe.model_validate(content)
    except ValidationError as error:
        raise InputError(f"{path}: {explain(error)}") from error


def read_bases(sweep: SweepRecipe, changes: Sequence[str] = ()) -> Mapping[str, Recipe]:
    """Return the recipe of each network by its label, with the sweep's seed.

    Args:
        changes: values that are replaced in every one of them.

    Raises:
        InputError: a recipe that cannot be read, that names no dense artefact, that trains on
            several devices, or that cannot recalibrate though the sweep asks for it.
    """
    bases = {}
    for network in sweep.networks:
        base = read_recipe(network.recipe, (*network.set, *changes))
        _check(network, base, sweep)
        bases[network.label] = base.model_copy(update={"seed": sweep.seed})
    return bases


def _check(network: SweepNetwork, base: Recipe, sweep: SweepRecipe) -> None:
    if base.network.init_from is None:
        found = "a mean (average_of)" if base.network.average_of else "none"
        raise InputError(
            f"{network.recipe}: network.init_from: expected the dense artefact of "
            f"{network.label}, found {found}; make it with segprune train, and name it."
        )
    if base.training.devices * base.training.nodes != 1:
        raise InputError(
            f"{network.recipe}: training.devices: expected one, for a sweep runs several jobs "
            f"beside each other, found {base.training.devices} on {base.training.nodes} nodes; "
            f'add set = ["training.devices=1", "training.nodes=1"] to {network.label}.'
        )
    if base.recalibration.batches == 0 and "recalibrated" in sweep.recoveries:
        raise InputError(
            f"{network.recipe}: recalibration.batches: expected at least 1, for the sweep has "
            "recalibrated cells, found 0; 64 is usual."
        )
