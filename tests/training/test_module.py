"""A step of training: which parts of a network run, and losses that end it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from segprune.errors import InputError
from training.test_fitting import fitted
from training.tiny import Net, net, recipe, same, weights


def test_a_teacher_is_not_changed_and_not_saved(tmp_path: Path) -> None:
    teacher = net(1).train()
    before = weights(teacher)
    model = net()
    lesson = {"distillation__channel_wise": 1.0, "distillation__kl": 1.0}
    done = fitted(model, recipe(**lesson), tmp_path, teacher=teacher)
    assert same(before, weights(teacher)) == []
    assert {"loss/channel_wise", "loss/kl"} < done.losses.keys()
    kept = torch.load(tmp_path / "state" / "last.ckpt", weights_only=True)
    assert len(kept["state_dict"]) == len(before)


class _Headed(Net):
    """The same network with an auxiliary head that counts its runs."""

    def __init__(self) -> None:
        super().__init__()
        self.head = torch.nn.Conv2d(3, 3, 1)
        self.runs = 0

    def forward_with_aux(self, images: torch.Tensor) -> tuple[torch.Tensor, tuple[torch.Tensor]]:
        self.runs += 1
        logits = self(images)
        return logits, (self.head(logits),)


@pytest.mark.parametrize(("weight", "runs"), [(0.4, 8), (0.0, 0)])
def test_heads_run_where_they_count(tmp_path: Path, weight: float, runs: int) -> None:
    model = _Headed()
    before = weights(model)
    fitted(model, recipe(training__auxiliary_weight=weight), tmp_path)
    assert model.runs == runs
    # An average of equal numbers may differ from them in the last bit.
    assert torch.allclose(model.head.weight, before["head.weight"], rtol=1e-5) == (runs == 0)
    assert not torch.allclose(model.last.weight, before["last.weight"], rtol=1e-5)


def test_a_loss_that_is_not_finite_ends_the_training_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"finite losses, found loss.* = .*learning_rate"):
        fitted(net(), recipe(training__learning_rate=1e30), tmp_path)
    assert not (tmp_path / "state" / "last.ckpt").exists()
