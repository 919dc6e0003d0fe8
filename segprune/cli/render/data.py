"""What `segprune data check` prints: the classes of a data set, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from segprune.cli.render.common import facts, table
from segprune.data.reading import SUFFIXES
from segprune.format import counted, few, percent

if TYPE_CHECKING:
    from segprune.data.check import DatasetCheck

__all__ = ["show_check"]

_BAR = 24


def show_check(found: DatasetCheck) -> None:
    """Print what there is of each class, and every problem that was found."""
    console = Console()
    console.print(_head(found), soft_wrap=True)
    console.print()
    console.print(_classes(found))
    console.print()
    console.print(facts(*_facts(found)))


def _head(found: DatasetCheck) -> Text:
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
    rows = table("class", "of pixels", "in images", "")
    rows.columns[-1].justify = "left"
    most = max(found.shares) or 1
    for name, share, images in zip(found.classes.names, found.shares, found.present, strict=True):
        bar = "█" * round(_BAR * share / most) or ("▏" if share else "")
        style = "" if images else "yellow"
        rows.add_row(Text(name, style), Text(percent(share), style), str(images), Text(bar, "cyan"))
    return rows


def _facts(found: DatasetCheck) -> Iterator[tuple[str, str, str]]:
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
        count = len(found.unpaired)
        labels = f"{counted(count, 'label')} {'has' if count == 1 else 'have'} no image"
        wanted = f"images are {', '.join(SUFFIXES)}, and their labels .png of the same name"
        yield "unpaired", "red", f"{labels}: {few(list(map(str, found.unpaired)), 10)}; {wanted}"
    if not found.faulty:
        return
    shown = len(found.summary)
    rest = f"; the first {shown} of {found.kinds} problems:" if shown < found.kinds else ":"
    yield "wrong", "red", f"{found.faulty} of {counted(found.images, 'image')}{rest}"
    for number, problem in enumerate(found.summary, 1):
        yield f"{number:5}", "red", problem
    if found.advice:
        yield "advice", "yellow", found.advice
