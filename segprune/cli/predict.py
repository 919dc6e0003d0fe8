"""`segprune predict`."""

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
    require_file,
)
from segprune.data.names import NAMES, folder_of, require_folder
from segprune.errors import InputError
from segprune.workflows.jobs import PredictJob

__all__ = ["predict"]


@guarded
def predict(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A file that segprune train, recover or prune wrote; or weights of the dense "
            "network, with --model.",
        ),
    ],
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="An image, a folder of images, a video, or the name of a data set: "
            "[cyan]streets[/cyan], [cyan]camvid[/cyan], [cyan]cityscapes[/cyan], "
            "[cyan]folder[/cyan].",
        ),
    ],
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="DENSE", help="The dense network's file: shows both, and where they differ."
        ),
    ] = None,
    model: options.DenseNetwork = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Data set whose class names and colours are meant.",
            show_default="the file's",
        ),
    ] = None,
    root: options.Root = None,
    split: options.Split = PredictJob.split,
    count: options.Count = None,
    labels: Annotated[
        bool,
        typer.Option(
            "--labels/--no-labels",
            rich_help_panel=options.IMAGES,
            help="Show labels, where there are some, and the mIoU of each picture.",
        ),
    ] = True,
    mean: options.Mean = None,
    std: options.Std = None,
    range: options.Range = None,
    label_map: options.LabelMapText = None,
    panel: Annotated[
        bool,
        typer.Option(
            "--panel/--overlay",
            rich_help_panel=options.RESULTS,
            help="Everything side by side, or the classes laid over the image alone.",
        ),
    ] = True,
    alpha: Annotated[
        float,
        typer.Option(
            rich_help_panel=options.RESULTS,
            metavar="SHARE",
            min=0,
            max=1,
            help="Strength of the colours.",
        ),
    ] = PredictJob.alpha,
    gif: Annotated[
        bool,
        typer.Option("--gif", rich_help_panel=options.RESULTS, help="Make a GIF of all of it."),
    ] = False,
    video: Annotated[
        bool,
        typer.Option(
            "--video",
            rich_help_panel=options.RESULTS,
            help="Make an MP4 file of it (needs segprune\\[video]); usual where SOURCE is a video.",
        ),
    ] = False,
    rate: Annotated[
        float | None,
        typer.Option(
            rich_help_panel=options.RESULTS,
            metavar="FPS",
            min=0.05,
            max=120,
            help="Frames per second of the GIF or video.",
            show_default="the source's, or 1",
        ),
    ] = None,
    stills: Annotated[
        bool | None,
        typer.Option(
            "--stills/--no-stills",
            rich_help_panel=options.RESULTS,
            help="Write each picture as a PNG file.",
            show_default="unless SOURCE is a video",
        ),
    ] = None,
    out: options.Out = PredictJob.out,
    name: options.Name = None,
    replace: options.Replace = False,
) -> None:
    """Show what a network sees: its classes over your images, beside those of the dense network.

    Images are resized to what the network was trained on, and its answer back to theirs. Leaves a
    folder in --out, or nothing at all if it is interrupted.

    [bold]Examples[/bold]

      [cyan]segprune predict small.safetensors frames/[/cyan]
      [cyan]segprune predict small.safetensors streets --against dense.safetensors[/cyan]
      [cyan]segprune predict small.safetensors drive.mp4 --overlay[/cyan]
      [cyan]segprune predict small.safetensors camvid --root data/camvid --gif --rate 10[/cyan]
    """
    given = dict(locals())
    if gif and video:
        raise InputError(
            "--gif: expected one kind of moving picture, found --video too; leave one out."
        )

    require_file(file, "an artefact of segprune, or weights")
    require_file(against, "an artefact of segprune, or weights")
    if source not in NAMES:
        named = f"an image, a folder of images, a video, or one of {', '.join(NAMES)}"
        require_file(Path(source), named)
    require_folder(root, folder_of(source))
    normalised = parse_normalisation(mean, std, range)
    values = parse_label_map(label_map)

    from segprune.cli.progress import Steps
    from segprune.cli.render.predict import announce_prediction, show_prediction
    from segprune.workflows.predict.run import run_predict

    make_importable()
    announce_prediction(file, source, against)
    job = PredictJob(
        file=file,
        source=source,
        against=against,
        model=model,
        data=data,
        root=root,
        split=split,
        count=count,
        labels=labels,
        panel=panel,
        alpha=alpha,
        moving="gif" if gif else "video" if video else None,
        rate=rate,
        stills=stills,
        given=normalised,
        label_map=values,
        out=out,
        name=name,
        replace=replace,
        command=command_line("predict", predict, given),
    )
    with Steps() as steps:
        result = run_predict(job, steps, steps.say)
    show_prediction(result)
