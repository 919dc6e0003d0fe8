"""Options that cannot be are refused with what was expected and found."""

from __future__ import annotations

from typing import Any

import pytest

from segprune.errors import ModelError, SegpruneError
from segprune.models import build


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("unet", {}, ["'unet'", "'bisenetv2', 'icnet'"]),
        (7, {}, ["7", "'bisenetv2', 'icnet'"]),
        ("icnet", {"depth": 3}, ["'icnet'", "'depth'", "'trunk', 'width'", "remove"]),
        ("bisenetv2", {"trunk": "resnet18"}, ["'bisenetv2'", "'trunk'", "'width'", "remove"]),
        ("icnet", {"trunk": "vgg"}, ["'trunk'", "'vgg'", "'resnet18', 'resnet50'"]),
        ("icnet", {"trunk": None}, ["'trunk'", "None", "'resnet18', 'resnet50'"]),
        ("icnet", {"num_classes": 0}, ["'num_classes'", "at least 1", "found 0"]),
        ("icnet", {"num_classes": True}, ["'num_classes'", "integer", "found True"]),
        ("icnet", {"num_classes": 19.0}, ["'num_classes'", "integer", "found 19.0"]),
        ("bisenetv2", {"aux": 1}, ["'aux'", "True or False", "found 1"]),
        ("bisenetv2", {"width": 0}, ["'width'", "above 0", "found 0"]),
        ("bisenetv2", {"width": float("nan")}, ["'width'", "finite", "found nan"]),
        ("icnet", {"width": float("inf")}, ["'width'", "finite", "found inf"]),
        ("icnet", {"width": "0.5"}, ["'width'", "number", "found '0.5'"]),
        ("icnet", {"width": True}, ["'width'", "number", "found True"]),
    ],
)
def test_bad_input_is_refused_with_what_was_expected_and_found(
    name: Any, options: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(ModelError) as caught:
        build(name, **options)
    message = str(caught.value)
    for word in ["expected", "found", *words]:
        assert word in message
    assert isinstance(caught.value, SegpruneError)
