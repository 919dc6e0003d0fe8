"""What a training makes of the weights, against a loop written out in plain torch."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from segprune.errors import InputError
from segprune.records.preprocessing import Preprocessing
from segprune.training.batches import training_loader
from segprune.training.fitting import Fit, fit
from segprune.training.recipe import Recipe
from training.tiny import SIZE, Net, Scenes, net, recipe, same, weights


def without_chance(seed: int = 0) -> Net:
    model = net(seed)
    model.drop.p = 0.0
    return model


def fitted(model: Net, wanted: Recipe, folder: Path, **options: Any) -> Fit:
    return fit(model.train(), wanted, Scenes(), folder, **options)


def by_hand(model: Net, wanted: Recipe, factors: list[float]) -> tuple[Net, dict[str, Any]]:
    """Train with factors of the learning rate; gives the last network and the averages."""
    section, prepare = wanted.training, Preprocessing()
    loader = training_loader(Scenes(), wanted)
    momentum = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    averages: dict[str, Any] = {}
    step = 0
    model.train()
    for epoch in range(section.epochs):
        loader.sampler.set_epoch(epoch)  # type: ignore[attr-defined]
        for images, labels in loader:
            large = F.interpolate(model(prepare(images)), size=SIZE, mode="bilinear")
            loss = F.cross_entropy(large, labels, ignore_index=255)
            gradients = torch.autograd.grad(loss, list(model.parameters()))
            with torch.no_grad():
                for (name, p), gradient in zip(model.named_parameters(), gradients, strict=True):
                    decay = section.weight_decay if p.ndim > 1 else 0.0
                    momentum[name] = 0.9 * momentum[name] + gradient + decay * p
                    p -= section.learning_rate * factors[step] * momentum[name]
            for name, value in model.state_dict().items():
                old = averages.get(name)
                if old is None or not value.is_floating_point():
                    averages[name] = value.clone()
                else:
                    averages[name] = section.ema_decay * old + (1 - section.ema_decay) * value
            step += 1
    return model, averages


# Eight steps, two of them warming up, then (1 - progress)^0.9, zero after the last.
FACTORS = [0.1, 0.55, *((1 - k / 6) ** 0.9 for k in range(6))]


def close(left: dict[str, Any], right: dict[str, Any]) -> bool:
    return all(torch.allclose(left[name].float(), right[name].float(), atol=1e-6) for name in left)


def test_the_result_is_the_average_of_the_weights_after_each_step(tmp_path: Path) -> None:
    wanted = recipe()
    model, (last, averages) = without_chance(), by_hand(without_chance(), wanted, FACTORS)
    done = fitted(model, wanted, tmp_path)
    assert close(weights(model), averages)
    assert not close(weights(model), weights(last))
    assert (done.epochs, done.steps, done.resumed_at) == (2, 8, 0)


def test_without_averaging_the_result_is_the_last_weights(tmp_path: Path) -> None:
    wanted = recipe(training__ema_decay=0)
    model, (last, _) = without_chance(), by_hand(without_chance(), wanted, FACTORS)
    fitted(model, wanted, tmp_path)
    assert close(weights(model), weights(last))


def test_tables_of_indices_are_not_averaged(tmp_path: Path) -> None:
    model = net()
    fitted(model, recipe(training__ema_decay=0.98), tmp_path)
    assert model.table.tolist() == [3, 4, 5, 6, 7, 8]
    assert int(model.norm.num_batches_tracked) == 8


def test_the_checkpoint_holds_the_averages_that_the_run_ends_with(tmp_path: Path) -> None:
    model = net()
    fitted(model, recipe(), tmp_path)
    kept = torch.load(tmp_path / "state" / "last.ckpt", weights_only=True)["state_dict"]
    assert same({f"network.{k}": v for k, v in weights(model).items()}, kept) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"training__optimizer": "adamw", "training__schedule": "cosine"},
        {"training__loss": "ohem", "training__label_smoothing": 0.1},
        {"training__precision": "bf16-mixed", "training__channels_last": True},
        {"training__gradient_clip": 0.1},
        {"data__workers": 1},
    ],
    ids=lambda changes: " ".join(name.rpartition("__")[2] for name in changes),
)
def test_losses_fall_and_are_logged_with_every_option(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    model = net()
    done = fitted(model, recipe(training__epochs=4, **changes), tmp_path)
    with (tmp_path / "log" / "metrics.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    losses = [float(row["loss"]) for row in rows]
    assert [row["epoch"] for row in rows] == ["0", "1", "2", "3"]
    assert losses[-1] < losses[0]
    assert done.losses["loss"] == pytest.approx(losses[-1])
    assert done.losses["loss/segmentation"] == pytest.approx(losses[-1])
    assert any(path.name.startswith("events") for path in (tmp_path / "log").iterdir())
    assert all(p.is_contiguous() for p in model.parameters())


def test_clipping_bounds_what_a_step_changes(tmp_path: Path) -> None:
    clip = {"training__ema_decay": 0, "training__weight_decay": 0, "training__gradient_clip": 1e-3}
    model = net()
    before = weights(model)
    fitted(model, recipe(**clip), tmp_path)
    after = weights(model)
    moved = sum(float(((after[n] - before[n]) ** 2).sum()) for n, _ in model.named_parameters())
    # Momentum 0.9 makes at most ten of one gradient.
    assert 0 < moved**0.5 <= 8 * 0.02 * 1e-3 * 10


def test_the_process_is_left_as_it_was(tmp_path: Path) -> None:
    torch.manual_seed(5)
    state = torch.get_rng_state()
    filling = []

    def told(*step: object) -> None:
        filling.append(torch.utils.deterministic.fill_uninitialized_memory)

    fitted(net(), recipe(), tmp_path, report=told)
    assert set(filling) == {False}  # a tenth of a step and more, for nothing
    assert torch.utils.deterministic.fill_uninitialized_memory
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.equal(torch.get_rng_state(), state)


def test_progress_is_reported_step_by_step(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    fitted(net(), recipe(), tmp_path, report=lambda *step: told.append(step))
    assert told == [("train", step, 8) for step in range(1, 9)]


def test_no_epochs_change_nothing(tmp_path: Path) -> None:
    model = net()
    done = fitted(model, recipe(training__epochs=0), tmp_path)
    assert same(weights(net()), weights(model)) == []
    assert (done.steps, done.losses, os.listdir(tmp_path)) == (0, {}, [])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"training__batch_size": 9}, "at most the 8 images of scenes train, found 9"),
        ({"training__accelerator": "abacus"}, "expected what this machine has, found abacus"),
        ({"training__strategy": "none such"}, "expected what this machine has"),
        pytest.param(
            {"training__accelerator": "gpu"}, "expected what this machine has, found gpu",
            marks=pytest.mark.skipif(torch.cuda.is_available(), reason="it has one"),
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_on_is_named(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        fitted(net(), recipe(**changes), tmp_path)


def test_averages_that_only_hold_what_training_began_with_are_refused(
    tmp_path: Path,
) -> None:
    with pytest.raises(InputError, match=r"after 8 steps still holds 99% of them; leave it out"):
        fit(net(), recipe(training__ema_decay=0.999), Scenes(8), tmp_path)
    fit(net(), recipe(training__ema_decay=None), Scenes(8), tmp_path)
