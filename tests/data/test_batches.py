"""Batches of a data set, against its samples one by one."""

from __future__ import annotations

import torch

from segprune.data.batches import read_dataset_batches
from segprune.data.streets import Streets
from segprune.records.preprocessing import Preprocessing

PREPARED = Preprocessing((0.1, 0.2, 0.3), (0.5, 0.6, 0.7))


def test_batches_are_evenly_spaced_samples_normalised_with_labels_at_the_size_of_the_batch() -> (
    None
):
    scenes = Streets("train", (32, 64), count=7)
    found = read_dataset_batches(scenes, 2, (2, 3, 32, 64), preprocessing=PREPARED)
    assert (found.count, found.labelled, len(found.batches)) == (4, True, 2)
    chosen = [scenes[index] for index in (0, 1, 3, 5)]  # of seven, every 7 / 4
    for (images, labels), pair in zip(found.batches, (chosen[:2], chosen[2:]), strict=True):
        for image, label, sample in zip(images, labels, pair, strict=True):
            for channel in range(3):
                wanted = (sample.image[channel].float() / 255 - PREPARED.mean[channel]) / (
                    PREPARED.std[channel]
                )
                assert torch.allclose(image[channel], wanted, atol=1e-6)
            assert torch.equal(label, sample.label.long())


def test_labels_follow_the_size_and_are_left_out_where_nothing_needs_them() -> None:
    scenes = Streets("train", (32, 64), count=2)
    half = read_dataset_batches(scenes, 1, (1, 3, 16, 32))
    assert half.batches[0][1].shape == (1, 16, 32)
    plain = read_dataset_batches(scenes, 1, (1, 3, 32, 64), labels=False)
    assert not plain.labelled
    assert torch.is_tensor(plain.batches[0])
    assert plain.digest == half.digest  # of the same files
