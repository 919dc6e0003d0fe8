"""Write a network's artefact, read it again as its users will, and prove it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from segprune.artifacts import save
from segprune.core.verification.verify import verify
from segprune.core.verification.violations import Violation
from segprune.data.sequences import is_file
from segprune.training.recipe import Recipe
from segprune.workflows.train.images import Images
from segprune.workflows.train.start import Start, load_artifact

__all__ = ["write_proved"]


def write_proved(
    path: Path, network: nn.Module, start: Start, recipe: Recipe, images: Images
) -> tuple[nn.Module, tuple[Violation, ...]]:
    """Write a network that was trained from a start; the file keeps its name only if it is proved.

    Returns:
        The network as it is in the file, with rounded weights, and the violations of its proof.
    """
    unproven = path.with_name(f".{path.name}.tmp")
    save(
        unproven, network.eval(), start.plan, dtype=torch.float16 if recipe.half else None,
        metadata=_metadata(recipe, images),
    )  # fmt: skip
    result = load_artifact(unproven, recipe, len(images.training.classes))
    proof = verify(start.dense, result, start.plan, images.example, trained=True)
    if proof:
        unproven.unlink()
    else:
        unproven.replace(path)
    return result, proof


def _metadata(recipe: Recipe, images: Images) -> Mapping[str, Any]:
    facts = {
        "preprocessing": images.preprocessing.as_metadata(),
        "input": list(images.example.shape),
        "classes": list(images.training.classes.names),
        "data": recipe.data.name,
        "run": recipe.name,
        "half": recipe.half,
    }
    if recipe.data.sequences is not None and not is_file(recipe.data.sequences):
        facts["sequences"] = recipe.data.sequences
    if recipe.network.average_of is not None:
        facts["mean_of"] = [path.name for path in recipe.network.average_of]
    return facts
