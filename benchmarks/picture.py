"""Draw the README's picture: what a dense and a pruned network see in three scenes of `streets`.

python benchmarks/picture.py                # benchmarks/pictures/streets-bisenetv2.png
python benchmarks/picture.py --network icnet --scenes 3 12 14

Reads benchmarks/checkpoints/NETWORK-streets-{dense,macs50}.safetensors. The mIoU of the whole split
is that of the committed record of the same file, found by its digest; where there is none, it is
found here, and a line says so.
"""

from __future__ import annotations

import argparse
import io
import sys
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from torch import Tensor

from segprune.data.dataset import SegmentationDataset
from segprune.data.opening import open_dataset
from segprune.errors import ArtifactError
from segprune.evaluation.evaluate import evaluate
from segprune.records.io import read_record, write_atomic
from segprune.records.training import TrainingRecord
from segprune.reporting.pictures.lettering import (
    FAINT,
    INK,
    PAPER,
    as_image,
    as_tensor,
    cut,
    legend,
    width_of,
    write,
)
from segprune.reporting.pictures.moving import in_palette
from segprune.reporting.pictures.overlay import MARK, difference, overlay
from segprune.reporting.pictures.panel import cost_note, image_miou, share_that_differs
from segprune.workflows.open import OpenedNetwork, open_network
from segprune.workflows.predict.predictor import inference_cost, predict

ROOT = Path(__file__).resolve().parent
CHECKPOINTS, RECORDS, PICTURES = ROOT / "checkpoints", ROOT / "records", ROOT / "pictures"
SCENES = (24, 14, 30)  # of the validation split: cars and a sign, a narrow street, two bicycles
NAMES = {"bisenetv2": "BiSeNetV2", "icnet": "ICNet"}

WIDTH, MARGIN, GAP, CAPTION = 1200, 20, 12, 26
TILE = (WIDTH - 2 * MARGIN - 3 * GAP) // 4
TITLE, HEADING, SMALL = 25, 18, 15
MOST_BYTES = 400_000


@dataclass(frozen=True)
class Seen:
    """A network, what it costs, and its mIoU over the whole validation split."""

    network: OpenedNetwork
    cost: tuple[int, int]
    miou: float


def main() -> None:
    """Read the options, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", choices=sorted(NAMES), default="bisenetv2")
    parser.add_argument("--scenes", type=int, nargs="+", default=SCENES, metavar="INDEX")
    parser.add_argument("--checkpoints", type=Path, default=CHECKPOINTS)
    parser.add_argument("--out", type=Path, help="of the PNG file")
    given = parser.parse_args()
    files = [
        given.checkpoints / f"{given.network}-streets-{kind}.safetensors"
        for kind in ("dense", "macs50")
    ]
    networks = [open_network(artifact=file) for file in files]
    scenes = open_dataset("streets", split="val", size=networks[0].preprocessing.size)
    dense, pruned = (seen(network, scenes) for network in networks)
    picture = draw(NAMES[given.network], dense, pruned, scenes, tuple(given.scenes))
    kept = [PAPER, INK, FAINT, MARK, *scenes.classes.colours]
    buffer = io.BytesIO()
    in_palette(picture, kept).save(buffer, "PNG", optimize=True)
    out = given.out or PICTURES / f"streets-{given.network}.png"
    if len(buffer.getvalue()) > MOST_BYTES:
        sys.exit(f"{out}: expected at most {MOST_BYTES} bytes, found {len(buffer.getvalue())}")
    write_atomic(out, buffer.getvalue())
    print(f"{out.name}: {picture.shape[-1]}x{picture.shape[-2]}, {len(buffer.getvalue())} bytes")


def seen(network: OpenedNetwork, scenes: SegmentationDataset) -> Seen:
    """What a network costs and scores."""
    return Seen(network, inference_cost(network, scenes[0].image), _miou(network, scenes))


def _miou(network: OpenedNetwork, scenes: SegmentationDataset) -> float:
    for path in sorted(RECORDS.rglob("*.json")):
        try:
            record = read_record(TrainingRecord, path)
        except ArtifactError:
            continue  # of another command
        if record.artifact == network.artifact:
            return record.scores["result"].miou
    print(f"{network.name}: no record of this file, evaluating it on {len(scenes)} scenes")
    return evaluate(network.network, scenes, preprocessing=network.preprocessing).miou


def draw(
    name: str, dense: Seen, pruned: Seen, scenes: SegmentationDataset, chosen: tuple[int, ...]
) -> Tensor:
    """The picture, uint8 `(3, H, W)`: a row a scene, and under each tile what it says."""
    height, width = scenes[0].image.shape[-2:]
    tall = round(TILE * height / width)
    strip = as_image(legend(scenes.classes, WIDTH - 2 * MARGIN, SMALL))
    top = MARGIN + 44 + 58
    bottom = top + len(chosen) * (tall + CAPTION) + 8
    canvas = Image.new("RGB", (WIDTH, bottom + strip.height + MARGIN // 2), PAPER)
    share = pruned.cost[1] / dense.cost[1]
    headline = f"{name} before and after pruning to {100 * share:.0f} % of its multiply-adds"
    write(canvas, (MARGIN, MARGIN + 14), headline, TITLE)
    heads = (
        ("image", "", "a street scene, painted by a program"),
        ("dense", f"mIoU {100 * dense.miou:.1f} %", _sizes(dense)),
        ("pruned", f"mIoU {100 * pruned.miou:.1f} %", _sizes(pruned)),
        ("difference", "", "pink where the two disagree"),
    )
    for column, (title, beside, below) in enumerate(heads):
        x = _left(column)
        write(canvas, (x, MARGIN + 54), title, HEADING)
        write(canvas, (x + width_of(title, HEADING) + 12, MARGIN + 55), beside, SMALL, FAINT)
        write(canvas, (x, MARGIN + 79), cut(below, TILE, SMALL), SMALL, FAINT)
    for row, index in enumerate(chosen):
        y = top + row * (tall + CAPTION)
        for column, (tile, caption) in enumerate(_row(dense, pruned, scenes, index)):
            enlarged = as_image(tile).resize((TILE, tall), Image.Resampling.LANCZOS)
            canvas.paste(enlarged, (_left(column), y))
            write(canvas, (_left(column), y + tall + CAPTION // 2 - 1), caption, SMALL, FAINT)
    canvas.paste(strip, (MARGIN, bottom))
    return as_tensor(canvas)


def _sizes(one: Seen) -> str:
    return cost_note(one.cost)


def _row(
    dense: Seen, pruned: Seen, scenes: SegmentationDataset, index: int
) -> list[tuple[Tensor, str]]:
    sample = scenes[index]
    image, label = sample.image.as_subclass(Tensor), sample.label.as_subclass(Tensor)
    classes = scenes.classes
    tiles = [(image, f"scene {sample.name}")]
    found = [predict(one.network, image) for one in (dense, pruned)]
    for indices in found:
        score = image_miou(indices, label, len(classes))
        caption = "" if score is None else f"mIoU of this scene {100 * score:.1f} %"
        tiles.append((overlay(image, indices, classes, 0.7), caption))
    share = share_that_differs(*found)
    return [*tiles, (difference(image, *found), f"{100 * share:.1f} % of pixels")]


def _left(column: int) -> int:
    return MARGIN + column * (TILE + GAP)


if __name__ == "__main__":
    main()
