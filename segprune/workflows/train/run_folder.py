"""The folder of a training run: made, found again after an interruption, or refused."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from segprune.errors import InputError
from segprune.models.weights import file_digest
from segprune.records.io import beside, write_atomic
from segprune.training.logs import ROWS
from segprune.training.recipe import Recipe, parse_recipe
from segprune.training.toml import read_toml, to_toml
from segprune.workflows.folder import only_one

__all__ = [
    "OVERLAYS", "PLAN", "RECORD", "is_primary", "require_same_images", "run_folder", "wait_for",
]  # fmt: skip

RECORD = "record.json"
PLAN = "plan.json"
OVERLAYS = "overlays"
_RECIPE = "recipe.toml"
_SOURCES = Path("state", "sources.json")
_IMAGES = Path("state", "images.json")
_MOST = 5
"""Fields that differ, in a message."""

_PATIENCE = 1800.0
"""Seconds; as long as torch's processes wait for one another."""


@contextlib.contextmanager
def run_folder(recipe: Recipe, out: Path, *, replace: bool = False) -> Iterator[Path]:
    """The folder `out/<name>`, with the resolved recipe in it, for this process alone.

    A folder that an interrupted run of the same recipe left is taken up again. Further processes
    of a distributed training are given the folder as it is.

    Args:
        replace: a run that is finished or has other settings makes room for a new one. It comes
            back if the new one fails before it has made anything.

    Raises:
        InputError: a file that the recipe names is missing or has changed since, the folder is of
            another recipe, its run is finished, or another process is at it; nothing is changed.
    """
    folder = out / recipe.name
    if not is_primary():
        yield folder
        return
    sources = _sources(recipe)
    with contextlib.ExitStack() as stack:
        if replace and (folder / _RECIPE).exists() and not _can_resume(recipe, sources, folder):
            _require_outside(recipe, folder)
            stack.enter_context(_move_aside(folder))
        yield from _entered(recipe, folder, sources)


def _entered(recipe: Recipe, folder: Path, sources: Mapping[str, str]) -> Iterator[Path]:
    began = False
    if (folder / _RECIPE).exists():
        _check_same(recipe, folder)
        _check_sources(sources, folder)
    elif folder.exists() and any(not _may_be_unfinished_run(path) for path in folder.iterdir()):
        raise InputError(
            f"name: expected a folder of a training run, found {folder} with other contents; "
            "give the recipe another name."
        )
    try:
        (folder / _SOURCES).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"out: expected a folder that can be made, found {error.strerror or error} at "
            f"{folder}; choose another place."
        ) from error
    try:
        with only_one(folder / _SOURCES.parent):
            _remove_unfinished(folder)
            # The recipe last: where it stands, everything that it is compared with stands too.
            write_atomic(folder / _SOURCES, json.dumps(sources, indent=2) + "\n")
            write_atomic(folder / _RECIPE, to_toml(recipe))
            began = True
            yield folder
    except Exception:
        if began and _is_empty_run(folder):
            _clear(folder)
        raise


def require_same_images(folder: Path, digests: Mapping[str, str]) -> None:
    """Refuse images that are others than those the run began with; digests are noted if it begins.

    Args:
        digests: of the images, by the recipe's field that names them.
    """
    known = folder / _IMAGES
    if not known.exists():
        write_atomic(known, json.dumps(digests, indent=2) + "\n")
        return
    for field, _ in _changed(known, digests):
        raise InputError(
            f"{field}: expected the images that the run in {folder} began with, found others; "
            "put them back, give the recipe another name, or remove the folder."
        )


def wait_for(path: Path, seconds: float = _PATIENCE) -> None:
    """Wait until the first process of a distributed training has written a file.

    Raises:
        InputError: it has not, within so many seconds.
    """
    deadline = time.monotonic() + seconds
    while not path.exists():
        if time.monotonic() > deadline:
            raise InputError(
                f"{path}: expected it from the first process of this training within "
                f"{seconds:g} s, found none; look at what that process says, and whether all see "
                "one folder."
            )
        time.sleep(0.1)


def is_primary() -> bool:
    """Return whether this process is the one of a distributed training that writes results.

    The environment that torchrun, Lightning and SLURM set says so, before the processes have found
    each other.
    """
    if "RANK" in os.environ:
        return int(os.environ["RANK"]) == 0
    if "LOCAL_RANK" in os.environ:
        return int(os.environ["LOCAL_RANK"]) == 0 and int(os.environ.get("NODE_RANK", "0")) == 0
    return int(os.environ.get("SLURM_PROCID", "0")) == 0


# -- taking up again -------------------------------------------------------------------------------


