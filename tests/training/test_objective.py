"""The objective against sums written out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from segprune.training.objective import Objective, frozen
from segprune.training.sections import DistillationSection, TrainingSection
from training.tiny import net


def logits(seed: int, size: tuple[int, int] = (6, 8)) -> Tensor:
    return torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(seed))


def target() -> Tensor:
    labels = torch.randint(3, (2, 6, 8), generator=torch.Generator().manual_seed(9))
    labels[0, :2] = 255
    return labels


def mean_loss(values: Tensor, labels: Tensor, weight: Tensor | None = None) -> Tensor:
    """Cross-entropy pixel by pixel, with a loop in place of torch's."""
    total, count = torch.zeros(()), torch.zeros(())
    for image, row, column in (labels != 255).nonzero():
        label = labels[image, row, column]
        scores = values[image, :, row, column]
        share = 1.0 if weight is None else weight[label]
        total = total + share * (torch.logsumexp(scores, 0) - scores[label])
        count = count + share
    return total / count


def section(**changes: object) -> TrainingSection:
    return TrainingSection(epochs=1, **changes)  # type: ignore[arg-type]


def test_one_term_alone_is_the_mean_over_pixels_that_are_not_void() -> None:
    terms = Objective(section())(logits(0), (), target())
    assert list(terms) == ["segmentation"]
    assert torch.allclose(terms["segmentation"], mean_loss(logits(0), target()))


def test_class_weights_weigh_the_mean() -> None:
    weight = torch.tensor([0.2, 3.0, 1.0])
    terms = Objective(section(), weight=weight)(logits(0), (), target())
    assert torch.allclose(terms["segmentation"], mean_loss(logits(0), target(), weight))


def test_auxiliary_heads_add_their_weighted_sum() -> None:
    heads = (logits(1), logits(2))
    terms = Objective(section(auxiliary_weight=0.25))(logits(0), heads, target())
    wanted = 0.25 * (mean_loss(heads[0], target()) + mean_loss(heads[1], target()))
    assert list(terms) == ["segmentation", "auxiliary"]
    assert torch.allclose(terms["auxiliary"], wanted)
    assert list(Objective(section(auxiliary_weight=0))(logits(0), heads, target())) == [
        "segmentation"
    ]


def test_logits_heads_and_lessons_are_resized_to_the_label() -> None:
    def large(values: Tensor) -> Tensor:
        return F.interpolate(values, size=(6, 8), mode="bilinear", align_corners=False)

    small = [logits(seed, (3, 4)) for seed in range(3)]
    teaching = DistillationSection(channel_wise=1, kl=1)
    objective = Objective(section(), teaching)
    terms = objective(small[0], small[1:2], target(), small[2])
    again = objective(large(small[0]), [large(small[1])], target(), large(small[2]))
    assert terms.keys() == again.keys()
    assert all(torch.allclose(terms[name], again[name]) for name in terms)


def test_a_teacher_adds_the_terms_that_have_a_weight() -> None:
    def names(**weights: float) -> list[str]:
        objective = Objective(section(), DistillationSection(**weights))  # type: ignore[arg-type]
        return list(objective(logits(0), (), target(), logits(1)))

    assert names(channel_wise=1, kl=0) == ["segmentation", "channel_wise"]
    assert names(channel_wise=0, kl=1) == ["segmentation", "kl"]
    assert names(channel_wise=0, kl=0) == ["segmentation"]


def test_distillation_is_the_divergence_over_pixels_and_over_classes() -> None:
    teaching = DistillationSection(channel_wise=2, temperature=4, kl=0.5, kl_temperature=3)
    ours, theirs = logits(0), logits(1)
    terms = Objective(section(), teaching)(ours, (), target(), theirs)
    pixels = [
        F.kl_div(
            F.log_softmax(ours[n, k].flatten() / 4, 0), F.softmax(theirs[n, k].flatten() / 4, 0),
            reduction="sum",
        )
        for n in range(2) for k in range(3)
    ]  # fmt: skip
    assert torch.allclose(terms["channel_wise"], 2 * 16 * torch.stack(pixels).mean())
    classes = F.kl_div(F.log_softmax(ours / 3, 1), F.softmax(theirs / 3, 1), reduction="none")
    assert torch.allclose(terms["kl"], 0.5 * 9 * classes.sum(1).mean())


def test_nothing_is_learnt_from_a_teacher_that_agrees() -> None:
    teaching = DistillationSection(channel_wise=1, kl=1)
    terms = Objective(section(), teaching)(logits(0), (), target(), logits(0))
    assert terms["channel_wise"].abs() < 1e-6
    assert terms["kl"].abs() < 1e-6


def test_hard_examples_are_pixels_of_low_probability() -> None:
    values = 8 * F.one_hot(target().clamp(max=2), 3).permute(0, 3, 1, 2).float()
    values[:, :, 5] = 0  # the last row alone is hard
    row = torch.full_like(target(), 255)
    row[:, 5] = target()[:, 5]
    terms = Objective(section(loss="ohem", ohem_threshold=0.7))(values, (), target())
    assert torch.allclose(terms["segmentation"], mean_loss(values, row))
    assert torch.allclose(terms["segmentation"], torch.log(torch.tensor(3.0)))


@pytest.mark.parametrize("loss", ["cross_entropy", "ohem"])
def test_smoothing_spreads_a_share_over_all_classes(loss: str) -> None:
    values = logits(0)
    uniform = -torch.log_softmax(values, 1).mean(1)[target() != 255].mean()
    objective = Objective(section(loss=loss, label_smoothing=0.1, ohem_threshold=0.999999))
    terms = objective(values, (), target())
    wanted = 0.9 * mean_loss(values, target()) + 0.1 * uniform
    assert torch.allclose(terms["segmentation"], wanted, rtol=1e-4)


def test_half_precision_is_summed_in_single() -> None:
    terms = Objective(section())(logits(0).bfloat16(), (logits(1).bfloat16(),), target())
    assert all(term.dtype == torch.float32 for term in terms.values())


@pytest.mark.parametrize("loss", ["cross_entropy", "ohem"])
def test_a_batch_without_a_label_gives_zero_and_a_gradient(loss: str) -> None:
    values = logits(0).requires_grad_()
    void = torch.full_like(target(), 255)
    terms = Objective(section(loss=loss))(values, (values * 2,), void)
    total = torch.stack(list(terms.values())).sum()
    total.backward()
    assert total == 0
    assert values.grad is not None
    assert not values.grad.any()


def test_a_frozen_network_neither_learns_nor_drops() -> None:
    model = frozen(net().train())
    assert not any(module.training for module in model.modules())
    assert not any(parameter.requires_grad for parameter in model.parameters())
