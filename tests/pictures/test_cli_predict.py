"""`segprune predict` on tiny networks: which pictures it makes, of what, and what it refuses."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from typer.testing import CliRunner, Result

import segprune
from segprune.cli import app
from segprune.data.classes import CAMVID
from segprune.data.dataset import SegmentationDataset
from segprune.data.preprocessing import Preprocessing
from segprune.errors import InputError
from segprune.evaluation import evaluate
from segprune.pictures.moving import write_video
from segprune.pipeline.predict.job import PredictJob
from segprune.pipeline.predict.record import PredictRecord
from segprune.pipeline.predict.running import run_predict
from segprune.pipeline.training.overlays import write_overlays
from segprune.records import read_record

SIZE = (32, 64)
NAMES = ("road", "car", "sky", "tree")
MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)


class Tiny(nn.Module):
    """Four classes at a quarter of the size."""

    def __init__(self, classes: int = 4) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU())
        self.wide = nn.Conv2d(16, 24, 3, 2, 1)
        self.head = nn.Conv2d(24, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.wide(self.stem(x))))


def eleven() -> Tiny:
    return Tiny(11)


def read(folder: Path, split: str = "val") -> SegmentationDataset:
    """Images in CamVid's layout, resized for the networks here."""
    return segprune.open_dataset("camvid", folder, split=split, size=SIZE)


def keep(path: Path, model: nn.Module, share: float, **metadata: Any) -> Path:
    """An artefact of the network with that share of its channels."""
    plan = segprune.make_plan(model, torch.rand(1, 3, *SIZE), budget={"channels": share})
    return segprune.save(path, segprune.prune(model, plan), plan, metadata=metadata)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Artefacts of networks that see something, and images to see, one of them with labels."""
    folder = tmp_path_factory.mktemp("place")
    torch.manual_seed(2)
    model = Tiny().eval()
    facts = {
        "preprocessing": {"size": list(SIZE), "mean": list(MEAN), "std": list(STD)},
        "input": [1, 3, *SIZE], "classes": list(NAMES), "data": "folder",
    }  # fmt: skip
    keep(folder / "dense.safetensors", model, 1.0, **facts)
    keep(folder / "small.safetensors", model, 0.5, **facts)
    keep(folder / "silent.safetensors", model, 0.5)
    seven = segprune.build("bisenetv2", num_classes=7, aux=False, width=0.25).eval()
    keep(folder / "seven.safetensors", seven, 1.0)
    keep(folder / "eleven.safetensors", eleven(), 0.5, input=[1, 3, *SIZE], data="camvid")
    keep(folder / "misnamed.safetensors", model, 0.5, **{**facts, "classes": ["a", "b"]})
    keep(folder / "others.safetensors", model, 0.5, **{**facts, "classes": list("abcd")})
    plan = segprune.read_header(folder / "dense.safetensors").plan
    torch.nn.init.constant_(model.head.bias, float("nan"))
    segprune.save(folder / "broken.safetensors", model, plan)
    rng = np.random.default_rng(0)
    for number, (height, width) in enumerate(((32, 64), (32, 64), (40, 50))):
        for kind, shape, top in (
            ("images", (height, width, 3), 256),
            ("labels", (height, width), 4),
        ):
            pixels = rng.integers(0, top, shape, dtype=np.uint8)
            if kind == "labels":
                pixels[:5] = 255
            path = folder / "frames" / kind / "drive" / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
    return folder


@pytest.fixture
def inside(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a fresh folder; artefacts and images are reached by `place`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    return tmp_path


def predict(place: Path, file: str, source: str, *words: str, model: str = "Tiny") -> Result:
    """Run the command on files of `place`."""
    full = str(place / source) if (place / source).exists() else source
    given = ["predict", str(place / f"{file}.safetensors"), full, *words]
    return CliRunner().invoke(
        app, [*given, "--model", f"{__name__}:{model}"], env={"COLUMNS": "200"}
    )


def made(
    place: Path, file: str, source: str, *words: str, model: str = "Tiny"
) -> tuple[list[str], PredictRecord, str]:
    """Files and record of a run that must succeed, and what it said."""
    result = predict(place, file, source, "--name", "a", *words, model=model)
    assert result.exit_code == 0, result.output
    record = read_record(PredictRecord, Path("runs/a/record.json"))
    return sorted(os.listdir("runs/a")), record, result.stdout


def dense(place: Path) -> str:
    return str(place / "dense.safetensors")


def seen_by(model: nn.Module, path: Path) -> np.ndarray[Any, Any]:
    """Classes of an image that has the network's size, without any of the code under test."""
    pixels = np.asarray(Image.open(path)).astype(np.float32) / 255
    values = ((pixels - np.float32(MEAN)) / np.float32(STD)).transpose(2, 0, 1)
    with torch.no_grad():
        logits = model(torch.from_numpy(values)[None])
    large = nn.functional.interpolate(logits, SIZE, mode="bilinear", align_corners=False)
    return large[0].numpy().argmax(axis=0)


# ---------------------------------------------------------------- what is made


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


