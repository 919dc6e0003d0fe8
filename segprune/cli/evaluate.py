"""`segprune eval`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from segprune.cli.errors import guarded
from segprune.cli.files import require_file
from segprune.cli.options import (
    IMAGES,
    NETWORK,
    DenseNetwork,
    LabelMapText,
    Mean,
    Name,
    Out,
    Range,
    Replace,
    Root,
    Split,
    Std,
)
from segprune.cli.parsing import (
    make_importable,
    parse_label_map,
    parse_normalisation,
    parse_size,
    spelled,
)
from segprune.data.names import folder_of, require_folder
from segprune.workflows.jobs import EvaluationJob, defaults

if TYPE_CHECKING:
    from segprune.workflows.evaluate import EvaluationResult

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
            rich_help_panel=IMAGES,
            metavar="NAME",
            help="[cyan]streets[/cyan], [cyan]camvid[/cyan], [cyan]cityscapes[/cyan], or "
            "[cyan]folder[/cyan] for images of your own.",
            show_default="the file's",
        ),
    ] = None,
    root: Root = None,
    split: Split = EvaluationJob.split,
    size: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=IMAGES,
            metavar="HxW",
            help="Resize images to this. Scores are always taken at the size of the labels.",
            show_default="the file's, or as stored",
        ),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(
            rich_help_panel=IMAGES,
            metavar="N",
            min=1,
            help="Only so many images, evenly spaced; of streets, the first.",
            show_default="all",
        ),
    ] = None,
    mean: Mean = None,
    std: Std = None,
    range: Range = None,
    label_map: LabelMapText = None,
    model: DenseNetwork = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            rich_help_panel=NETWORK,
            metavar="FILE",
            help="Weights of MODEL: a state dict in a safetensors or torch file.",
            show_default="none: random weights",
        ),
    ] = None,
    device: Annotated[
        str,
        typer.Option(
            rich_help_panel=NETWORK, metavar="NAME", help="Where to run it: cpu, cuda, cuda:1."
        ),
    ] = EvaluationJob.device,
    out: Out = EvaluationJob.out,
    name: Name = None,
    replace: Replace = False,
) -> None:
    """Score a network on labelled images: IoU of each class, mIoU, and pixels right.

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
    given = {key: value for key, value in locals().items() if key != "subject"}
    if ":" not in subject and (Path(subject).suffix or "/" in subject):
        require_file(Path(subject), "an artefact of segprune, or weights")
    require_file(weights, "weights")
    require_folder(root, folder_of(data))
    normalised = parse_normalisation(mean, std, range)
    wanted = None if size is None else parse_size(size)

    from segprune.cli.progress import Steps
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
        command=_command(subject, given),
    )
    with Steps() as steps:
        result = run_evaluation(job, steps)
    _show(result)


def _command(subject: str, given: dict[str, object]) -> tuple[str, ...]:
    """The command line for the record, without folders; not where results went or images were."""
    usual = defaults(EvaluationJob)
    options = {
        key: value
        for key, value in given.items()
        if key not in ("root", "out", "name", "replace") and value != usual.get(key)
    }
    return spelled("eval", subject if ":" in subject else Path(subject).name, options)


def _show(result: EvaluationResult) -> None:
    from rich.console import Console
    from rich.text import Text

    from segprune.cli.render.common import facts
    from segprune.cli.render.train import show_score

    record, console = result.record, Console()
    size = record.preprocessing.size
    fitted = f"at {size[0]}×{size[1]}" if size else "as they are stored"
    head = f", {record.data} {record.split}, {record.score.images} images {fitted}"
    console.print(Text.assemble((record.model, "bold"), head), soft_wrap=True)
    console.print(result.normalisation.sentence, soft_wrap=True, highlight=False)
    console.print()
    show_score(record.score, record.classes)
    folder = result.folder
    console.print(
        facts(
            *([("warning", "yellow", result.warning)] if result.warning else []),
            *(("note", "yellow", doubt) for doubt in result.doubts),
            ("written", "cyan", f"{folder}/: evaluation.json, matrices.npz"),
        )
    )
