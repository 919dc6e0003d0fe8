"""Laws of training views: pure functions of their address, image and label moving together."""

from __future__ import annotations

import dataclasses
import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F
from torchvision import tv_tensors

from segprune.data.augmentation import Augmentation, augment
from segprune.data.dataset import Sample
from segprune.errors import InputError

VOID = 255
CLASSES = 5
PLAIN = Augmentation(brightness=0, contrast=0, saturation=0)
"""Geometry alone."""
STILL = dataclasses.replace(PLAIN, scale=(1.0, 1.0), flip=0.0)

addresses = st.tuples(st.integers(0, 2**31), st.integers(0, 500), st.integers(0, 10**6))
scales = st.tuples(st.floats(0.3, 3), st.floats(0.3, 3)).map(lambda s: (min(s), max(s)))
crops = st.none() | st.tuples(st.integers(1, 70), st.integers(1, 70))


def painted(height: int = 48, width: int = 64, seed: int = 0) -> Sample:
    """Blocks of classes, and an image that is a function of them."""
    blocks = np.random.default_rng(seed).integers(0, CLASSES, (height // 8, width // 8), np.uint8)
    label = np.kron(blocks, np.ones((8, 8), np.uint8))
    return Sample(
        tv_tensors.Image(torch.from_numpy(np.stack([paint(label, c) for c in range(3)]))),
        tv_tensors.Mask(torch.from_numpy(label)),
        "painted",
    )


def paint(label: np.ndarray, channel: int) -> np.ndarray:
    return (10 + 45 * label + 20 * channel).astype(np.uint8)


def distinct(height: int = 24, width: int = 30) -> Sample:
    """Every pixel has a colour of its own, and a label that follows from its place."""
    rows, columns = np.mgrid[:height, :width].astype(np.uint8)
    image = np.stack([rows, columns, np.zeros_like(rows)])
    return Sample(
        tv_tensors.Image(torch.from_numpy(image)),
        tv_tensors.Mask(torch.from_numpy((rows + columns) % 7)),
        "distinct",
    )


def check_painted(image: Tensor, label: Tensor) -> float:
    """Where a label is alone in its neighbourhood, the image has its colour; gives their share."""
    values = label.float()[None, None]
    # Within the frame as well: resizing weighs what is beyond it differently.
    highest = F.max_pool2d(values, 7, 1)[0, 0]
    lowest = -F.max_pool2d(-values, 7, 1)[0, 0]
    alone = (highest == lowest) & (lowest != VOID)
    inner_image, inner_label = image[:, 3:-3, 3:-3], label[3:-3, 3:-3].numpy()
    for channel in range(3):
        wanted = torch.from_numpy(paint(inner_label, channel))
        assert torch.equal(inner_image[channel][alone], wanted[alone])
    return float(alone.float().mean())


# -- a pure function of the address ----------------------------------------------------------------


@given(addresses)
def test_a_view_depends_on_its_address_alone(address: tuple[int, int, int]) -> None:
    sample, everything = painted(), Augmentation(crop=(20, 30), rare=0.5)
    first = augment(sample, everything, *address)
    torch.manual_seed(sum(address) % 1000)
    random.seed(1)
    np.random.seed(1)
    augment(painted(seed=3), everything, address[0] + 1, *address[1:])
    state = torch.get_rng_state()
    again = augment(sample, everything, *address)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))


@pytest.mark.parametrize("place", [0, 1, 2])
def test_seed_epoch_and_index_all_matter(place: int) -> None:
    address = [3, 4, 5]
    address[place] += 1
    other, same = augment(painted(), Augmentation(), *address), (3, 4, 5)
    assert not torch.equal(other[0], augment(painted(), Augmentation(), *same)[0])


def test_the_digits_of_an_address_are_kept_apart() -> None:
    one, other = (augment(painted(), Augmentation(), *a) for a in ((1, 11, 1), (11, 1, 1)))
    assert not torch.equal(one[0], other[0])


