"""The embedded data set gives what the painter paints, split by split."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from segprune.data.opening import open_dataset
from segprune.data.streets import Streets
from segprune.data.streets.picture import paint_scene
from segprune.errors import InputError


def test_the_data_set_gives_what_the_painter_paints() -> None:
    dataset = open_dataset("streets", split="val", size=(64, 96), count=3)
    image, label = paint_scene(2, 1, 64, 96)
    sample = dataset[1]
    assert np.array_equal(sample.image.permute(1, 2, 0).numpy(), image)
    assert np.array_equal(sample.label.numpy(), label)
    assert (len(dataset), sample.name, len(set(dataset.sequences))) == (3, "val-00001", 3)
    assert torch.equal(dataset[-2].image, sample.image)
    with pytest.raises(IndexError):
        dataset[3]


def test_splits_share_no_scene_and_a_longer_one_begins_like_a_shorter_one() -> None:
    found = {
        split: [dataset[i].image.numpy().tobytes() for i in range(8)]
        for split in ("train", "val", "test")
        for dataset in [Streets(split, (64, 128), count=8)]
    }
    assert len({picture for pictures in found.values() for picture in pictures}) == 24
    assert Streets("val", (64, 128), count=20)[7].image.numpy().tobytes() == found["val"][7]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"split": "all"}, "expected one of train, val, test"),
        ({"size": (16, 256)}, "at least 32×32"),
        ({"count": 0}, "at least"),
        ({"root": "somewhere"}, "leave it out"),
    ],
)
def test_what_cannot_be_is_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        open_dataset("streets", **options)  # type: ignore[arg-type]
