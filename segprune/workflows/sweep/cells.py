"""From a sweep recipe to its cells, and from scores to the cells that are worth training; pure."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segprune.core.planning.config import PruneConfig
from segprune.errors import InputError
from segprune.records.sweep import CellRecord, plan_name
from segprune.training.recipe import Recipe, parse_recipe
from segprune.training.sections import DistillationSection, PruningSection
from segprune.training.sweep_recipe import SweepRecipe
from segprune.training.toml import to_toml

__all__ = ["Cell", "best_plans", "expand", "is_trained"]

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Cell:
    """One cell that is to be run.

    Attributes:
        name: `plan_name` and the recovery; the name of its record, too.
        plan_name: the same for all cells that prune alike.
        recipe: which `segprune recover` would run to the same end.
    """

    name: str
    plan_name: str
    network: str
    recovery: str
    recipe: Recipe

    @property
    def config(self) -> PruneConfig:
        """Return what its plan has to reach."""
        assert self.recipe.pruning is not None
        return self.recipe.pruning.build(self.recipe.seed)

    def to_plain(self) -> dict[str, Any]:
        """Return the cell as JSON holds it; `from_plain` reads it back."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {**fields, "recipe": to_toml(self.recipe)}

    @classmethod
    def from_plain(cls, content: Mapping[str, Any]) -> Cell:
        """Read what `to_plain` returned."""
        recipe = parse_recipe(tomllib.loads(content["recipe"]), str(content["name"]))
        return cls(**{**content, "recipe": recipe})


def is_trained(recovery: str) -> bool:
    """Return whether weights are trained, which leaves an artefact and takes hours."""
    return recovery in ("fine-tuned", "distilled")


def expand(sweep: SweepRecipe, bases: Mapping[str, Recipe]) -> tuple[Cell, ...]:
    """Return all cells in the recipe's order; trained ones only where they may be the best.

    Args:
        bases: the recipe of each network by its label.

    Raises:
        InputError: two cells of one name (budgets that agree in six digits, say), or a name that is
            none for a file.
    """
    cells = [
        _cell(sweep, bases[network.label], network.label, budget, importance, scope, recovery)
        for network in sweep.networks
        for budget in sweep.budgets
        for importance in sweep.distinct_importances()
        for scope in sweep.scopes
        for recovery in sweep.recoveries
        if not is_trained(recovery) or sweep.best is None or budget in sweep.best.budgets
    ]
    seen: set[str] = set()
    for cell in cells:
        if cell.name.casefold() in seen or not _SAFE.fullmatch(cell.name):
            raise InputError(
                f"sweep {sweep.name}: expected cells with different names of letters, digits and "
                f"._-, found {cell.name!r} {'twice' if _SAFE.fullmatch(cell.name) else ''}; change "
                "labels, budgets or names of importances."
            )
        seen.add(cell.name.casefold())
    return tuple(cells)


def best_plans(records: Iterable[CellRecord], count: int, budgets: Sequence[float]) -> set[str]:
    """Return the names of the best plans of each network at each budget, which are trained.

    Ranked by mIoU after recalibration, ties by name. Of importances that came to the same plan only
    the first is taken, for training it twice adds nothing.
    """
    chosen: set[str] = set()
    scored: dict[tuple[str, float], list[tuple[float, str, str]]] = {}
    for record in records:
        budget = record.budget["macs"]
        if record.recovery == "recalibrated" and record.outcome is not None and budget in budgets:
            row = (-record.outcome.score.miou, record.plan_name, record.outcome.plan)
            scored.setdefault((record.network, budget), []).append(row)
    for rows in scored.values():
        plans: dict[str, str] = {}
        for _, name, plan in sorted(rows):
            plans.setdefault(plan, name)
        chosen.update(list(plans.values())[:count])
    return chosen


def _cell(
    sweep: SweepRecipe, base: Recipe, network: str, budget: float, importance: str, scope: str,
    recovery: str,
) -> Cell:  # fmt: skip
    plan = plan_name(network, {"macs": budget}, importance, scope)
    name = f"{plan}-{recovery}"
    changes: dict[str, Any] = {
        "name": name,
        "variant": None,
        "pruning": _pruning(sweep, base, budget, importance, scope),
        "distillation": None,
    }
    if is_trained(recovery):
        given = sweep.fine_tuning.model_dump(exclude_none=True)
        changes["training"] = base.training.model_copy(update=given)
        if recovery == "distilled":
            changes["distillation"] = base.distillation or DistillationSection()
    else:
        # What is judged are the weights in memory; half of their digits would be another matter.
        batches = base.recalibration.batches if recovery == "recalibrated" else 0
        changes["half"] = False
        changes["training"] = base.training.model_copy(update={"epochs": 0})
        changes["recalibration"] = base.recalibration.model_copy(
            update={"batches": batches, "at_the_end": False}
        )
    recipe = base.model_copy(update=changes)
    return Cell(name, plan, network, recovery, recipe)


def _pruning(
    sweep: SweepRecipe, base: Recipe, budget: float, importance: str, scope: str
) -> PruningSection:
    """Return the sweep's section, with what the network's own recipe says of other fields."""
    own = base.pruning
    kept = {"ignored_layers", "floor", "min_channels", "normalize", "cost_aware"}
    stays = {} if own is None else own.model_dump(include=kept)
    given = {
        "budget": {"macs": budget}, "importance": importance, "scope": scope,
        "round_to": sweep.round_to, "batches": sweep.calibration_batches,
    }  # fmt: skip
    return PruningSection.model_validate({**stays, **given})
