"""`segprune predict` on tiny networks: which pictures it makes, and of what."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import segprune
from reporting.pictures.tiny import NAMES, SIZE, Tiny, dense, eleven, made, predict, read, seen_by
from segprune.data.classes import CAMVID
from segprune.data.dataset import SegmentationDataset
from segprune.evaluation.evaluate import evaluate
from segprune.reporting.pictures.moving import write_video
from segprune.workflows.predict.job import PredictJob
from segprune.workflows.predict.running import run_predict


def test_a_folder_becomes_a_panel_an_image_with_scores(place: Path, inside: Path) -> None:
    files, record, said = made(place, "small", "frames", "--against", dense(place))
    assert files == [
        "images-drive-0.png", "images-drive-1.png", "images-drive-2.png", "record.json",
    ]  # fmt: skip
    assert record.classes == NAMES
    assert record.dense is not None
    assert record.network.params < record.dense.params
    assert record.network.macs < record.dense.macs
    networks = {
        name: segprune.load(place / f"{name}.safetensors", Tiny()) for name in ("small", "dense")
    }
    for number in range(2):
        image = place / "frames" / "images" / "drive" / f"{number}.png"
        label = np.asarray(Image.open(str(image).replace("images", "labels")))
        found = {name: seen_by(network, image) for name, network in networks.items()}
        picture = record.pictures[number]
        assert picture.changed == pytest.approx((found["small"] != found["dense"]).mean(), abs=1e-9)
        for name, score in (("small", picture.miou), ("dense", picture.dense_miou)):
            guessed, wanted = found[name][label != 255], label[label != 255]
            shares = [
                ((guessed == one) & (wanted == one)).sum() / union
                for one in range(4)
                if (union := ((guessed == one) | (wanted == one)).sum())
            ]
            assert score == pytest.approx(float(np.mean(shares)), abs=1e-9)
    assert "mIoU pruned" in said
    assert "images-drive-2" in said


def test_scores_of_a_data_set_are_those_of_its_evaluation(
    place: Path, camvid: Path, inside: Path
) -> None:
    _, record, said = made(place, "eleven", "camvid", "--root", str(camvid), model="eleven")
    network = segprune.load(place / "eleven.safetensors", eleven())
    assert record.classes == CAMVID.names
    assert len(record.pictures) == 5
    for number, picture in enumerate(record.pictures):
        score = evaluate(network, _Only(read(camvid), number))
        assert picture.miou == pytest.approx(score.miou, abs=1e-12)
    assert "assumed" in said  # that file does not tell its normalisation


class _Only(SegmentationDataset):
    """One image of a data set."""

    def __init__(self, whole: SegmentationDataset, index: int) -> None:
        super().__init__(whole.name, whole.split, whole.classes, ("one",))
        self.whole, self.index = whole, index

    def _read(self, index: int) -> Any:
        return self.whole[self.index + index]


def test_scenes_are_painted_at_the_size_of_the_network(place: Path, inside: Path) -> None:
    files, record, _ = made(place, "eleven", "streets", "--count", "2", model="eleven")
    assert len(files) == 3
    assert all(picture.miou is not None for picture in record.pictures)
    with Image.open(Path("runs/a") / files[-1]) as shown:
        assert shown.width > 3 * 5 * SIZE[1]  # three tiles, enlarged five times


def test_one_image_becomes_an_overlay_at_its_own_size(place: Path, inside: Path) -> None:
    image = "frames/images/drive/2.png"
    files, record, said = made(place, "small", image, "--overlay", "--alpha", "0")
    assert files == ["2.png", "record.json"]
    assert record.pictures[0].miou is None
    assert "mIoU" not in said
    with Image.open("runs/a/2.png") as shown, Image.open(place / image) as original:
        enlarged = original.resize((350, 280), Image.Resampling.NEAREST)
        assert np.array_equal(np.asarray(shown)[:280], np.asarray(enlarged))


def test_a_gif_has_a_frame_a_picture(place: Path, inside: Path) -> None:
    words = ("--count", "2", "--gif", "--rate", "5", "--no-stills")
    with_all = predict(place, "small", "frames", "--gif", "--name", "b")
    assert "size of the first picture, 64x32, found 50x40" in " ".join(with_all.stderr.split())
    Path("two").mkdir()
    for number in range(2):
        image = place / "frames" / "images" / "drive" / f"{number}.png"
        Path(f"two/{number}.png").write_bytes(image.read_bytes())
    files, _, _ = made(place, "small", "two", *words)
    assert files == ["record.json", "two.gif"]
    with Image.open("runs/a/two.gif") as gif:
        assert gif.n_frames == 2  # type: ignore[attr-defined]
        assert gif.info["duration"] == 200
    files, _, _ = made(place, "small", "two", "--gif", "--replace")
    assert files == ["0.png", "1.png", "record.json", "two.gif"]


@pytest.mark.slow
def test_a_video_becomes_a_video_of_as_many_frames(place: Path, inside: Path) -> None:
    av = pytest.importorskip("av")
    rng = np.random.default_rng(1)
    frames = [torch.from_numpy(rng.integers(0, 256, (3, 32, 64), dtype=np.uint8)) for _ in range(6)]
    write_video(Path("drive.mp4"), frames, 10)
    files, record, _ = made(place, "small", "drive.mp4", "--against", dense(place))
    assert files == ["drive.mp4", "record.json"]
    with av.open("runs/a/drive.mp4") as container:
        assert sum(1 for _ in container.decode(video=0)) == 6
        assert container.streams.video[0].average_rate == 10
    assert [picture.name for picture in record.pictures][-1] == "frame-000005"
    files, record, _ = made(place, "small", "drive.mp4", "--count", "2", "--stills", "--replace")
    assert files == ["drive.mp4", "frame-000000.png", "frame-000001.png", "record.json"]


def test_images_of_one_name_are_all_shown(place: Path, inside: Path) -> None:
    pixels = Image.new("RGB", (64, 32), (90, 120, 30))
    for path in ("in/a.png", "in/a.jpg", "in/b-c.png", "in/b/c.png"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        pixels.save(path)
    files, record, _ = made(place, "small", "in")
    assert len(files) == 5
    assert len({picture.name for picture in record.pictures}) == 4


def test_a_record_holds_no_folder(place: Path, inside: Path) -> None:
    made(place, "small", "frames", "--against", dense(place), "--no-labels", "--overlay")
    text = Path("runs/a/record.json").read_text()
    assert str(place) not in text
    assert str(inside) not in text
    assert '"--no-labels"' in text
    assert '"--overlay"' in text
    assert '"dense.safetensors"' in text


def test_a_run_without_a_name_takes_one_that_is_free(place: Path, inside: Path) -> None:
    for _ in range(2):
        assert predict(place, "small", "frames", "--count", "1").exit_code == 0
    assert sorted(os.listdir("runs")) == ["predict-small-frames", "predict-small-frames-2"]


def test_progress_counts_the_pictures(place: Path, inside: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    job = PredictJob(
        place / "small.safetensors", str(place / "frames"), model=f"{Tiny.__module__}:Tiny", count=2
    )
    run_predict(job, lambda *step: steps.append(step))
    assert steps == [("load", 0, 1), ("predict", 0, 2), ("predict", 1, 2), ("predict", 2, 2)]
