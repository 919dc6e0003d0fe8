"""`segprune data check`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from segprune.cli.errors import guarded
from segprune.cli.format import unfolded
from segprune.cli.options import LabelMapText
from segprune.cli.parsing import parse_label_map, parse_size
from segprune.data.names import folder_of, require_folder
from segprune.errors import InputError
from segprune.format import counted

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from segprune.data.check import DatasetCheck
    from segprune.data.dataset import SegmentationDataset

__all__ = ["data"]

_FAILED = 1
_BAR = 24

data = typer.Typer(
    name="data",
    help="Look at a data set before anything is trained on it.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@data.callback()
def about() -> None:
    """Look at a data set before anything is trained on it."""


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
    root: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where the images are; streets needs none."),
    ] = None,
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
    count: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Only so many images, evenly spaced; of streets, the first.",
            show_default="all",
        ),
    ] = None,
    label_map: LabelMapText = None,
) -> None:
    """Read every image and label: what there is of each class, and what is wrong.

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
        _show(one)
    for note in shared_images(*datasets) if len(datasets) == 2 else ():
        typer.secho(f"note: {note}", fg="yellow")
    for each, why in missing:
        typer.secho(f"{each}: not looked at: {why}", fg="yellow")
    if not all(one.is_fine for one in found):
        raise typer.Exit(_FAILED)


data.command(no_args_is_help=True, help=unfolded(check.__doc__))(check)


def _show(found: DatasetCheck) -> None:
    from rich.console import Console

    from segprune.cli.render.common import facts

    console = Console()
    console.print(_head(found), soft_wrap=True)
    console.print()
    console.print(_classes(found))
    console.print()
    console.print(facts(*_facts(found)))


def _head(found: DatasetCheck) -> Text:
    from rich.text import Text

    sizes = ", ".join(
        f"{height}×{width}" + (f" ({count})" if len(found.sizes) > 1 else "")
        for (height, width), count in found.sizes[:5]
    )
    more = f" and {len(found.sizes) - 5} more sizes" if len(found.sizes) > 5 else ""
    return Text.assemble(
        (found.name, "bold"),
        f", {found.split}: {counted(found.images, 'image')}{_sequences(found)}, "
        f"{sizes or 'no label that can be used'}{more}",
    )


def _sequences(found: DatasetCheck) -> str:
    if found.images > 1 and found.sequences == found.images:
        return ", each by itself (no sequences)"
    return f" in {counted(found.sequences, 'sequence')}"


def _classes(found: DatasetCheck) -> Table:
    from rich.text import Text

    from segprune.cli.render.common import table
    from segprune.format import percent

    rows = table("class", "of pixels", "in images", "")
    rows.columns[-1].justify = "left"
    most = max(found.shares) or 1
    for name, share, images in zip(found.classes.names, found.shares, found.present, strict=True):
        bar = "█" * round(_BAR * share / most) or ("▏" if share else "")
        style = "" if images else "yellow"
        rows.add_row(Text(name, style), Text(percent(share), style), str(images), Text(bar, "cyan"))
    return rows


def _facts(found: DatasetCheck) -> Iterator[tuple[str, str, str]]:
    from segprune.data.reading import SUFFIXES
    from segprune.format import few, percent

    if found.values:
        total = sum(count for _, count in found.values)
        shares = [f"{value}: {percent(count / total)}" for value, count in found.values]
        yield "values", "", f"in label files, before any label map: {few(shares, 40)}"
    void = percent(found.void_share)
    yield "void", "", f"{void} of all pixels; the shares above are of the others"
    pairs = zip(found.classes.names, found.present, strict=True)
    absent = [name for name, images in pairs if not images]
    if absent and sum(found.present):
        yield "absent", "yellow", f"no pixel of {few(absent, 20)}"
    if found.is_fine:
        yield "fine", "green", "every image has a label of its size, with classes of the table"
    for note in found.notes:
        yield "note", "yellow", note
    if found.unusable:
        yield "refused", "red", found.unusable
    if found.unpaired:
        labels = f"{counted(len(found.unpaired), 'label')} of no image"
        wanted = f"images are {', '.join(SUFFIXES)}, and their labels .png of the same name"
        yield "alone", "red", f"{labels}: {few(list(map(str, found.unpaired)), 10)}; {wanted}"
    if not found.faulty:
        return
    shown = len(found.summary)
    rest = f"; the first {shown} of {found.kinds} problems:" if shown < found.kinds else ":"
    yield "wrong", "red", f"{found.faulty} of {counted(found.images, 'image')}{rest}"
    for number, problem in enumerate(found.summary, 1):
        yield f"{number:5}", "red", problem
    if found.advice:
        yield "advice", "yellow", found.advice
