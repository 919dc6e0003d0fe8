"""What `segprune predict` refuses, and what an interruption leaves: nothing."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from reporting.pictures.tiny import NAMES, made, predict


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
        ("broken", "frames", (), "expected finite numbers, found NaN in head.bias"),
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

    monkeypatch.setattr(f"segprune.workflows.predict.running.{step}", fail)
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
