"""Write the gates of a network: a test module, a policy, and a CI workflow."""

from __future__ import annotations

import importlib.util
import math
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from segprune.artifacts import Artifact, declared, is_artifact, load, open_artifact, rebuild
from segprune.core.modules import digest_of
from segprune.core.planning.cost import cost
from segprune.data.opening import NAMES, open_dataset
from segprune.errors import InputError
from segprune.models.references import is_reference, resolve
from segprune.models.weights import load_weights, read_weights
from segprune.records.io import write_atomic
from segprune.workflows.dense import random_example
from segprune.workflows.gate_files import Declaration, policy_text, test_text, workflow_text
from segprune.workflows.jobs import GateJob

__all__ = ["GateFiles", "run_gate_init"]

_NAME = re.compile(r"\w[\w.-]{0,99}")


@dataclass(frozen=True)
class GateFiles:
    """The files that were written."""

    test: Path
    policy: Path
    workflow: Path


def run_gate_init(job: GateJob) -> GateFiles:
    """Check that the networks belong together, and write the files of their gates.

    Nothing is overwritten, and nothing is written before everything is checked. The policy asks for
    the size that the artefact has, and has values to edit for accuracy and speed.

    Raises:
        InputError: a file is there already, the networks do not belong together, a file lies
            outside of the repository, or the images do not open.
        ArtifactError, ModelError: as for `load` and `resolve`.
    """
    folder = job.out.resolve()
    if not folder.is_dir():
        raise InputError(f"out: expected a folder, found {job.out}; make it first.")
    root = _repository(folder)
    name = job.name or job.artifact.stem
    if not _NAME.fullmatch(name):
        raise InputError(
            f"name: expected up to 100 letters, digits and ._- for the name of a file, found "
            f"{name!r}; choose another with --name."
        )
    slug = re.sub(r"\W", "_", name)
    files = GateFiles(
        folder / f"test_{slug}.py",
        folder / "policy.toml",
        root / ".github" / "workflows" / f"gates-{slug}.yml",
    )
    _require_free(files)
    pruned = open_artifact(job.artifact)
    model = _reference(job.model, pruned)
    dense = _dense(job, model, pruned)
    size = pruned.header.input or job.input
    if size is None:
        raise InputError(
            f"input: expected the size of an image in {job.artifact}, found none; pass "
            "--input 1x3xHxW."
        )
    macs, params = _shares(pruned, dense, size)
    _check_images(job)
    own_root = job.root is not None and job.root.resolve().is_relative_to(root)
    declaration = Declaration(
        name=name,
        artifact=_inside(job.artifact, folder, root),
        dense=None if job.dense is None else _inside(job.dense, folder, root),
        model=model,
        spec=pruned.header.spec if model is None else None,
        dense_is_artifact=model is None and job.dense is not None and is_artifact(job.dense),
        data=job.data,
        root=_relative(job.root, folder) if job.root is not None and own_root else None,
        split=job.split,
        input=None if pruned.header.input else size,
        search_path=None if model is None else _search_path(model, folder, root),
    )
    write_atomic(files.policy, policy_text(name, macs, params))
    write_atomic(files.test, test_text(declaration))
    files.workflow.parent.mkdir(parents=True, exist_ok=True)
    where = _relative(folder, root)
    write_atomic(files.workflow, workflow_text(declaration, where, sys.version_info[:2]))
    return files


def _repository(folder: Path) -> Path:
    """Return the folder of the git repository, where GitHub looks for workflows."""
    return next((up for up in (folder, *folder.parents) if (up / ".git").exists()), folder)


def _require_free(files: GateFiles) -> None:
    taken = [path for path in (files.test, files.policy, files.workflow) if path.exists()]
    if taken:
        raise InputError(
            f"{taken[0]}: expected a free place, found a file, which is not overwritten; remove "
            "it, or choose another folder with --out, or another name with --name."
        )


def _reference(model: str | None, pruned: Artifact) -> str | None:
    """Return the reference of the user's own factory; None for the built-in network of a file."""
    if model is not None and is_reference(model):
        return model
    spec = pruned.header.spec
    if spec is None or model not in (None, spec["name"]):
        raise InputError(
            f"model: expected package.module:factory of the dense {pruned.header.network}, found "
            f"{model or 'none'}; pass --model."
        )
    return None


def _dense(job: GateJob, model: str | None, pruned: Artifact) -> nn.Module:
    """Return the dense network as the gates will make it.

    Raises:
        InputError: the artefact was pruned from another network.
    """
    if model is None and job.dense is None:
        raise InputError(
            f"dense: expected the trained dense {pruned.header.network}, found none; pass its file "
            "with --dense."
        )
    if model is None and job.dense is not None and is_artifact(job.dense):
        network = load(job.dense)
    else:
        network = declared(pruned.header, pruned.path) if model is None else resolve(model)
        if job.dense is not None:
            load_weights(network, read_weights(job.dense), str(job.dense))
    if digest_of(network) != pruned.header.plan.network:
        raise InputError(
            f"{job.artifact}: expected the file of a network that was pruned from this dense "
            f"{type(network).__name__}, found one pruned from another; pass the dense network "
            "before pruning."
        )
    return network.eval()


def _shares(pruned: Artifact, dense: nn.Module, size: tuple[int, ...]) -> tuple[float, float]:
    """Return the shares of MACs and parameters that are left, rounded up to a thousandth."""
    small = rebuild(pruned, None if pruned.header.spec is not None else dense)
    example = random_example(size)
    before, after = cost(dense, example), cost(small, example)
    shares = (after.macs / before.macs, after.params / before.params)
    macs, params = (math.ceil(1000 * share - 1e-6) / 1000 for share in shares)
    return macs, params


def _check_images(job: GateJob) -> None:
    if job.root is not None or job.data == "streets":
        open_dataset(job.data, job.root, split=job.split)
    elif job.data not in NAMES:
        open_dataset(job.data)  # says which names there are


def _inside(path: Path, folder: Path, root: Path) -> str:
    """Return a path as the test module writes it: relative to its folder, in the repository."""
    if not path.resolve().is_relative_to(root):
        raise InputError(
            f"{path}: expected a file in {root}, which CI checks out, found it outside; copy it "
            "there."
        )
    return _relative(path, folder)


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path.resolve(), folder)).as_posix()


def _search_path(model: str, folder: Path, root: Path) -> str | None:
    """Return the folder that holds the factory's package, if pytest does not search it by itself.

    pytest searches the folder of the test module, or the first above it that is no package;
    packages that are installed are found anyway.
    """
    searched = next(up for up in (folder, *folder.parents) if not (up / "__init__.py").exists())
    found = importlib.util.find_spec(model.partition(":")[0].partition(".")[0])
    places = [] if found is None else [found.origin, *(found.submodule_search_locations or ())]
    for place in places:
        file = Path(place or "").resolve()
        parent = file.parents[1] if file.name == "__init__.py" else file.parent
        if parent.is_relative_to(root) and "site-packages" not in parent.parts:
            return None if parent == searched else _relative(parent, folder)
    return None
