"""Scores of `fisher` are what a mask over each channel's readers feels, image by image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import segprune
from segprune.core.planning.fisher import fisher
from segprune.core.planning.importance import Evidence, score_classes
from segprune.errors import InputError

IMAGES = torch.randn(3, 3, 12, 12, generator=torch.Generator().manual_seed(1))
LABELS = torch.randint(4, (3, 12, 12), generator=torch.Generator().manual_seed(2))


class Mixed(nn.Module):
    """A residual sum, a depthwise layer, a transposed and a grouped one, and one used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8))
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False)
        self.point = nn.Conv2d(8, 8, 1, bias=False)
        self.down = nn.Conv2d(8, 12, 2, stride=2, bias=False)
        self.grouped = nn.Conv2d(12, 12, 3, padding=1, groups=3, bias=False)
        self.up = nn.ConvTranspose2d(12, 6, 2, stride=2, bias=False)
        self.twice = nn.Conv2d(6, 6, 3, padding=1, bias=False)
        self.head = nn.Conv2d(6, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.stem(x))
        x = x + self.point(F.relu(self.depthwise(x)))
        x = self.up(F.relu(self.grouped(F.relu(self.down(x)))))
        x = F.relu(self.twice(F.relu(self.twice(x))))
        return self.head(x)


READERS: Mapping[str, Iterable[tuple[str, ...]]] = {
    "stem.0": [("depthwise", "point", "down")],  # one class through the sum and the depthwise layer
    "up": [("twice", "head")],
}
"""By the layer whose rows a class is: the layers that read it, by hand."""


def felt(model: nn.Module, names: Iterable[str], channel: int) -> float:
    """Sum over images of the squared derivative by a factor of one input channel of layers."""
    total = 0.0
    for image, label in zip(IMAGES, LABELS, strict=True):
        factor = torch.ones((), requires_grad=True)

        def mask(
            module: nn.Module, given: tuple[Tensor, ...], factor: Tensor = factor
        ) -> tuple[Tensor, ...]:
            (x,) = given
            one = torch.zeros(x.shape[1]).index_fill(0, torch.tensor(channel), 1.0)
            return (x * (1 + one * (factor - 1)).view(1, -1, 1, 1),)

        handles = [model.get_submodule(name).register_forward_pre_hook(mask) for name in names]
        loss = F.cross_entropy(model(image[None]), label[None])
        (slope,) = torch.autograd.grad(loss, factor)
        total += float(slope) ** 2
        for handle in handles:
            handle.remove()
    return total


def scores_of(
    model: nn.Module, batches: Iterable[object]
) -> tuple[segprune.ChannelGraph, Mapping[object, Tensor]]:
    graph = segprune.trace(model, IMAGES[:1])
    return graph, fisher(Evidence(model, graph, batches))


@pytest.mark.parametrize("cut", [1, 2, 3], ids="batches of {}".format)
def test_a_class_scores_what_a_mask_over_all_its_readers_feels(cut: int) -> None:
    torch.manual_seed(0)
    model = Mixed().eval()
    batches = list(zip(IMAGES.split(cut), LABELS.split(cut), strict=True))
    _, found = scores_of(model, batches)
    for name in ("depthwise", "point", "down"):
        dim = 0 if name == "depthwise" else 1
        expected = [felt(model, ("depthwise", "point", "down"), c) for c in range(8)]
        assert found[f"{name}.weight", dim].tolist() == pytest.approx(expected, rel=1e-4)
    expected = [felt(model, ("twice", "head"), c) for c in range(6)]
    for name in ("twice", "head"):
        assert found[f"{name}.weight", 1].tolist() == pytest.approx(expected, rel=1e-4)


def test_positions_of_groups_that_go_together_are_one_mask() -> None:
    torch.manual_seed(0)
    model = Mixed().eval()
    graph, found = scores_of(model, [(IMAGES, LABELS)])
    labels = graph.state.slots["grouped.weight"]
    classes = graph.roots[labels[0]]
    by_group = len(set(classes.tolist())) == 3
    assert by_group or len(set(classes.tolist())) == 4
    assert all(torch.isfinite(value).all() for value in found.values())


def test_images_without_labels_are_scored_by_the_networks_own_predictions() -> None:
    torch.manual_seed(0)
    model = Mixed().eval()
    own = model(IMAGES).argmax(1)
    _, without = scores_of(model, [IMAGES])
    _, given = scores_of(model, [(IMAGES, own)])
    assert all(torch.allclose(without[key], given[key]) for key in given)


def test_operators_that_overwrite_what_the_backward_pass_needs_are_scored_all_the_same() -> None:
    class InPlace(nn.Module):
        def __init__(self, in_place: bool) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.first, self.second = nn.Conv2d(3, 5, 3), nn.Conv2d(5, 4, 1)
            self.in_place = in_place

        def forward(self, x: Tensor) -> Tensor:
            x = torch.sigmoid(self.first(x))
            x = x.mul_(2) if self.in_place else x * 2  # sigmoid's result is needed backwards
            return F.interpolate(self.second(x), (12, 12))

    results = []
    for in_place in (True, False):
        model = InPlace(in_place).eval()
        _, found = scores_of(model, [(IMAGES, LABELS)])
        results.append(found["second.weight", 1])
    with pytest.raises(RuntimeError, match="inplace"):
        InPlace(True)(IMAGES).sum().backward()
    assert torch.allclose(*results)


def test_gradients_that_are_not_finite_are_refused_by_the_weights_name() -> None:
    torch.manual_seed(0)
    model = Mixed().eval()
    with pytest.raises(InputError, match=r"calibration: expected finite gradients.*\.weight"):
        scores_of(model, [(IMAGES * float("inf"), LABELS)])


def test_scores_of_layers_compare_as_they_are() -> None:
    torch.manual_seed(0)
    model = Mixed().eval()
    graph, found = scores_of(model, [(IMAGES, LABELS)])
    evidence = Evidence(model, graph, [(IMAGES, LABELS)])
    scores = score_classes("fisher", evidence, True)
    labels = graph.state.slots["down.weight"][1]
    assert scores[labels].tolist() == pytest.approx(found["down.weight", 1].tolist())
