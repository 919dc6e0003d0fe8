"""What does not fit is said before it costs time, and a failed start costs nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from segprune.core.verification.violations import Violation
from segprune.data.opening import open_dataset
from segprune.errors import InputError, SegpruneError
from segprune.training.fitting import fit
from segprune.training.recipe import Recipe, read_recipe
from segprune.workflows.train import artifact
from segprune.workflows.train.run import run_recover, run_train
from training.tiny import (
    PRUNING,
    SMALL,
    Scenes,
    camvid_net,
    net,
    recipe,
    write_images,
    write_recipe,
)


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def made(text: str = SMALL, *changes: str) -> Recipe:
    return read_recipe(write_recipe(Path.cwd(), text), changes)


# ---------------------------------------------------------------- averages


# ---------------------------------------------------------------- numbers


class Pooled(nn.Module):
    """With a BatchNorm over one pixel of each image, as in context modules."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8)
        self.last = nn.Conv2d(8, classes, 1)

    def forward(self, images: Tensor) -> Tensor:
        features = self.first(images)
        pooled = self.norm(features.mean((2, 3), keepdim=True))
        logits: Tensor = self.last(features + pooled)
        return logits


def test_a_batch_of_one_for_such_a_network_is_a_sentence() -> None:
    with pytest.raises(InputError, match=r"training\.batch_size: expected at least 2"):
        fit(Pooled(), recipe(training__batch_size=1), Scenes(2), Path.cwd())


# ---------------------------------------------------------------- networks


class Headed(nn.Module):
    """A network whose outputs in training are what a test says."""

    def __init__(self, outputs: Callable[[Tensor], Any], trains: bool = True) -> None:
        super().__init__()
        self.last, self._outputs = nn.Conv2d(3, 11, 1), outputs
        self.requires_grad_(trains)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.last(images)
        return logits

    def forward_with_aux(self, images: Tensor) -> Any:
        return self._outputs(self(images))


