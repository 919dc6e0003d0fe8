"""Evaluation on data sets in memory: resizing, ties, order, modes, and what is refused by name."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision import tv_tensors

import segprune
from segprune.data.dataset import ClassTable, Sample, SegmentationDataset
from segprune.errors import InputError
from segprune.evaluation.evaluate import best_classes, evaluate, evaluate_images, predict
from segprune.evaluation.metrics import ConfusionMatrix
from segprune.records.preprocessing import Preprocessing

K = 4
PLAIN = Preprocessing(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))


class Scenes(SegmentationDataset):
    """Random images and labels; each may have a size of its own."""

    def __init__(
        self, sizes: Sequence[tuple[int, int]] = ((8, 12),) * 5, *, void: float = 0.2, zoom: int = 1
    ) -> None:
        table = ClassTable(tuple("abcd"), ((0, 0, 0),) * K)
        super().__init__("scenes", "val", table, ("one",) * len(sizes))
        draw = torch.Generator().manual_seed(5)
        self.samples = []
        for number, (height, width) in enumerate(sizes):
            image = torch.randint(256, (3, height, width), generator=draw, dtype=torch.uint8)
            label = torch.randint(K, (zoom * height, zoom * width), generator=draw)
            label[torch.rand(label.shape, generator=draw) < void] = 255
            self.samples.append(
                Sample(
                    tv_tensors.Image(image), tv_tensors.Mask(label.to(torch.uint8)), f"n{number}"
                )
            )

    def _read(self, index: int) -> Sample:
        return self.samples[index]


class Whole(nn.Module):
    """Logits that are whole numbers: exact, however an implementation groups its sums."""

    def __init__(self) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(6)
        self.weight = nn.Parameter(torch.randint(-9, 10, (K, 3, 3, 3), generator=draw).float())
        self.inner = nn.Sequential(nn.BatchNorm2d(K), nn.Dropout(0.5))

    def forward(self, images: Tensor) -> Tensor:
        return self.inner[1](F.conv2d((images * 255).round(), self.weight, padding=1, stride=2))


def replaced(result: Any) -> nn.Module:
    """A network that returns what a function makes of the logits of `Whole`."""

    class Replaced(Whole):
        def forward(self, images: Tensor) -> Any:
            return result(super().forward(images))

    return Replaced()


def by_hand(model: nn.Module, dataset: Scenes) -> ConfusionMatrix:
    """Image by image with numpy's argmax, whose first index wins by definition."""
    matrix = ConfusionMatrix(K)
    for sample in dataset.samples:
        image, label = sample.image.as_subclass(Tensor), sample.label.as_subclass(Tensor)
        with torch.no_grad():
            logits = model.eval()(image[None].float() / 255)
        logits = F.interpolate(logits, label.shape, mode="bilinear", align_corners=False)
        matrix.update(torch.from_numpy(logits.numpy().argmax(axis=1)), label[None])
    return matrix


# -- the best class --------------------------------------------------------------------------------


def upsampled(row: list[float], size: int) -> list[float]:
    """Bilinear along one axis, corners not aligned: the textbook's formula, point by point."""
    result = []
    for place in range(size):
        at = min(max((place + 0.5) * len(row) / size - 0.5, 0.0), len(row) - 1.0)
        low = min(int(at), len(row) - 1)
        high = min(low + 1, len(row) - 1)
        result.append(row[low] + (at - low) * (row[high] - row[low]))
    return result


@pytest.mark.parametrize("size", [(8, 12), (5, 7), (3, 4), (2, 9)])
def test_logits_are_resized_by_the_textbooks_bilinear_formula(size: tuple[int, int]) -> None:
    logits = torch.randn(2, K, 3, 4, generator=torch.Generator().manual_seed(0))
    best = best_classes(logits, size)
    assert (tuple(best.shape), best.dtype) == ((2, *size), torch.int64)
    for image in range(2):
        wide = np.array([[upsampled(row, size[1]) for row in p] for p in logits[image].tolist()])
        full = [[upsampled(column, size[0]) for column in p.T.tolist()] for p in wide]
        expected = np.array(full).transpose(0, 2, 1).argmax(axis=0)
        assert np.array_equal(best[image].numpy(), expected)


def test_corners_are_not_aligned() -> None:
    logits = torch.tensor([[[[0.0, 0.0]], [[-1.0, 4.0]]]])  # class 1 leads from a fifth of the way
    assert best_classes(logits, (1, 8)).tolist() == [[[0, 0, 0, 1, 1, 1, 1, 1]]]
    aligned = F.interpolate(logits, (1, 8), mode="bilinear", align_corners=True)
    assert aligned.argmax(1).tolist() == [[[0, 0, 1, 1, 1, 1, 1, 1]]]


