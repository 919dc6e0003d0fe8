"""Counts as text: the very counts come back, and what is no count is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segprune.errors import ArtifactError
from segprune.evaluation.metrics import ConfusionMatrix
from segprune.gates.baselines.counts import counts_as_text, counts_from_text

tables = st.lists(  # images of two classes; the last prediction is no class
    st.lists(st.integers(0, 10**6), min_size=6, max_size=6), min_size=1, max_size=4
)


@given(tables)
def test_counts_come_back_from_text(images: list[list[int]]) -> None:
    rows = [
        (image, cell // 3, cell % 3, count)
        for image, cells in enumerate(images)
        for cell, count in enumerate(cells)
        if count
    ]
    entries = np.array(rows, dtype=np.int64).reshape(-1, 4)
    matrix = ConfusionMatrix.from_entries(entries, len(images), 2)
    text = counts_as_text(matrix, tuple(f"image {n}" for n in range(len(images))))
    again = counts_from_text(text, 2)
    assert list(text) == [f"image {n}" for n in range(len(images))]
    assert np.array_equal(again.per_image, np.array(images).reshape(-1, 2, 3))


@pytest.mark.parametrize("cell", ["0>0", "0:5", "0>x:5", "0>0:1.5", f"0>0:{2**60}", ">:"])
def test_what_is_no_count_is_refused_and_its_image_is_named(cell: str) -> None:
    with pytest.raises(ArtifactError, match="counts of second: expected target>prediction:count"):
        counts_from_text({"first": "0>0:5", "second": f"1>1:3 {cell}"}, 2)
