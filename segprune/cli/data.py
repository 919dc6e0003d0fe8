"""`segprune data check`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from segprune.cli import options
from segprune.cli.commands import add, new_group
from segprune.cli.errors import guarded
from segprune.cli.parsing import parse_label_map, parse_size
from segprune.data.names import folder_of, require_folder
from segprune.errors import InputError

if TYPE_CHECKING:
    from segprune.data.dataset import SegmentationDataset

__all__ = ["data"]

_FAILED = 1

data = new_group("data", "Look at a data set before anything is trained on it.")


@guarded
def check(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="[cyan]streets[/cyan], [cyan]camvid[/cyan], [cyan]cityscapes[/cyan], or "
            "[cyan]folder[/cyan] for images of your own.",
        ),
    ],
    root: options.Root = None,
    split: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="One split: train, val or test.", show_default="train and val"
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            metavar="HxW",
            help="Resize images as a training would; the size of the scenes of streets.",
            show_default="as stored",
        ),
    ] = None,
    count: options.Count = None,
    label_map: options.LabelMapText = None,
) -> None:
    """Read every image and label: the share of each class, and what is wrong.

    Finds files that cannot be read, images without a label or with one of another size, labels
    without an image, outside the class table, or void throughout, and data sets whose labels all
    show one class. The exit status is 1 if a problem is found; the first ten are shown.

    For [cyan]folder[/cyan], the images are in FOLDER/SPLIT/images, the labels (8-bit indices, 255
    void) in FOLDER/SPLIT/labels, and the names of the classes in FOLDER/classes.toml.

    [bold]Examples[/bold]

      [cyan]segprune data check camvid --root data/camvid --split val[/cyan]
      [cyan]segprune data check folder --root mine/ --count 100[/cyan]
    """
    require_folder(root, folder_of(name))

    from segprune.cli.progress import Steps
    from segprune.cli.render.data import show_check
    from segprune.data import open_dataset
    from segprune.data.check import check_dataset
    from segprune.data.files import shared_images

    wanted = None if size is None else parse_size(size)
    values = parse_label_map(label_map)
    datasets: list[SegmentationDataset] = []
    missing: list[tuple[str, InputError]] = []
    for each in ("train", "val") if split is None else (split,):
        try:
            datasets.append(
                open_dataset(
                    name, root, split=each, size=wanted, count=count, check=False, label_map=values
                )
            )
        except InputError as error:
            missing.append((each, error))
    if not datasets:
        raise missing[0][1]
    if len(datasets) == 2 and datasets[0].source(0) == datasets[1].source(0):
        datasets.pop()  # nothing is split, and every split is all images
    with Steps() as steps:
        found = [check_dataset(dataset, progress=steps) for dataset in datasets]
    for one in found:
        show_check(one)
    for note in shared_images(*datasets) if len(datasets) == 2 else ():
        typer.secho(f"note: {note}", fg="yellow")
    for each, why in missing:
        typer.secho(f"{each}: not looked at: {why}", fg="yellow")
    if not all(one.is_fine for one in found):
        raise typer.Exit(_FAILED)


add(data, check)
