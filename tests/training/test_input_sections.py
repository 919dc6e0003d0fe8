"""Sections on what a run begins with: one origin of weights, and no truth in place of a number."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from pydantic import ValidationError

from segprune.data.augmentation import Augmentation
from segprune.training.input_sections import AugmentationSection, DataSection, NetworkSection


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (DataSection, {"name": "camvid", "count": True}, "expected no true or false, found true"),
        (DataSection, {"name": "camvid", "size": [8, False]}, "found false"),
        (DataSection, {"name": "camvid", "range": [1, 0]}, "range: expected the lower"),
        (DataSection, {"name": "camvid", "folder": "x"}, "Extra inputs"),
        (AugmentationSection, {"scale": [2.0, 0.5]}, r"scale: expected \[low, high\]"),
        (NetworkSection, {"model": "x", "init_from": "a", "architecture_of": "b"}, "one of"),
        (NetworkSection, {"model": "x", "average_of": ["a"]}, "at least 2"),
    ],
)  # fmt: skip
def test_values_that_mean_nothing_are_refused(kind: Any, values: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        kind.model_validate(values)


def test_the_weights_are_the_files_that_are_named() -> None:
    assert NetworkSection(model="x").weights == ()
    assert [p.name for p in NetworkSection(model="x", init_from="a").weights] == ["a"]  # type: ignore[arg-type]
    both = NetworkSection(model="x", average_of=("a", "b"))  # type: ignore[arg-type]
    assert [p.name for p in both.weights] == ["a", "b"]


def test_views_have_the_same_defaults_in_python_and_in_a_recipe() -> None:
    assert AugmentationSection().build() == Augmentation()
    assert list(AugmentationSection.model_fields) == [
        f.name for f in dataclasses.fields(Augmentation)
    ]
