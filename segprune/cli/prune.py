"""`segprune prune`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from segprune.cli import options
from segprune.cli.errors import guarded
from segprune.cli.parsing import (
    command_line,
    make_importable,
    parse_budget,
    parse_input,
    parse_label_map,
    parse_normalisation,
    parse_shares,
    require_file,
)
from segprune.core.planning.config import PruneConfig
from segprune.data.source import ImageSource
from segprune.errors import InputError
from segprune.workflows.jobs import INPUT_TEXT, PruneJob

__all__ = ["prune"]

_LOOKS_AT_IMAGES = ("taylor", "fisher", "activation")
_FAILED = 1


class Scope(StrEnum):
    """How channels are ranked."""

    GLOBAL = "global"
    LOCAL = "local"


_SCOPE = Scope(PruneConfig.scope)


@guarded
def prune(
    model: options.Model,
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="KIND=SHARE",
            help="What to keep: a share of [cyan]macs[/cyan], [cyan]params[/cyan] or "
            "[cyan]channels[/cyan].",
            show_default="macs=0.5",
        ),
    ] = None,
    importance: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="What decides which channels go: magnitude, magnitude_l1, magnitude_l2, bn_scale, "
            "fpgm, lamp, random; with images also taylor, fisher and activation.",
        ),
    ] = str(PruneConfig.importance),
    scope: Annotated[
        Scope,
        typer.Option(help="Rank all channels together, or take the same share of every layer."),
    ] = _SCOPE,
    layer: Annotated[
        list[str] | None,
        typer.Option(
            metavar="GLOB=SHARE",
            help="Keep this share of these layers' channels; repeatable, instead of --budget.",
        ),
    ] = None,
    round_to: Annotated[
        int, typer.Option(metavar="N", help="Make widths multiples of N; 8 suits most CPUs.")
    ] = PruneConfig.round_to,
    ignored_layers: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="Leave these layers as wide as they are; repeatable."),
    ] = None,
    floor: Annotated[
        float, typer.Option(metavar="SHARE", help="Least share of its channels that a layer keeps.")
    ] = PruneConfig.floor,
    min_channels: Annotated[
        int, typer.Option(metavar="N", help="Least number of channels that a layer keeps.")
    ] = PruneConfig.min_channels,
    normalize: Annotated[
        bool, typer.Option(help="Divide scores by their mean within each layer.")
    ] = PruneConfig.normalize,
    cost_aware: Annotated[
        bool,
        typer.Option(help="Rank channels by score ÷ what removing them saves, not by score alone."),
    ] = PruneConfig.cost_aware,
    weights: options.Weights = None,
    input: options.Input = INPUT_TEXT,
    num_classes: options.NumClasses = None,
    frames: options.Frames = None,
    data: options.Data = None,
    root: options.Root = None,
    split: options.Split = PruneJob.split,
    batches: options.Batches = PruneJob.batches,
    mean: options.Mean = None,
    std: options.Std = None,
    range: options.Range = None,
    label_map: options.LabelMapText = None,
    seed: options.Seed = PruneConfig.seed,
    out: options.Out = PruneJob.out,
    name: options.Name = None,
    replace: options.Replace = False,
    speed: Annotated[
        bool,
        typer.Option(
            rich_help_panel=options.RESULTS, help="Time the dense and the pruned network."
        ),
    ] = True,
    pairs: Annotated[
        int,
        typer.Option(
            rich_help_panel=options.RESULTS,
            metavar="N",
            min=6,
            help="How often to time both, in turn.",
        ),
    ] = PruneJob.pairs,
    max_seconds: Annotated[
        float,
        typer.Option(
            rich_help_panel=options.RESULTS,
            metavar="S",
            min=1,
            help="Time limit of the measurement, which takes at least 6 pairs in any case.",
        ),
    ] = PruneJob.max_seconds,
    threads: Annotated[
        int,
        typer.Option(
            rich_help_panel=options.RESULTS, metavar="N", min=1, help="CPU threads while timing."
        ),
    ] = PruneJob.threads,
    deploy: Annotated[
        bool,
        typer.Option(
            "--deploy",
            rich_help_panel=options.RESULTS,
            help="Leave the auxiliary heads out of the file.",
        ),
    ] = False,
    half: Annotated[
        bool,
        typer.Option(
            "--half",
            rich_help_panel=options.RESULTS,
            help="Store weights in half precision in the file.",
        ),
    ] = False,
) -> None:
    """Remove channels until a budget is met; prove the result, time it, and write it.

    Writes NAME.safetensors, plan.json and record.json to a folder of their own in --out, and
    nothing at all if the proof fails or the run is interrupted.

    [bold]Examples[/bold]

      [cyan]segprune prune bisenetv2 --budget macs=0.5[/cyan]
      [cyan]segprune prune icnet --weights net.pt --frames frames/ --importance taylor[/cyan]
      [cyan]segprune prune my.nets:make --ignored-layers 'head.*' --round-to 8[/cyan]
      [cyan]segprune prune bisenetv2 --layer 'detail=0.5' --layer 'stages.*=0.75'[/cyan]
    """
    images = ImageSource(frames, data, root, split, parse_label_map(label_map))
    frames, data = images.frames, images.data
    require_file(weights, "weights")
    given = dict(locals())
    config = PruneConfig(
        budget=None if budget is None else parse_budget(budget),
        layers=parse_shares(layer) if layer else None,
        importance=importance,
        scope=scope,
        round_to=round_to,
        ignored_layers=ignored_layers or (),
        floor=floor,
        min_channels=min_channels,
        normalize=normalize,
        cost_aware=cost_aware,
        seed=seed,
    )
    if importance in _LOOKS_AT_IMAGES and images.label is None:
        raise InputError(
            f"--importance {importance}: expected images, found none; pass --frames FOLDER, or "
            "--data NAME."
        )
    size = parse_input(input)
    normalised = parse_normalisation(mean, std, range)

    from segprune.cli.progress import Steps
    from segprune.cli.render.common import announce
    from segprune.cli.render.prune import show_result
    from segprune.cli.render.verify import show_violations
    from segprune.workflows.prune import run_prune

    make_importable()
    announce(model, size, num_classes, weights, images.label)
    job = PruneJob(
        model=model,
        input=size,
        config=config,
        num_classes=num_classes,
        weights=weights,
        frames=frames,
        data=data,
        root=root,
        split=split,
        batches=batches,
        out=out,
        name=name,
        replace=replace,
        speed=speed,
        pairs=pairs,
        max_seconds=max_seconds,
        threads=threads,
        deploy=deploy,
        half=half,
        given=normalised,
        label_map=images.label_map,
        command=command_line("prune", prune, given),
    )
    with Steps() as steps:
        result = run_prune(job, steps, steps.say)
    if result.record is None or result.folder is None:
        show_violations(result.violations, "Nothing was written.")
        raise typer.Exit(_FAILED)
    show_result(result.record, result.folder)
