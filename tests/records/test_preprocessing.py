"""Preprocessing: what a network is given, and that artefacts keep it."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from segprune.errors import ArtifactError
from segprune.records.preprocessing import Preprocessing

numbers = st.floats(-10, 10)
triples = st.tuples(numbers, numbers, numbers)
above_zero = st.tuples(*[st.floats(1e-3, 10)] * 3)
sizes = st.none() | st.tuples(st.integers(1, 5000), st.integers(1, 5000))


@given(triples, above_zero, sizes)
def test_metadata_comes_back_from_json_as_it_was(
    mean: tuple[float, float, float],
    std: tuple[float, float, float],
    size: tuple[int, int] | None,
) -> None:
    whole = Preprocessing(mean, std, size)
    assert Preprocessing.from_metadata(json.loads(json.dumps(whole.as_metadata()))) == whole


@given(triples, above_zero)
def test_pixels_are_scaled_shifted_and_divided_channel_by_channel(
    mean: tuple[float, float, float], std: tuple[float, float, float]
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 5), dtype=np.uint8)
    found = Preprocessing(mean, std)(torch.from_numpy(pixels))
    wanted = (pixels / 255 - np.array(mean)[:, None, None]) / np.array(std)[:, None, None]
    assert found.dtype == torch.float32
    assert np.allclose(found.numpy(), wanted, rtol=1e-4, atol=1e-5 / min(std))


def test_imagenets_numbers_are_the_usual_ones() -> None:
    assert Preprocessing().as_metadata() == {
        "size": None, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("size", 512), ("size", [512]), ("size", [512, 0]), ("size", [512, 1.5]),
        ("size", [True, 3]), ("mean", None), ("mean", [0.5, 0.5]), ("mean", ["a", 0, 0]),
        ("mean", [float("nan"), 0, 0]), ("std", [1, 1, float("inf")]), ("std", [1, 1, 0]),
        ("std", [1, 1, -1]), ("std", 1),
    ],
)  # fmt: skip
def test_other_metadata_is_refused_by_the_name_of_the_field(field: str, value: object) -> None:
    metadata = Preprocessing(size=(4, 6)).as_metadata() | {field: value}
    with pytest.raises(ArtifactError, match=rf"preprocessing\.{field}"):
        Preprocessing.from_metadata(metadata)


@pytest.mark.parametrize("field", ["mean", "std"])
def test_metadata_that_lacks_a_field_is_refused(field: str) -> None:
    metadata = Preprocessing().as_metadata()
    del metadata[field]
    with pytest.raises(ArtifactError, match=field):
        Preprocessing.from_metadata(metadata)
