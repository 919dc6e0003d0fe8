"""What a dense network is run on: the same numbers every time, or the images that are named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from segprune.data.normalisation import Given
from segprune.data.source import ImageSource
from segprune.workflows.dense import on_images, random_example
from segprune.workflows.open import open_network
from workflows.small import SIZE, eleven


def test_random_numbers_depend_on_the_seed_alone() -> None:
    state = torch.get_rng_state()
    assert torch.equal(random_example(SIZE, 3), random_example(SIZE, 3))
    assert not torch.equal(random_example(SIZE, 3), random_example(SIZE, 4))
    assert torch.equal(torch.get_rng_state(), state)
    last = random_example(SIZE, 3, "channels_last")
    assert last.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(last, random_example(SIZE, 3))


def test_without_images_there_is_nothing_to_say_of_them() -> None:
    dense = on_images(open_network(eleven()), SIZE, ImageSource(), seed=3)
    assert torch.equal(dense.example, random_example(SIZE, 3))
    assert (dense.frames, dense.lines) == (None, ())


def test_images_are_normalised_as_the_user_says(camvid: Path) -> None:
    given = Given((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    source = ImageSource(data="camvid", root=camvid, split="val")
    dense = on_images(open_network(eleven(), given=given), (1, 3, 40, 50), source)
    with Image.open(camvid / "val" / "images" / "0001TP_0.png") as image:
        pixels = (np.asarray(image).astype(np.float32) / 255 - 0.5) / 0.25
    assert torch.allclose(dense.example[0], torch.from_numpy(pixels).permute(2, 0, 1), atol=1e-5)
    assert "0.5" in dense.lines[0]
