"""`segprune sensitivity`."""

from __future__ import annotations

from typing import Annotated

import typer

from segprune.cli import options
from segprune.cli.errors import guarded
from segprune.cli.parsing import (
    command_line,
    make_importable,
    parse_input,
    parse_normalisation,
    require_file,
)
from segprune.data.source import ImageSource
from segprune.workflows.jobs import INPUT_TEXT, KEEP, RUNS

__all__ = ["sensitivity"]


@guarded
def sensitivity(
    model: options.Model,
    layers: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="Only these layers; repeatable.", show_default="all"),
    ] = None,
    keep: Annotated[
        float, typer.Option(metavar="SHARE", help="Share of its channels that a layer keeps.")
    ] = KEEP,
    weights: options.Weights = None,
    input: options.Input = INPUT_TEXT,
    num_classes: options.NumClasses = None,
    frames: options.Frames = None,
    data: options.Data = None,
    root: options.Root = None,
    split: options.Split = "train",
    batches: options.Batches = 1,
    mean: options.Mean = None,
    std: options.Std = None,
    range: options.Range = None,
    seed: options.Seed = 0,
    out: options.Out = RUNS,
    name: options.Name = None,
    replace: options.Replace = False,
) -> None:
    """Measure what each layer costs, and what is lost without half of it, one layer at a time.

    No labels are needed: the outputs are compared with the dense network's own. Layers that only
    lose channels together are one row. Writes sensitivity.json to a folder in --out.

    [bold]Examples[/bold]

      [cyan]segprune sensitivity bisenetv2 --weights best.pt --frames frames/[/cyan]
      [cyan]segprune sensitivity my.nets:make --layers 'encoder.*' --keep 0.25[/cyan]
    """
    images = ImageSource(frames, data, root, split)
    frames, data = images.frames, images.data
    require_file(weights, "weights")
    given = dict(locals())
    size = parse_input(input)
    normalised = parse_normalisation(mean, std, range)

    from segprune.cli.progress import Steps
    from segprune.cli.render.common import announce
    from segprune.cli.render.sensitivity import show_sensitivity
    from segprune.records.io import new_folder, write_record
    from segprune.workflows.dense import on_images
    from segprune.workflows.folder import choose_folder
    from segprune.workflows.open import network_name, open_network
    from segprune.workflows.sensitivity import run_sensitivity

    make_importable()
    folder = choose_folder(out, name, f"{network_name(model)}-sensitivity", replace=replace)
    announce(model, size, num_classes, weights, images.label)
    with Steps() as steps:
        steps("load", 0, 1)
        opened = open_network(
            model, weights=weights, num_classes=num_classes, seed=seed, given=normalised
        )
        dense = on_images(opened, size, images, batches=batches, seed=seed)
        for line in dense.lines:
            steps.say(line)
        record = run_sensitivity(
            model, dense, layers=tuple(layers or ()), keep=keep, seed=seed,
            command=command_line("sensitivity", sensitivity, given), progress=steps,
        )  # fmt: skip
        with new_folder(folder, replace=replace) as staging:
            write_record(staging / "sensitivity.json", record)
    show_sensitivity(record, folder)
