"""Options that commands share, with what `--help` says of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "IMAGES",
    "NETWORK",
    "POLICY",
    "RESULTS",
    "Batches",
    "Count",
    "Data",
    "DenseNetwork",
    "Frames",
    "Input",
    "InputOfFile",
    "LabelMapText",
    "Mean",
    "Model",
    "Name",
    "NumClasses",
    "Out",
    "Range",
    "Replace",
    "Root",
    "Seed",
    "Split",
    "Std",
    "Weights",
]

IMAGES = "Images"
NETWORK = "Network and images"
RESULTS = "Results"
"""Headings of the help page."""

POLICY = Path("benchmarks/policy.toml")
"""The default path of the policy; without a file there are no targets."""

Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="[cyan]bisenetv2[/cyan], [cyan]icnet[/cyan], or [cyan]package.module:factory[/cyan] "
        "for a network of your own: a function or class that is called without arguments. The "
        "current folder can be imported from.",
    ),
]
DenseNetwork = Annotated[
    str | None,
    typer.Option(
        "--model",
        rich_help_panel=NETWORK,
        metavar="MODEL",
        help="The dense network that FILE holds or was pruned from: [cyan]bisenetv2[/cyan], "
        "[cyan]icnet[/cyan], or [cyan]package.module:factory[/cyan]. Needed for weights, and for "
        "artefacts of networks of your own.",
        show_default="as the file says",
    ),
]
Weights = Annotated[
    Path | None,
    typer.Option(
        rich_help_panel=NETWORK,
        metavar="FILE",
        help="Weights of the dense network: a state dict in a safetensors or torch file, or a "
        "checkpoint that holds one.",
        show_default="none: random weights",
    ),
]
Input = Annotated[
    str,
    typer.Option(
        rich_help_panel=NETWORK,
        metavar="NxCxHxW",
        help="Size of the example input, as 1x3x512x1024.",
    ),
]
InputOfFile = Annotated[
    str | None,
    typer.Option(
        "--input",
        rich_help_panel=NETWORK,
        metavar="NxCxHxW",
        help="Size of the example input, as 1x3x512x1024.",
        show_default="the file's",
    ),
]
NumClasses = Annotated[
    int | None,
    typer.Option(
        "--num-classes",
        rich_help_panel=NETWORK,
        metavar="K",
        help="Classes of a built-in network.",
        show_default="19",
    ),
]
Frames = Annotated[
    Path | None,
    typer.Option(
        "--frames",
        rich_help_panel=IMAGES,
        metavar="FOLDER",
        help="Plain images, searched recursively (jpg, png); a folder [cyan]labels[/cyan] beside "
        "[cyan]images[/cyan] is used too (8-bit class indices, 255 void).",
        show_default="none: random numbers",
    ),
]
Data = Annotated[
    str | None,
    typer.Option(
        "--data",
        rich_help_panel=IMAGES,
        metavar="NAME",
        help="Images of a data set, in place of --frames: [cyan]streets[/cyan], "
        "[cyan]camvid[/cyan], [cyan]cityscapes[/cyan], or [cyan]folder[/cyan] for images and "
        "labels of your own.",
    ),
]
Root = Annotated[
    Path | None,
    typer.Option(
        "--root",
        rich_help_panel=IMAGES,
        metavar="FOLDER",
        help="Where the data set is; streets needs none.",
    ),
]
Count = Annotated[
    int | None,
    typer.Option(
        "--count",
        rich_help_panel=IMAGES,
        metavar="N",
        min=1,
        help="Only so many images, evenly spaced; of a video or streets, the first.",
        show_default="all",
    ),
]
Batches = Annotated[
    int,
    typer.Option(
        rich_help_panel=IMAGES,
        metavar="N",
        min=1,
        help="How many batches to take of the images, each of the N in --input.",
    ),
]
Mean = Annotated[
    str | None,
    typer.Option(
        "--mean",
        rich_help_panel=IMAGES,
        metavar="R,G,B",
        help="Mean to subtract from the pixels after they are scaled to --range.",
        show_default="the file's or the network's, or ImageNet's",
    ),
]
Std = Annotated[
    str | None,
    typer.Option(
        "--std",
        rich_help_panel=IMAGES,
        metavar="R,G,B",
        help="Standard deviation to divide the pixels by.",
        show_default="as for --mean",
    ),
]
Range = Annotated[
    str | None,
    typer.Option(
        "--range",
        rich_help_panel=IMAGES,
        metavar="LOW,HIGH",
        help="Numbers that the pixel values 0 and 255 are scaled to: 0,1 or 0,255.",
        show_default="0,1",
    ),
]
LabelMapText = Annotated[
    list[str] | None,
    typer.Option(
        "--label-map",
        rich_help_panel=IMAGES,
        metavar="VALUE=CLASS",
        help="What a value in label files means: a class index, or void; repeatable. 255=1 for "
        "masks of 0 and 255.",
        show_default="classes.toml's, or as stored",
    ),
]
Split = Annotated[
    str, typer.Option(rich_help_panel=IMAGES, metavar="NAME", help="train, val or test.")
]
Seed = Annotated[int, typer.Option(metavar="N", min=0, help="For everything that is random.")]
Out = Annotated[
    Path, typer.Option(metavar="FOLDER", rich_help_panel=RESULTS, help="Where runs are kept.")
]

Name = Annotated[
    str | None,
    typer.Option(
        "--name",  # spelled out: typer 0.27 calls it --NAME, after the metavar
        rich_help_panel=RESULTS,
        metavar="NAME",
        help="Of the folder in --out.",
        show_default="a free one",
    ),
]
Replace = Annotated[
    bool,
    typer.Option("--replace", rich_help_panel=RESULTS, help="Overwrite a run of that name."),
]
