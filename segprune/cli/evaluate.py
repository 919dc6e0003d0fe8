"""`segprune eval`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from segprune.cli import options
from segprune.cli.errors import guarded
from segprune.cli.parsing import (
    command_line,
    make_importable,
    parse_label_map,
    parse_normalisation,
    parse_size,
    require_file,
)
from segprune.data.names import folder_of, require_folder
from segprune.workflows.jobs import EvaluationJob

__all__ = ["evaluate"]


@guarded
def evaluate(
    subject: Annotated[
        str,
        typer.Argument(
            metavar="FILE|MODEL",
            help="A file that segprune train, recover or prune wrote, or weights of --model; or a "
            "network: [cyan]bisenetv2[/cyan], [cyan]icnet[/cyan], or "
            "[cyan]package.module:factory[/cyan].",
        ),
    ],
    data: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=options.IMAGES,
            metavar="NAME",
            help="[cyan]streets[/cyan], [cyan]camvid[/cyan], [cyan]cityscapes[/cyan], or "
            "[cyan]folder[/cyan] for images of your own.",
            show_default="the file's",
        ),
    ] = None,
    root: options.Root = None,
    split: options.Split = EvaluationJob.split,
    size: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=options.IMAGES,
            metavar="HxW",
            help="Resize images to this. Scores are always taken at the size of the labels.",
            show_default="the file's, or as stored",
        ),
    ] = None,
    count: options.Count = None,
    mean: options.Mean = None,
    std: options.Std = None,
    range: options.Range = None,
    label_map: options.LabelMapText = None,
    model: options.DenseNetwork = None,
    weights: options.Weights = None,
    device: Annotated[
        str,
        typer.Option(
            rich_help_panel=options.NETWORK,
            metavar="NAME",
            help="Where to run it: cpu, cuda, cuda:1.",
        ),
    ] = EvaluationJob.device,
    out: options.Out = EvaluationJob.out,
    name: options.Name = None,
    replace: options.Replace = False,
) -> None:
    """Score a network on labelled images: IoU of each class, mIoU, and pixel accuracy.

    One confusion matrix is counted over all images. Void counts nowhere, and
    classes that do not occur are left out of the mean. Writes evaluation.json and
    the counts of every image (matrices.npz) to a folder of their own in --out.

    [bold]Examples[/bold]

      [cyan]segprune eval small.safetensors[/cyan]
      on the data set it was trained on, if that needs no --root

      [cyan]segprune eval small.safetensors --root data/camvid --split test[/cyan]
      the same on another split

      [cyan]segprune eval my.nets:make --weights best.pt --data folder --root mine/[/cyan]
    """
    given = dict(locals())
    if ":" not in subject and (Path(subject).suffix or "/" in subject):
        require_file(Path(subject), "an artefact of segprune, or weights")
    require_file(weights, "weights")
    require_folder(root, folder_of(data))
    normalised = parse_normalisation(mean, std, range)
    wanted = None if size is None else parse_size(size)

    from segprune.cli.progress import Steps
    from segprune.cli.render.evaluate import show_evaluation
    from segprune.workflows.evaluate import run_evaluation

    make_importable()
    job = EvaluationJob(
        subject=subject,
        data=data,
        root=root,
        split=split,
        size=wanted,
        count=count,
        given=normalised,
        label_map=parse_label_map(label_map),
        model=model,
        weights=weights,
        device=device,
        out=out,
        name=name,
        replace=replace,
        command=command_line("eval", evaluate, given, "root"),
    )
    with Steps() as steps:
        result = run_evaluation(job, steps)
    show_evaluation(result)