def test_without_ties_the_best_class_is_torchs_argmax() -> None:
    logits = torch.randn(3, 11, 20, 30, generator=torch.Generator().manual_seed(1))
    assert torch.equal(best_classes(logits, (20, 30)), logits.argmax(dim=1))


@pytest.mark.parametrize("shape", [(1, 2, 1, 1), (2, 11, 33, 47), (1, 150, 64, 65)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_lowest_index_wins_a_tie(shape: tuple[int, ...], layout: torch.memory_format) -> None:
    draw = torch.Generator().manual_seed(2)
    logits = torch.randint(3, shape, generator=draw).float().contiguous(memory_format=layout)
    expected = np.argmax(logits.numpy(), axis=1)
    assert np.array_equal(best_classes(logits, shape[-2:]).numpy(), expected)
    assert bool((best_classes(torch.zeros(shape), shape[-2:]) == 0).all())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_logits_of_any_precision_are_compared_in_single(dtype: torch.dtype) -> None:
    logits = torch.randn(1, K, 5, 6, generator=torch.Generator().manual_seed(3)).to(dtype)
    assert torch.equal(best_classes(logits, (9, 9)), best_classes(logits.float(), (9, 9)))


# -- the whole data set ----------------------------------------------------------------------------


@pytest.mark.parametrize("zoom", [1, 3])
def test_every_image_is_scored_at_the_size_of_its_label(zoom: int) -> None:
    dataset, model = Scenes(((8, 12), (6, 6), (6, 6), (8, 12)), zoom=zoom), Whole()
    found, expected = evaluate_images(model, dataset, preprocessing=PLAIN), by_hand(model, dataset)
    assert np.array_equal(found.matrix.per_image, expected.per_image)
    assert found.score == expected.score()
    assert found.names == ("n0", "n1", "n2", "n3")
    assert evaluate(model, dataset, preprocessing=PLAIN) == found.score


def test_digests_are_those_of_the_predictions_and_of_the_data() -> None:
    dataset, model = Scenes(), Whole().eval()
    found = evaluate_images(model, dataset, preprocessing=PLAIN)
    digest = hashlib.sha256()
    for sample in dataset.samples:
        logits = model(PLAIN(sample.image[None]))
        digest.update(best_classes(logits, sample.label.shape).to(torch.uint8).numpy().tobytes())
    assert found.predictions == digest.hexdigest()
    assert found.data == dataset.digest()


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("batch_size", [1, 2, 3, 64])
def test_neither_batches_nor_threads_change_a_prediction(batch_size: int, threads: int) -> None:
    dataset, model = Scenes(((8, 12), (8, 12), (8, 12), (6, 6), (8, 12))), Whole()
    usual = evaluate_images(model, dataset, preprocessing=PLAIN)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        other = evaluate_images(model, dataset, preprocessing=PLAIN, batch_size=batch_size)
    finally:
        torch.set_num_threads(before)
    assert other.predictions == usual.predictions
    assert (other.score, other.names, other.data) == (usual.score, usual.names, usual.data)
    assert np.array_equal(other.matrix.per_image, usual.matrix.per_image)


def test_a_built_in_network_predicts_the_same_bits_again() -> None:
    torch.manual_seed(0)
    model, dataset = segprune.build("bisenetv2", num_classes=K, width=0.25), Scenes(((64, 64),) * 2)
    first, again = (evaluate_images(model, dataset).predictions for _ in range(2))
    assert first == again


@pytest.mark.parametrize(
    "result",
    [
        lambda logits: (logits, logits.flip(1)),
        lambda logits: [logits, torch.zeros(1)],
        lambda logits: {"aux": logits.flip(1), "out": logits},
        lambda logits: {"logits": logits, "aux": logits.flip(1)},
    ],
    ids=["tuple", "list", "out", "first of a dict"],
)
def test_logits_are_found_in_whatever_a_network_returns(result: Any) -> None:
    usual, other = Whole(), replaced(result)
    assert evaluate(other, Scenes(), preprocessing=PLAIN) == evaluate(
        usual, Scenes(), preprocessing=PLAIN
    )
    assert predict(other.eval(), torch.ones(1, 3, 8, 8)).shape == (1, K, 4, 4)


def test_a_network_in_half_precision_is_evaluated_as_it_is() -> None:
    model = Whole().to(torch.bfloat16)
    assert evaluate(model, Scenes(), preprocessing=PLAIN).images == 5


def test_the_network_is_left_as_it_was() -> None:
    model = Whole().train()
    model.inner[0].eval()
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    dataset = Scenes()
    first = evaluate(model, dataset, preprocessing=PLAIN)
    assert first == evaluate(model, dataset, preprocessing=PLAIN)  # dropout is off
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())
    assert model.weight.requires_grad
    assert model.weight.grad is None


def test_modes_come_back_after_an_error() -> None:
    model = replaced(lambda logits: logits[:, :2]).train()
    with pytest.raises(InputError):
        evaluate(model, Scenes())
    assert all(module.training for module in model.modules())


def test_what_a_network_keeps_of_an_evaluation_can_be_trained_with() -> None:
    class Keeps(Whole):
        kept: Tensor | None = None

        def forward(self, images: Tensor) -> Tensor:
            if self.kept is None:
                self.kept = self.weight.detach() * 2
            return super().forward(images) * self.kept.reshape(-1)[0]

    model = Keeps()
    evaluate(model, Scenes())
    model(torch.rand(1, 3, 8, 8)).sum().backward()
    assert model.weight.grad is not None


def test_settings_of_torch_are_left_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    cudnn = torch.backends.cudnn
    monkeypatch.setattr(cudnn, "benchmark", True)
    seen = []
    model = replaced(lambda logits: seen.append(cudnn.deterministic) or logits)
    evaluate(model, Scenes())
    assert set(seen) == {True}
    assert (cudnn.benchmark, cudnn.deterministic) == (True, False)
    assert torch.is_grad_enabled()


def test_progress_is_told_after_every_image() -> None:
    told: list[tuple[int, int]] = []
    evaluate(Whole(), Scenes(), batch_size=2, progress=lambda *now: told.append(now))
    assert told == [(done, 5) for done in range(1, 6)]


# -- what is refused -------------------------------------------------------------------------------


def planted(value: float, image: int) -> nn.Module:
    """A network that gives one value that is no finite number, in its n-th image."""
    seen = [-1]

    def plant(logits: Tensor) -> Tensor:
        seen[0] += 1
        if seen[0] == image:
            logits[0, 1, 2, 3] = value
        return logits

    return replaced(plant)


@pytest.mark.parametrize(
    ("value", "word"), [(float("nan"), "NaN"), (float("inf"), "inf"), (float("-inf"), "inf")]
)
def test_logits_that_are_not_finite_are_refused_and_the_image_named(
    value: float, word: str
) -> None:
    with pytest.raises(InputError, match=f"finite logits of n3, found {word}"):
        evaluate(planted(value, 3), Scenes())


def test_within_a_batch_the_very_image_is_named() -> None:
    def plant(logits: Tensor) -> Tensor:
        logits[1] = float("nan")
        return logits

    with pytest.raises(InputError, match="of n1, found NaN"):
        evaluate(replaced(plant), Scenes(), batch_size=5)


@pytest.mark.parametrize(
    ("result", "shape"),
    [
        (lambda logits: logits[:, :3], r"\(1, 3, 4, 6\)"),
        (lambda logits: logits.repeat(1, 2, 1, 1), r"\(1, 8, 4, 6\)"),
        (lambda logits: logits[0], r"\(4, 4, 6\)"),
        (lambda logits: logits.argmax(1), r"\(1, 4, 6\)"),
    ],
)
def test_logits_of_other_classes_are_refused_and_the_image_named(result: Any, shape: str) -> None:
    with pytest.raises(InputError, match=rf"\(1, 4, H, W\).*found {shape} at n0"):
        evaluate(replaced(result), Scenes())


def test_a_network_that_fails_on_an_image_is_reported_with_the_image() -> None:
    model = replaced(lambda logits: logits + torch.zeros(1, K, 4, 6))
    with pytest.raises(InputError, match=r"takes images \(1, 3, 6, 6\).*RuntimeError at n1"):
        evaluate(model, Scenes(((8, 12), (6, 6))))


def test_a_network_without_an_output_tensor_is_refused() -> None:
    with pytest.raises(InputError, match="expected a tensor"):
        evaluate(replaced(lambda logits: "logits"), Scenes())


def test_a_data_set_of_void_alone_has_no_score() -> None:
    with pytest.raises(InputError, match=r"scenes val: expected labelled pixels.*in 5 images"):
        evaluate(Whole(), Scenes(void=1.1))


def test_an_image_of_void_alone_is_counted_as_an_image() -> None:
    dataset = Scenes()
    dataset.samples[2].label[:] = 255
    assert evaluate(Whole(), dataset, preprocessing=PLAIN).images == 5


def test_no_images_have_no_score() -> None:
    with pytest.raises(InputError, match="found none in 0 images"):
        evaluate(Whole(), Scenes(()))


@pytest.mark.parametrize("batch_size", [0, -1])
def test_a_batch_of_nothing_is_refused(batch_size: int) -> None:
    with pytest.raises(InputError, match="batch_size"):
        evaluate(Whole(), Scenes(), batch_size=batch_size)


def test_evaluate_is_exported() -> None:
    assert segprune.evaluate is evaluate
