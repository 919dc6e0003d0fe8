"""Prune the network of a recovery by the run's plan, which is made once and kept in its folder."""

from __future__ import annotations

from pathlib import Path

from segprune.core.plan import PrunePlan
from segprune.core.planning.make_plan import make_plan
from segprune.core.surgery import prune
from segprune.errors import SegpruneError
from segprune.records.io import write_atomic
from segprune.training.devices import on_device, working_device
from segprune.training.recipe import Recipe
from segprune.workflows.jobs import Progress
from segprune.workflows.train.images import CALIBRATION, Images, measuring_batches
from segprune.workflows.train.run_folder import PLAN, is_primary, wait_for
from segprune.workflows.train.start import Start, with_widths

__all__ = ["prune_start", "run_plan"]

_PRUNING = "section [pruning] of the recipe: "


def run_plan(
    recipe: Recipe, start: Start, images: Images, folder: Path, progress: Progress
) -> PrunePlan:
    """Return the plan in a run's folder; make it if there is none.

    A resumed training needs the channels that it began with. Further processes of a distributed
    training wait for the first one's plan: their own would differ where processors round
    otherwise, and gradients then do not add up.
    """
    kept = folder / PLAN
    if not is_primary():
        wait_for(kept)
    if kept.exists():
        return PrunePlan.from_json(kept.read_text(encoding="utf-8"))
    progress("plan", 0, 1)
    plan = _plan(recipe, start, images)
    write_atomic(kept, plan.to_json())
    return plan


def prune_start(start: Start, plan: PrunePlan) -> Start:
    """Return the start of a training after its network was pruned."""
    whole = plan if start.is_dense else start.plan.then(plan)
    return Start(prune(start.network, plan), start.dense, whole, start.source)


def _plan(recipe: Recipe, start: Start, images: Images) -> PrunePlan:
    section = recipe.pruning
    assert section is not None
    device = working_device(recipe.training)
    try:
        with on_device(start.network, device) as network:
            plan = make_plan(
                network,
                images.example.to(device),
                config=section.build(recipe.seed),
                calibration=list(
                    measuring_batches(images, recipe, section.batches, CALIBRATION, device)
                ),
            )
        return with_widths(plan, start.network, recipe.network) if start.is_dense else plan
    except SegpruneError as error:  # which speaks of arguments, and this is a recipe
        raise type(error)(f"{_PRUNING}{error}") from error
