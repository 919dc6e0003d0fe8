"""`segprune sensitivity`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from segprune.cli.errors import guarded
from segprune.cli.options import (
    Batches,
    Classes,
    Data,
    Input,
    Mean,
    Model,
    Name,
    Out,
    Range,
    Replace,
    Seed,
    Std,
    Weights,
)
from segprune.cli.parsing import make_importable, parse_input, parse_normalisation, spelled

__all__ = ["sensitivity"]


@guarded
def sensitivity(
    model: Model,
    layers: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="Only these layers; repeatable.", show_default="all"),
    ] = None,
    keep: Annotated[
        float, typer.Option(metavar="SHARE", help="Share of its channels that a layer keeps.")
    ] = 0.5,
    weights: Weights = None,
    input: Input = "1x3x512x1024",
    classes: Classes = None,
    data: Data = None,
    batches: Batches = 1,
    mean: Mean = None,
    std: Std = None,
    range: Range = None,
    seed: Seed = 0,
    out: Out = Path("runs"),
    name: Name = None,
    replace: Replace = False,
) -> None:
    """What each layer costs, and what is lost without half of it: one layer at a time.

    No labels are needed: the outputs are compared with the dense network's own. Layers that only
    lose channels together are one row. Writes sensitivity.json to a folder in --out.

    [bold]Examples[/bold]

      [cyan]segprune sensitivity bisenetv2 --weights best.pt --data frames/[/cyan]
      [cyan]segprune sensitivity my.nets:make --layers 'encoder.*' --keep 0.25[/cyan]
    """
    given = dict(locals())
    size = parse_input(input)
    normalised = parse_normalisation(mean, std, range)

    from segprune.cli.progress import Steps
    from segprune.cli.render.common import announce, show_sensitivity
    from segprune.records.io import new_folder, write_record
    from segprune.workflows import load_dense, run_sensitivity
    from segprune.workflows.folder import choose_folder

    make_importable()
    stem = f"{model.partition(':')[2].replace('.', '-') or model}-sensitivity"
    folder = choose_folder(out, name, stem, replace=replace)
    announce(model, size, classes, weights, data)
    usual: dict[str, object] = {"keep": 0.5, "input": "1x3x512x1024", "batches": 1, "seed": 0}
    left_out = ("model", "out", "name", "replace")
    words = {k: v for k, v in given.items() if k not in left_out and usual.get(k) != v}
    with Steps() as steps:
        steps("load", 0, 1)
        dense = load_dense(
            model, input=size, classes=classes, weights=weights, data=data, batches=batches,
            seed=seed, given=normalised,
        )  # fmt: skip
        for line in dense.lines:
            steps.say(line)
        record = run_sensitivity(
            model, dense, layers=tuple(layers or ()), keep=keep, seed=seed,
            command=spelled("sensitivity", model, words), progress=steps,
        )  # fmt: skip
        with new_folder(folder, replace=replace) as staging:
            write_record(staging / "sensitivity.json", record)
    show_sensitivity(record, folder)
