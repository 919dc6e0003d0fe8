"""Laws of the sample order, and of training sets that are read in several processes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from data import trees
from segprune.data import open_dataset
from segprune.data.augmentation import Augmentation, augment
from segprune.data.order import EpochOrder, TrainingSet, epoch_order

seeds = st.integers(0, 2**31)
epochs = st.integers(0, 1000)
counts = st.integers(1, 300)


@given(seeds, epochs, counts)
def test_an_order_is_a_permutation_whoever_asks_and_whenever(
    seed: int, epoch: int, count: int
) -> None:
    order = epoch_order(seed, epoch, count)
    assert sorted(order) == list(range(count))
    torch.manual_seed(count)
    np.random.seed(1)
    random.seed(1)
    assert epoch_order(seed, epoch, count) == order


@given(seeds, epochs, st.integers(20, 300))
def test_every_epoch_and_every_seed_has_another_order(seed: int, epoch: int, count: int) -> None:
    order = epoch_order(seed, epoch, count)
    assert epoch_order(seed, epoch + 1, count) != order
    assert epoch_order(seed + 1, epoch, count) != order


def test_the_order_is_the_same_in_every_version_of_numpy() -> None:
    assert epoch_order(0, 0, 10) == PINNED[0]
    assert epoch_order(7, 3, 10) == PINNED[1]


PINNED = ((0, 8, 9, 3, 7, 5, 1, 2, 6, 4), (7, 1, 9, 6, 0, 4, 2, 8, 3, 5))


def test_every_place_is_taken_by_every_sample_about_as_often() -> None:
    places = np.zeros((5, 5))
    for epoch in range(1000):
        for place, index in enumerate(epoch_order(1, epoch, 5)):
            places[place, index] += 1
    assert np.abs(places - 200).max() < 65  # five standard deviations


@given(seeds, epochs, counts, st.integers(1, 8), st.integers(1, 4))
def test_processes_share_what_one_process_would_take(
    seed: int, epoch: int, count: int, batch: int, world: int
) -> None:
    def batches(batch: int, rank: int, world: int) -> Sequence[set[tuple[int, int]]]:
        order = EpochOrder(count, batch, seed, rank, world)
        order.set_epoch(epoch)
        keys = list(order)
        assert len(keys) == len(order)
        assert len(keys) % batch == 0
        return [set(keys[start : start + batch]) for start in range(0, len(keys), batch)]

    whole = batches(batch * world, 0, 1)
    parts = [batches(batch, rank, world) for rank in range(world)]
    assert {len(part) for part in parts} == {len(whole)} == {count // (batch * world)}
    for step, keys in enumerate(whole):
        shared = [part[step] for part in parts]
        assert set().union(*shared) == keys
        assert sum(map(len, shared)) == len(keys) == batch * world
        assert {key[0] for key in keys} == {epoch}


def test_an_order_starts_at_epoch_zero_and_can_be_read_again() -> None:
    order = EpochOrder(9, 2, seed=4)
    assert list(order) == list(order) == [(0, index) for index in epoch_order(4, 0, 9)[:8]]


@pytest.fixture
def training(tmp_path: Path) -> TrainingSet:
    trees.camvid(tmp_path, "train", count=6)
    dataset = open_dataset("camvid", tmp_path, split="train")
    return TrainingSet(dataset, Augmentation(crop=(8, 8), rare=0.5), seed=5)


def test_a_training_set_gives_the_views_of_its_samples(
    training: TrainingSet, tmp_path: Path
) -> None:
    dataset = open_dataset("camvid", tmp_path, split="train")
    assert len(training) == 6
    for key in ((0, 0), (3, 5)):
        image, label = training[key]
        wanted = augment(dataset[key[1]], Augmentation(crop=(8, 8), rare=0.5), 5, *key)
        assert torch.equal(image, wanted[0])
        assert torch.equal(label, wanted[1].long())
        assert (image.dtype, label.dtype) == (torch.uint8, torch.int64)
        assert (type(image), type(label)) == (torch.Tensor, torch.Tensor)


def test_workers_change_nothing(training: TrainingSet) -> None:
    def batches(workers: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
        torch.manual_seed(workers)
        order = EpochOrder(6, 2, seed=5)
        order.set_epoch(3)
        loader = DataLoader(training, batch_size=2, sampler=order, num_workers=workers)
        return [tuple(part.clone() for part in batch) for batch in loader]

    alone, shared = batches(0), batches(2)
    assert len(alone) == 3
    for one, other in zip(alone, shared, strict=True):
        assert torch.equal(one[0], other[0])
        assert torch.equal(one[1], other[1])
