"""Two processes on the CPU, as a user starts them: one command, which starts the second itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from segprune.errors import InputError
from segprune.training.fitting import fit
from training.test_fitting import fitted
from training.tiny import RECIPE, SIZE, Scenes, net, recipe, write_recipe

WITNESS = '''
"""A network that notes which images each process trains on, and the weights it ends with."""
import atexit, hashlib, os
from pathlib import Path
import torch
from torch import nn

trained = []

def note(kind, text):
    path = Path(f"{kind}-{os.environ.get('LOCAL_RANK', '0')}.txt")
    with path.open("a") as stream:
        stream.write(text + "\\n")

@atexit.register
def end():
    for network in trained:
        digest = hashlib.sha256()
        for name, value in network.named_parameters():
            digest.update(name.encode() + value.detach().cpu().numpy().tobytes())
        note("weights", digest.hexdigest())

class Witness(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.last = nn.Conv2d(4, 11, 1)

    def forward(self, images):
        result = self.last(torch.relu(self.norm(self.first(images))))
        if result.requires_grad:
            greys = [round(float(image[0, 0, 0] * 0.229 + 0.485) * 255) for image in images]
            result.register_hook(lambda gradient: self.learnt_from(greys))
        return result

    def learnt_from(self, greys):
        if not trained:
            trained.append(self)
        if trained == [self]:  # the proof, which comes later, differentiates copies
            for grey in greys:
                note("images", str(grey))
'''

STILL = """
[augmentation]
scale = [1, 1]
flip = 0
brightness = 0
contrast = 0
saturation = 0
"""
EPOCHS, IMAGES = 2, 9


def write_plain_images(root: Path) -> None:
    """Each of one grey of its own: 10, 20, 30 …"""
    for split, count in (("train", IMAGES), ("val", 3)):
        for number in range(count):
            for kind, shape in (("images", (*SIZE, 3)), ("labels", SIZE)):
                path = root / "images" / split / kind / f"0001TP_{number:06d}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                value = 10 * (number + 1) if kind == "images" else number % 11
                Image.fromarray(np.full(shape, value, np.uint8)).save(path)


@pytest.mark.slow
@pytest.mark.parametrize("start", ["script", "module"])
def test_two_processes_share_every_epoch_and_end_with_equal_weights(
    tmp_path: Path, start: str
) -> None:
    write_plain_images(tmp_path)
    (tmp_path / "witness.py").write_text(WITNESS)
    text = RECIPE.replace('"bisenetv2"\noptions = { width = 0.25 }', '"witness:Witness"')
    text = text.replace("[augmentation]\nscale = [0.8, 1.25]\n", STILL)
    text = text.replace("batch_size = 4", "batch_size = 2\nevaluate_every = 1")
    write_recipe(tmp_path, text.replace("epochs = 3", f"epochs = {EPOCHS}"))
    script = [str(Path(sys.executable).with_name("segprune"))]
    done = subprocess.run(
        [
            *(script if start == "script" else [sys.executable, "-m", "segprune"]),
            "train", "recipe.toml", "--set", "training.devices=2", "--set", "training.strategy=ddp",
        ],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=540,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr, done.stderr
    # One of the two speaks, and writes.
    assert done.stdout.count("tiny.safetensors, record.json") == 1
    assert done.stderr.count("took:") == 1
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["tiny"]
    run = tmp_path / "runs" / "tiny"
    assert len(list((run / "log").glob("events.out.tfevents.*"))) == 1
    record = json.loads((run / "record.json").read_text())
    assert record["work"]["steps"] == EPOCHS * (IMAGES // 4)
    rows = (run / "log" / "metrics.csv").read_text().splitlines()
    assert len(rows) == 1 + 2 * EPOCHS
    # They end with equal weights, ...
    ends = [(tmp_path / f"weights-{rank}.txt").read_text() for rank in (0, 1)]
    assert ends[0] == ends[1]
    assert len(ends[0].split()) == 1
    # ... having seen each image of an epoch once between them, but for those that fill no batch.
    seen = [(tmp_path / f"images-{rank}.txt").read_text().split() for rank in (0, 1)]
    share = IMAGES // 4 * 2
    assert [len(images) for images in seen] == [EPOCHS * share] * 2
    for epoch in range(EPOCHS):
        parts = [set(images[epoch * share : (epoch + 1) * share]) for images in seen]
        assert len(parts[0] | parts[1]) == 2 * share
        assert parts[0] | parts[1] < {str(10 * (number + 1)) for number in range(IMAGES)}


@pytest.mark.skipif(torch.accelerator.is_available(), reason="asks a CPU")
def test_half_precision_that_a_cpu_has_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"training\.precision: .* found 16-mixed"):
        fitted(net(), recipe(training__precision="16-mixed"), tmp_path)


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_machines_that_were_not_started_are_not_waited_for() -> None:
    with pytest.raises(InputError, match=r"training\.nodes: .* 2 machines.*leave nodes out"):
        fit(net(), recipe(training__nodes=2), Scenes(8), Path.cwd())


@pytest.mark.parametrize("accelerator", ["tpu", "abacus"])
def test_an_accelerator_that_is_not_there_is_a_sentence(accelerator: str) -> None:
    with pytest.raises(InputError, match=rf"expected what this machine has, found {accelerator}"):
        fit(net(), recipe(training__accelerator=accelerator), Scenes(8), Path.cwd())