@pytest.fixture(scope="module")
def camvid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five labelled images of another size than the networks', in CamVid's layout."""
    root = tmp_path_factory.mktemp("camvid")
    rng = np.random.default_rng(5)
    for number in range(5):
        for kind, shape, top in (("images", (40, 50, 3), 256), ("labels", (40, 50), 11)):
            path = root / "val" / kind / f"0001TP_{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, top, shape, dtype=np.uint8)).save(path)
    return root


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


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("file", "source", "words", "said"),
    [
        ("small", "nowhere", (), "nowhere: expected an image, a folder of images, a video"),
        ("small", "empty", (), "empty: expected images"),
        ("small", "text.png", (), "text.png: expected an image that can be read"),
        ("small", "text.txt", (), "text.txt: expected an image (.jpg"),
        ("small", "bad", (), "wrong.png: expected labels below 4"),
        ("small", "camvid", (), "--root"),
        ("small", "frames", ("--root", "x"), "root"),
        ("small", "streets", ("--split", "x"), "split"),
        ("small", "streets", (), "streets: expected the 4 classes of"),
        ("small", "frames", ("--against", "seven"), "expected the 4 classes of"),
        ("small", "frames", ("--against", "others"), "compare networks of the same classes"),
        ("small", "frames", ("--data", "camvid"), "camvid with 11"),
        ("misnamed", "frames", (), "4 classes, found 2 names"),
        ("broken", "frames", (), "broken: expected a network that segments"),
        ("none", "frames", (), "none.safetensors: expected an artefact"),
        ("text", "frames", (), "text.safetensors: expected a whole safetensors file"),
        ("small", "frames", ("--gif", "--video"), "--video"),
        ("small", "frames", ("--no-stills",), "--no-stills"),
        ("small", "frames", ("--name", "a/b"), "without slashes"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(
    place: Path, inside: Path, file: str, source: str, words: tuple[str, ...], said: str
) -> None:
    (place / "empty").mkdir(exist_ok=True)
    for name in ("text.png", "text.txt", "text.safetensors"):
        (place / name).write_text("not what it seems")
    for kind, mode in (("images", "RGB"), ("labels", "L")):
        (place / "bad" / kind).mkdir(parents=True, exist_ok=True)
        Image.new(mode, (64, 32), 9 if mode == "L" else 0).save(place / "bad" / kind / "wrong.png")
    full = [str(place / f"{w}.safetensors") if w in ("seven", "others") else w for w in words]
    result = predict(place, file, source, *full)
    assert result.exit_code == 2, result.output
    assert said in " ".join(result.stderr.split())
    assert "Traceback" not in result.output
    assert not Path("runs").exists() or os.listdir("runs") == []


def test_a_name_that_is_taken_is_replaced_only_when_asked_for(place: Path, inside: Path) -> None:
    made(place, "small", "frames", "--count", "1")
    before = sorted(os.listdir("runs/a"))
    refused = predict(place, "small", "frames", "--name", "a")
    assert refused.exit_code == 2
    assert "--replace" in refused.stderr
    assert sorted(os.listdir("runs/a")) == before
    files, _, _ = made(place, "small", "frames", "--replace")
    assert len(files) == 4


def test_labels_that_do_not_fit_may_be_left_out(place: Path, inside: Path) -> None:
    _, record, _ = made(place, "small", "streets", "--no-labels", "--count", "1")
    assert record.classes == NAMES
    assert record.pictures[0].miou is None


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left")])
@pytest.mark.parametrize("step", ["compare", "write_record", "write_gif"])
def test_an_interruption_at_any_step_leaves_nothing(
    place: Path, inside: Path, monkeypatch: pytest.MonkeyPatch, step: str, error: BaseException
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(f"segprune.pipeline.predict.running.{step}", fail)
    result = predict(place, "small", "frames", "--count", "1", "--gif")
    assert result.exit_code in (130, 2)
    assert os.listdir("runs") == []


def test_a_video_is_not_begun_without_the_package_for_it(
    place: Path, inside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    result = predict(place, "small", "frames", "--video")
    assert result.exit_code == 2
    assert "segprune[video]" in result.stderr


def test_progress_counts_the_pictures(place: Path, inside: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    job = PredictJob(
        place / "small.safetensors", str(place / "frames"), model=f"{__name__}:Tiny", count=2
    )
    run_predict(job, lambda *step: steps.append(step))
    assert steps == [("load", 0, 1), ("predict", 0, 2), ("predict", 1, 2), ("predict", 2, 2)]


# ---------------------------------------------------------------- of a training


def test_overlays_of_a_training_are_evenly_spaced_and_leave_the_network_alone(
    camvid: Path, tmp_path: Path
) -> None:
    network = eleven().train()
    network.stem.eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    files = write_overlays(tmp_path / "seen", network, read(camvid), Preprocessing(), 2)
    assert [path.name for path in files] == ["0001TP_0.png", "0001TP_2.png"]
    assert sorted(os.listdir(tmp_path / "seen")) == [path.name for path in files]
    assert network.training
    assert not network.stem[1].training
    for name, value in network.state_dict().items():
        assert torch.equal(before[name], value), name
    again = write_overlays(tmp_path / "seen", network, read(camvid), Preprocessing(), 99)
    assert len(again) == 5
    assert os.listdir(tmp_path) == ["seen"]


def test_no_overlays_are_an_error(camvid: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="count"):
        write_overlays(tmp_path / "seen", eleven(), read(camvid), Preprocessing(), 0)
