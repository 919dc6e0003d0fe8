"""`segprune train` and `segprune recover`."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from segprune.cli.errors import guarded
from segprune.cli.memory import keep_memory
from segprune.cli.options import POLICY, RESULTS, Out
from segprune.cli.parsing import make_importable, require_file
from segprune.data.names import folder_of, require_folder
from segprune.workflows.jobs import RUNS

if TYPE_CHECKING:
    from segprune.gates.policy import Budget
    from segprune.training.recipe import Recipe

__all__ = ["recover", "train"]

_FAILED, _INTERRUPTED = 1, 130

RecipeFile = Annotated[
    Path,
    typer.Argument(
        metavar="RECIPE",
        help="A TOML file; [cyan]benchmarks/recipes/[/cyan] has some. Paths in it are relative to "
        "the current folder.",
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="Replace one value of the recipe, such as [cyan]training.epochs=3[/cyan]; repeatable.",
    ),
]
Root = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Where the images are, unless the recipe says so."),
]
Name = Annotated[
    str | None,
    typer.Option(
        "--name",  # spelled out: typer 0.27 calls it --NAME, after the metavar
        rich_help_panel=RESULTS,
        metavar="NAME",
        help="Of the run.",
        show_default="the recipe's",
    ),
]

PoorStart = Annotated[
    bool,
    typer.Option(
        "--poor-start",
        help="Recover a network although it scores no better than guessing, or far below its own "
        "record; as [cyan]network.poor_start = true[/cyan] in the recipe.",
    ),
]
ReplaceRun = Annotated[
    bool,
    typer.Option(
        "--replace",
        rich_help_panel=RESULTS,
        help="Overwrite a run of that name that is finished or has other settings; one that was "
        "interrupted, with the same settings, is continued in any case.",
    ),
]
Policy = Annotated[
    Path,
    typer.Option(
        metavar="FILE",
        help="What a run called NETWORK-DATA-BUDGET may lose; the recipe's section "
        "[cyan]targets[/cyan] sets it for one run. The exit status is 1 if the run lost more.",
    ),
]


@guarded
def train(
    recipe: RecipeFile,
    set: Set = None,
    root: Root = None,
    name: Name = None,
    policy: Policy = POLICY,
    out: Out = RUNS,
    replace: ReplaceRun = False,
) -> None:
    """Train a network on labelled images, as a recipe says.

    Leaves a folder in --out with the artefact, the resolved recipe, its evaluation, overlays and
    logs (CSV and TensorBoard). The same command takes up a run that was interrupted: the result is
    that of an unbroken one.

    [bold]Examples[/bold]

      [cyan]segprune train benchmarks/recipes/bisenetv2-streets-dense.toml[/cyan]
      [cyan]segprune train my.toml --set training.epochs=3 --name trial[/cyan]
    """
    _require(recipe, root, policy)
    _run("train", recipe, _changes(set, root, name), policy, out, replace)


@guarded
def recover(
    recipe: RecipeFile,
    set: Set = None,
    root: Root = None,
    name: Name = None,
    policy: Policy = POLICY,
    poor_start: PoorStart = False,
    out: Out = RUNS,
    replace: ReplaceRun = False,
) -> None:
    """Prune a trained network and win its accuracy back, as a recipe says.

    Prunes, proves the result, measures BatchNorm statistics anew, and fine-tunes, with the dense
    network as teacher if the recipe has a section [cyan]distillation[/cyan]. Every stage is
    evaluated; one that scores better than the result is kept beside it, and the record says so.
    With zero epochs it only recalibrates. An interrupted run is continued.

    The exit status is 1 if the dense network does no better than guessing or scores far below its
    own record (then nothing is pruned or trained; see --poor-start), if the proof fails, or if the
    result misses a target of the recipe's section [cyan]targets[/cyan] or of the policy.

    [bold]Examples[/bold]

      [cyan]segprune recover benchmarks/recipes/bisenetv2-streets-macs50.toml[/cyan]
      [cyan]segprune recover my.toml --set pruning.budget='{macs = 0.3}' --name third[/cyan]
    """
    _require(recipe, root, policy)
    _run("recover", recipe, _changes(set, root, name, poor_start), policy, out, replace)


def _require(recipe: Path, root: Path | None, policy: Path) -> None:
    require_file(recipe, "a recipe (TOML)")
    require_folder(root, folder_of(None))
    if policy != POLICY:
        require_file(policy, "a policy (TOML)")


def _run(kind: str, file: Path, changes: _Changes, policy: Path, out: Path, replace: bool) -> None:
    from segprune.cli.progress import Steps
    from segprune.cli.render.train import announce_recipe, show_training
    from segprune.training.recipe import read_recipe
    from segprune.workflows.train.run import run_recover, run_train
    from segprune.workflows.train.run_folder import is_primary

    keep_memory()
    make_importable()
    recipe = read_recipe(file, changes.fields)
    job = functools.partial(
        run_train if kind == "train" else run_recover, recipe, out=out,
        command=(file.name, *changes.options),
    )  # fmt: skip
    budgets = _budgets(recipe, policy)
    if not is_primary():  # the first process of a distributed training prints and judges
        job()
        return
    announce_recipe(recipe)
    try:
        with Steps() as steps:
            result = job(progress=steps, say=steps.say, budgets=budgets, replace=replace)
    except KeyboardInterrupt:
        typer.echo(f"interrupted: {_kept(recipe, out / recipe.name)}.", err=True)
        raise typer.Exit(_INTERRUPTED) from None
    if result.violations:
        from segprune.cli.render.verify import show_violations

        show_violations(result.violations, "No artefact was written.")
        raise typer.Exit(_FAILED)
    if result.record is not None:
        show_training(result.record, result.folder, recipe, count_warnings=True)
        if result.record.broken:
            raise typer.Exit(_FAILED)


def _kept(recipe: Recipe, folder: Path) -> str:
    """Say what an interrupted run leaves, and what the same command does with it."""
    from segprune.training.trainer import CHECKPOINT
    from segprune.workflows.train.run_folder import RECORD

    if (folder / RECORD).exists():
        return f"everything was written to {folder} before"
    if (folder / CHECKPOINT).exists():
        every = recipe.training.checkpoint_every
        last = "the last whole epoch" if every == 1 else f"the last that was saved (every {every})"
        return f"the state of training is kept in {folder}; the same command goes on after {last}"
    if folder.exists():
        return f"no epoch was finished; {folder} is kept, and the same command starts there"
    return "nothing was written"


class _Changes(NamedTuple):
    """Changes of a recipe: as `read_recipe` takes them, and as a record keeps them."""

    fields: tuple[str, ...]
    options: tuple[str, ...]


def _changes(
    changes: list[str] | None, root: Path | None, name: str | None, poor_start: bool = False
) -> _Changes:
    fields, options = [*(changes or ())], []
    for change in fields:  # paths keep only their last name in records
        options += ["--set", re.sub(r"[^\s\"',={}\[\]]*/", "", change)]
    if root is not None:
        fields.append(f"data.root={json.dumps(root.as_posix())}")
        options += ["--root", root.name]
    if name is not None:
        fields.append(f"name={json.dumps(name)}")
        options += ["--name", name]
    if poor_start:
        fields.append("network.poor_start=true")
        options.append("--poor-start")
    return _Changes(tuple(fields), tuple(options))


def _budgets(recipe: Recipe, policy: Path) -> dict[str, Budget]:
    """Return the policy's budget for a run of this variant, by source."""
    from segprune.gates.policy_file import read_policy
    from segprune.records.run_facts import label_of, named

    if policy == POLICY and not policy.exists():
        return {}
    network, variant = named(recipe.name, recipe.data.name, recipe.network.model)
    if recipe.variant:
        network, variant = label_of(recipe.network.model), recipe.variant
    found = read_policy(policy).budget_of(recipe.data.name, network, variant)
    return {} if found is None else {f"{policy.name}, {found.name}": found}