def test_the_sample_is_left_as_it_was() -> None:
    sample, copy = painted(), painted()
    for index in range(20):
        image, label = augment(sample, Augmentation(), 0, 0, index)
        image.zero_()
        label.zero_()
    assert torch.equal(sample.image, copy.image)
    assert torch.equal(sample.label, copy.label)


# -- shape and geometry ----------------------------------------------------------------------------


@given(addresses, crops, scales)
def test_a_view_has_the_shape_of_the_crop_and_both_move_together(
    address: tuple[int, int, int], crop: tuple[int, int] | None, scale: tuple[float, float]
) -> None:
    augmentation = dataclasses.replace(PLAIN, crop=crop, scale=scale, rare=0.3)
    image, label = augment(painted(), augmentation, *address)
    height, width = crop or (48, 64)
    assert image.shape == (3, height, width)
    assert label.shape == (height, width)
    assert image.dtype == label.dtype == torch.uint8
    assert set(label.unique().tolist()) <= {*range(CLASSES), VOID}
    if min(height, width) >= 8:
        check_painted(image, label)


def test_most_of_a_view_can_be_compared_with_its_label() -> None:
    shares = [check_painted(*augment(painted(), PLAIN, 0, 0, index)) for index in range(30)]
    assert sum(shares) / len(shares) > 0.1  # so that the law above is not an empty one


@given(addresses, st.tuples(st.integers(1, 24), st.integers(1, 30)))
def test_at_scale_one_a_view_is_a_window_of_the_image(
    address: tuple[int, int, int], crop: tuple[int, int]
) -> None:
    sample = distinct()
    image, label = augment(sample, dataclasses.replace(STILL, crop=crop), *address)
    top, left = image[0, 0, 0].item(), image[1, 0, 0].item()
    window = (slice(top, top + crop[0]), slice(left, left + crop[1]))
    assert torch.equal(image, sample.image[:, *window])
    assert torch.equal(label, sample.label[*window])
    assert image.is_contiguous()
    assert label.is_contiguous()


def test_windows_reach_every_corner() -> None:
    tops = {
        tuple(augment(distinct(), dataclasses.replace(STILL, crop=(22, 28)), 0, 0, n)[0][:2, 0, 0])
        for n in range(120)
    }
    assert {(int(a), int(b)) for a, b in tops} == {(a, b) for a in range(3) for b in range(3)}


@given(addresses)
def test_a_flip_mirrors_image_and_label(address: tuple[int, int, int]) -> None:
    never, always = (dataclasses.replace(PLAIN, flip=share, rare=0.5) for share in (0.0, 1.0))
    straight, mirrored = (augment(painted(), which, *address) for which in (never, always))
    for one, other in zip(straight, mirrored, strict=True):
        assert np.array_equal(one.numpy()[..., ::-1], other.numpy())


def test_half_of_the_views_are_flipped() -> None:
    sample = distinct()
    flipped = sum(
        augment(sample, dataclasses.replace(STILL, flip=0.5), 0, 0, n)[0][1, 0, 0].item() > 0
        for n in range(400)
    )
    assert 150 < flipped < 250  # five standard deviations


@given(addresses, st.floats(0.3, 0.9))
def test_beyond_the_image_lies_void_in_the_mean_colour(
    address: tuple[int, int, int], scale: float
) -> None:
    sample = painted()
    image, label = augment(sample, dataclasses.replace(PLAIN, scale=(scale, scale)), *address)
    inside = label.numpy() != VOID
    rows, columns = inside.any(axis=1), inside.any(axis=0)
    assert np.array_equal(inside, np.outer(rows, columns))  # one rectangle
    assert abs(rows.sum() - scale * 48) <= 2
    assert abs(columns.sum() - scale * 64) <= 2
    mean = sample.image.numpy().reshape(3, -1).mean(axis=1)
    far = ~np.outer(_grown(rows), _grown(columns))
    assert np.abs(image.numpy()[:, far] - mean[:, None]).max(initial=0) <= 1