class Trained(nn.Module):
    """Fails in training mode alone."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Conv2d(3, 11, 1)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.last(images)
        return logits[:, :, 1000] if self.training else logits


NETWORKS: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "more": (lambda: nn.Conv2d(3, 19, 1), "logits of the 11 classes of the data, found 19"),
    "fewer": (lambda: nn.Conv2d(3, 7, 1), "logits of the 11 classes of the data, found 7"),
    "image": (
        lambda: nn.Sequential(nn.Conv2d(3, 11, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        r"logits \(1, 11, h, w\), found \(1, 11\)",
    ),
    "channels": (lambda: nn.Conv2d(4, 11, 1), r"runs on images \(1, 3, 64, 128\), found Runtime"),
    "one output": (lambda: Headed(lambda x: x), r"auxiliary logits\), found \(1, 11, 64, 128\)"),
    "dict": (lambda: Headed(lambda x: {"out": x}), r"auxiliary logits\), found dict"),
    "bare head": (lambda: Headed(lambda x: (x, x)), r"second output, found \(1, 11, 64, 128\)"),
    "head": (
        lambda: Headed(lambda x: (x, (x, x[:, :5]))), "head 1: .* the 11 classes .* found 5"
    ),
    "frozen": (lambda: Headed(lambda x: (x, (x,)), trains=False), "none that requires a gradient"),
    "training": (Trained, r"takes images \(4, 3, 64, 128\) in training mode, found IndexError"),
}  # fmt: skip


def pooled() -> nn.Module:
    """For recipes: `training.test_misfits:pooled`."""
    return Pooled(11)


def chosen() -> nn.Module:
    """For recipes: `training.test_misfits:chosen`."""
    return NETWORKS[os.environ["CHOSEN"]][0]()


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_that_cannot_be_trained_here_is_a_sentence(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_images(Path.cwd())
    monkeypatch.setenv("CHOSEN", name)
    with pytest.raises(InputError, match=NETWORKS[name][1]):
        run_train(made(SMALL, "network.model=training.test_misfits:chosen"))


def test_a_recovery_with_batches_of_one_is_the_same_sentence() -> None:
    write_images(Path.cwd())
    text = SMALL.replace("training.tiny:camvid_net", "training.test_misfits:pooled") + PRUNING
    torch.save(pooled().state_dict(), "dense.pt")
    with pytest.raises(InputError, match=r"training\.batch_size: expected at least 2, found 1"):
        run_recover(
            made(text, "network.init_from=dense.pt", "training.batch_size=1",
                 "pruning.importance=magnitude")
        )  # fmt: skip


def test_images_without_a_labelled_pixel_are_noticed_in_the_first_epoch() -> None:
    """Only the last label, which `count` leaves out, has classes; else opening would be refused."""
    write_images(Path.cwd())
    for path in sorted(Path("images", "train", "labels").iterdir())[:-1]:
        with Image.open(path) as label:
            Image.new("L", label.size, 255).save(path)
    with pytest.raises(InputError, match=r"labelled pixels, found none in the whole first epoch"):
        run_train(made(SMALL, "data.count=4"))


@pytest.mark.parametrize("task", [run_train, run_recover])
def test_fewer_images_than_a_batch_are_noticed_before_a_plan_is_made(task: Any) -> None:
    write_images(Path.cwd(), training=2)
    torch.save(camvid_net().state_dict(), "dense.pt")
    text = SMALL if task is run_train else SMALL + PRUNING
    with pytest.raises(InputError, match=r"^training\.batch_size: expected at most the 2 images"):
        task(made(text, "network.init_from=dense.pt"))


def test_processes_without_an_image_to_evaluate_are_refused() -> None:
    wanted = recipe(training__evaluate_every=1, training__devices=4, training__batch_size=1)
    with pytest.raises(InputError, match=r"each of 4 processes, found 3; evaluate at the end"):
        fit(net(), wanted, Scenes(8), Path.cwd(), validation=Scenes(3, "val"))


def test_what_a_worker_process_cannot_read_is_the_sentence_it_is_without_workers() -> None:
    write_images(Path.cwd())
    images = open_dataset("camvid", "images", split="train")
    next(Path("images", "train", "images").iterdir()).write_bytes(b"torn")
    said = []
    for workers in (0, 1):
        with pytest.raises(InputError) as caught:
            fit(camvid_net(), made(SMALL, f"data.workers={workers}"), images, Path.cwd())
        said.append(str(caught.value))
    assert said[0] == said[1]


# ---------------------------------------------------------------- images of several sizes


def write_images_of_two_sizes(split: str) -> None:
    write_images(Path.cwd())
    for kind in ("images", "labels"):
        path = next(Path("images", split, kind).iterdir())
        with Image.open(path) as image:
            image.resize((96, 48), Image.Resampling.NEAREST).save(path)


def test_training_images_of_several_sizes_take_a_crop() -> None:
    write_images_of_two_sizes("train")
    with pytest.raises(InputError, match=r"augmentation\.crop: expected one.*48×96.*say crop"):
        run_train(made())
    assert run_train(made(SMALL, "augmentation.crop=[48, 96]")).record is not None


def test_validation_images_of_several_sizes_take_a_size_that_everybody_scores_at() -> None:
    write_images_of_two_sizes("val")
    with pytest.raises(InputError, match=r"data\.size: expected one.*48×96.*64×128.*say size"):
        run_train(made())
    assert run_train(made(SMALL, "data.size=[64, 128]")).record is not None


def test_other_images_are_not_trained_on_under_the_name_of_a_run() -> None:
    write_images(Path.cwd())
    run_train(made())
    (Path("runs", "tiny") / "record.json").unlink()  # as if killed just before
    label = next(Path("images", "train", "labels").iterdir())
    before = label.read_bytes()
    with Image.open(label) as image:
        Image.new("L", image.size, 1).save(label)
    with pytest.raises(InputError, match=r"data\.train: expected the images that the run in"):
        run_train(made())
    label.write_bytes(before)
    assert run_train(made()).record is not None


# ---------------------------------------------------------------- runs that come to nothing


def test_a_start_that_fails_leaves_its_name_free() -> None:
    write_images(Path.cwd())
    with pytest.raises(InputError):
        run_train(made(SMALL, "data.root=nowhere"))
    assert run_train(made()).record is not None


def test_a_network_that_fails_its_last_proof_leaves_no_artefact(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_images(Path.cwd())
    run_train(made(SMALL, "name=dense"))
    proofs = iter([(Violation("values", "first", "differs"),)])
    monkeypatch.setattr(artifact, "verify", lambda *_, **__: next(proofs))
    result = run_recover(
        made(SMALL + PRUNING, "network.init_from=runs/dense/dense.safetensors", "name=small")
    )
    assert result.violations
    assert result.record is None
    assert not list(result.folder.rglob("*.safetensors*"))


def test_a_damaged_checkpoint_says_which_file_to_remove_and_that_mends_it() -> None:
    write_images(Path.cwd())
    checkpoint = Path("runs", "tiny", "state", "last.ckpt")
    run_train(made())
    (Path("runs", "tiny") / "record.json").unlink()
    checkpoint.write_bytes(b"torn")
    with pytest.raises(SegpruneError, match=r"last\.ckpt: .* remove this file"):
        run_train(made())
    checkpoint.unlink()
    assert run_train(made()).record is not None


def test_a_budget_of_a_recipe_is_not_called_an_option() -> None:
    write_images(Path.cwd())
    run_train(made(SMALL, "name=dense"))
    text = SMALL + PRUNING.replace("0.625", "0.001")
    with pytest.raises(SegpruneError, match=r"^section .*of the recipe: budget\['macs'\]"):
        run_recover(made(text, "network.init_from=runs/dense/dense.safetensors", "name=small"))
