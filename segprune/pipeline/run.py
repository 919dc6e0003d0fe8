"""The folder of a training run: made, found again after an interruption, or refused."""

from __future__ import annotations

import os
from pathlib import Path

from segprune.errors import InputError
from segprune.records import write_atomic
from segprune.training.recipe import Recipe, read_recipe, to_toml

__all__ = ["RECORD", "begin_run", "is_primary"]

RECORD = "record.json"
_RECIPE = "recipe.toml"


def begin_run(recipe: Recipe, out: Path) -> Path:
    """The folder `out/<name>`, with the resolved recipe in it.

    A folder that an interrupted run of the same recipe left is taken up again.

    Raises:
        InputError: the folder is of another recipe, or its run is finished; nothing is changed.
    """
    folder = out / recipe.name
    known = folder / _RECIPE
    if known.exists():
        if read_recipe(known) != recipe:
            raise InputError(
                f"name: expected a run of this recipe in {folder}, found one of another recipe "
                f"(compare {known}); give the recipe another name, or remove the folder."
            )
        if (folder / RECORD).exists():
            raise InputError(
                f"name: expected a run to start or to resume, found {folder} finished; "
                "look at its record.json, give the recipe another name, or remove the folder."
            )
    elif folder.exists() and any(folder.iterdir()):
        raise InputError(
            f"name: expected a folder of a training run, found {folder} with other contents; "
            "give the recipe another name."
        )
    if is_primary():
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"out: expected a folder that can be made, found {error.strerror or error} at "
                f"{folder}; choose another place."
            ) from error
        write_atomic(known, to_toml(recipe))
    return folder


def is_primary() -> bool:
    """Whether this process writes results: not a further process of a distributed training."""
    return int(os.environ.get("LOCAL_RANK", "0")) == 0 and int(os.environ.get("NODE_RANK", "0")) == 0
