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
from segprune.training.sections import TrainingSection
from segprune.workflows.train import running
from segprune.workflows.train.folder import wait_for
from segprune.workflows.train.running import run_recover, run_train
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


@pytest.mark.parametrize("steps", [1, 10, 50, 1000, 10_000, 100_000])
def test_averages_reach_back_over_a_tenth_of_the_steps(steps: int) -> None:
    decay = TrainingSection(epochs=1).decay_over(steps)
    # The mean age of what is averaged is decay / (1 - decay) steps.
    assert decay / (1 - decay) == pytest.approx(min(max(steps, 10) / 10, 1000) - 1, abs=1e-6)
    assert decay**steps < 1e-4 or steps > 10_000 or steps < 10


def test_averages_that_only_hold_what_training_began_with_are_refused() -> None:
    with pytest.raises(InputError, match=r"after 8 steps still holds 99% of them; leave it out"):
        fit(net(), recipe(training__ema_decay=0.999), Scenes(8), Path.cwd())
    fit(net(), recipe(training__ema_decay=None), Scenes(8), Path.cwd())


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


@pytest.mark.parametrize(
    ("field", "value"),
    [("training__epochs", True), ("training__learning_rate", True), ("seed", False),
     ("seed", 2**63), ("training__batch_size", True), ("training__checkpoint_every", True),
     ("augmentation__crop", [0, 96]), ("augmentation__crop", [10**6, 10**6]),
     ("augmentation__scale", [1e-4, 1]), ("training__warmup_epochs", 1e308),
     ("training__learning_rate", 1e300), ("training__weight_decay", 1e300)],
)  # fmt: skip
def test_numbers_that_are_none_are_refused(field: str, value: Any) -> None:
    with pytest.raises(InputError, match=field.rpartition("__")[2]) as caught:
        recipe(**{field: value})
    assert str(caught.value).count(", found ") == 1 + str(caught.value).count(";")


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


def test_machines_that_nobody_started_are_not_waited_for() -> None:
    with pytest.raises(InputError, match=r"training\.nodes: .* 2 machines.*leave nodes out"):
        fit(net(), recipe(training__nodes=2), Scenes(8), Path.cwd())


def test_processes_without_an_image_to_evaluate_are_refused() -> None:
    wanted = recipe(training__evaluate_every=1, training__devices=4, training__batch_size=1)
    with pytest.raises(InputError, match=r"each of 4 processes, found 3; evaluate at the end"):
        fit(net(), wanted, Scenes(8), Path.cwd(), validation=Scenes(3, "val"))


def test_a_plan_that_never_comes_is_not_waited_for_in_silence() -> None:
    with pytest.raises(InputError, match=r"plan\.json: expected it from the first process"):
        wait_for(Path("plan.json"), seconds=0.0)


@pytest.mark.parametrize("accelerator", ["tpu", "abacus"])
def test_an_accelerator_that_is_not_there_is_a_sentence(accelerator: str) -> None:
    with pytest.raises(InputError, match=rf"expected what this machine has, found {accelerator}"):
        fit(net(), recipe(training__accelerator=accelerator), Scenes(8), Path.cwd())


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
    proofs = iter([(), (Violation("values", "first", "differs"),)])
    monkeypatch.setattr(running, "verify", lambda *_, **__: next(proofs))
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