def _grown(line: np.ndarray) -> np.ndarray:
    """Three pixels more at both ends: resizing mixes the edge."""
    return np.convolve(line, np.ones(7), "same") > 0


def test_what_is_void_in_the_label_stays_void() -> None:
    sample = painted()
    label = sample.label.clone()
    label[:, :32] = VOID
    half = Sample(sample.image, tv_tensors.Mask(label), "half")
    _, view = augment(half, STILL, 0, 0, 0)
    assert torch.equal(view, label)


def test_scales_are_drawn_evenly_in_their_logarithm() -> None:
    wide = dataclasses.replace(PLAIN, scale=(0.25, 4.0), flip=0.0)
    sample = distinct(60, 60)
    grown = 0
    for index in range(400):
        label = augment(sample, wide, 0, 0, index)[1]
        grown += VOID not in label.unique().tolist()
    assert 150 < grown < 250  # as many above 1 as below: five standard deviations


def test_rare_classes_are_looked_for() -> None:
    label = torch.zeros(48, 64, dtype=torch.uint8)
    label[40:42, 60:62] = 3
    image = tv_tensors.Image(torch.zeros(3, 48, 64, dtype=torch.uint8))
    sample = Sample(image, tv_tensors.Mask(label), "rare")

    def seen(rare: float) -> float:
        view = dataclasses.replace(STILL, crop=(12, 12), rare=rare)
        return sum(bool((augment(sample, view, 0, 0, n)[1] == 3).any()) for n in range(200)) / 200

    assert seen(0.0) < 0.15
    assert 0.4 < seen(1.0) < 0.75  # one of two classes each time


def test_an_image_that_is_void_throughout_has_no_rare_class() -> None:
    label = tv_tensors.Mask(torch.full((48, 64), VOID, dtype=torch.uint8))
    sample = Sample(painted().image, label, "void")
    _, view = augment(sample, dataclasses.replace(PLAIN, rare=1.0), 0, 0, 0)
    assert view.unique().tolist() == [VOID]


# -- colour ----------------------------------------------------------------------------------------


def test_brightness_is_a_factor_that_leaves_the_label_alone() -> None:
    sample = painted()
    factors = []
    for index in range(50):
        augmentation = dataclasses.replace(STILL, brightness=0.2)
        image, label = augment(sample, augmentation, 0, 0, index)
        ratio = image.double() / sample.image.double()
        factors.append(float(ratio.median()))
        assert torch.equal(label, sample.label)
    assert 0.79 < min(factors) < 0.9
    assert 1.1 < max(factors) < 1.21


@pytest.mark.parametrize("kind", ["contrast", "saturation"])
def test_contrast_and_saturation_change_the_image_alone(kind: str) -> None:
    sample = painted()
    image, label = augment(sample, dataclasses.replace(STILL, **{kind: 0.4}), 0, 0, 1)
    assert not torch.equal(image, sample.image)
    assert torch.equal(label, sample.label)


# -- what is refused -------------------------------------------------------------------------------


def test_image_and_label_of_different_sizes_are_refused() -> None:
    sample = Sample(painted().image, distinct().label, "street 7")
    with pytest.raises(InputError, match=r"street 7: .*\(48, 64\) and \(24, 30\)"):
        augment(sample, PLAIN, 0, 0, 0)


@pytest.mark.parametrize("scale", [(0.0, 1.0), (2.0, 1.0), (-1.0, 1.0), (1.0, float("inf"))])
def test_scales_that_are_none_are_refused(scale: tuple[float, float]) -> None:
    with pytest.raises(InputError, match=r"augmentation\.scale"):
        Augmentation(scale=scale)


def test_a_crop_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match=r"augmentation\.crop"):
        Augmentation(crop=(0, 5))