def _check_same(recipe: Recipe, folder: Path) -> None:
    path = folder / _RECIPE
    found = parse_recipe(read_toml(path), str(path)).differences(recipe)
    if found:
        shown, more = "; ".join(found[:_MOST]), len(found) - _MOST
        rest = f"; and {more} more fields, see {folder / _RECIPE}" if more > 0 else ""
        raise InputError(
            f"name: expected a run of this recipe in {folder}, found one of another recipe: "
            f"{shown}{rest}. Give the run another name (--name), set the fields as they were, or "
            "pass --replace to begin anew."
        )
    if (folder / RECORD).exists():
        raise InputError(
            f"name: expected a run to start or to resume, found {folder} finished; look at its "
            "record.json, give the run another name (--name), or pass --replace to begin anew."
        )


def _check_sources(sources: Mapping[str, str], folder: Path) -> None:
    """Check that the files a recipe names have not changed: plan and checkpoint depend on them."""
    for field, began in _changed(folder / _SOURCES, sources):
        raise InputError(
            f"{field}: expected the file that the run in {folder} began with ({began[:12]}), "
            f"found another ({sources[field][:12]}); put it back, give the run another name "
            "(--name), or pass --replace to begin anew."
        )


def _changed(known: Path, digests: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield fields whose digests differ from those in a file, with the digests in the file."""
    text = known.read_text(encoding="utf-8") if known.exists() else "{}"
    began: dict[str, str] = json.loads(text)
    for field, digest in digests.items():
        if began.get(field) != digest:
            yield field, began.get(field, "unknown")


def _named(recipe: Recipe) -> dict[str, Path]:
    """Files that a recipe names, by field."""
    named = {
        "network.init_from": recipe.network.init_from,
        "network.architecture_of": recipe.network.architecture_of,
        "distillation.teacher": recipe.distillation.teacher if recipe.distillation else None,
    }
    for number, artifact in enumerate(recipe.network.average_of or ()):
        named[f"network.average_of[{number}]"] = artifact
    return {field: path for field, path in named.items() if path is not None}


def _sources(recipe: Recipe) -> dict[str, str]:
    """Digests of the files that a recipe names, by field."""
    digests = {}
    for field, path in _named(recipe).items():
        try:
            digests[field] = file_digest(path)
        except OSError as error:
            raise InputError(
                f"{field}: expected a file, found {error.strerror or error} at {path}; "
                "paths are relative to the current folder."
            ) from error
    return digests


# -- replacing -------------------------------------------------------------------------------------


def _can_resume(recipe: Recipe, sources: Mapping[str, str], folder: Path) -> bool:
    """Return whether an interrupted run of just these settings lies in the folder."""
    try:
        _check_same(recipe, folder)
        _check_sources(sources, folder)
    except InputError:
        return False
    return True


def _require_outside(recipe: Recipe, folder: Path) -> None:
    for field, path in _named(recipe).items():
        if folder.resolve() in path.resolve().parents:
            raise InputError(
                f"{field}: expected a file outside of {folder}, which --replace takes away, found "
                f"{path}; give the run another name (--name)."
            )


@contextlib.contextmanager
def _move_aside(folder: Path) -> Iterator[None]:
    """Move a folder out of the way; put it back if the block leaves nothing in its place."""
    aside = beside(folder)
    with only_one(folder / _SOURCES.parent):
        folder.rename(aside)
    try:
        yield
    finally:
        if folder.exists():
            _remove(aside)
        else:
            aside.rename(folder)


# -- what a killed run leaves ----------------------------------------------------------------------


def _may_be_unfinished_run(path: Path) -> bool:
    """Return whether a run that was killed before its recipe was written may leave this."""
    return path.name == _SOURCES.parent.name or _is_unfinished(path)


def _is_empty_run(folder: Path) -> bool:
    """Return whether a failed start left no plan, no row of a log and no checkpoint."""
    own = {_RECIPE, *_SOURCES.parts, _IMAGES.name, "lock"}
    if not (folder / ROWS).exists():
        own |= {path.name for path in (folder / ROWS.parent, *(folder / ROWS.parent).glob("*"))}
    return all(path.name in own or _is_unfinished(path) for path in folder.rglob("*"))


def _clear(folder: Path) -> None:
    """Remove the folder; keep a link to another place, which is the user's."""
    if not folder.is_symlink():
        shutil.rmtree(folder)
        return
    for path in folder.iterdir():
        _remove(path)


def _is_unfinished(path: Path) -> bool:
    """A file or folder on its way to its name; see `records.write_atomic`."""
    return path.name.startswith(".") and path.name.endswith(".tmp")


def _remove_unfinished(folder: Path) -> None:
    for path in [*folder.iterdir(), *(folder / _SOURCES).parent.iterdir()]:
        if _is_unfinished(path):
            _remove(path)


def _remove(path: Path) -> None:
    is_folder = path.is_dir() and not path.is_symlink()
    shutil.rmtree(path) if is_folder else path.unlink(missing_ok=True)
