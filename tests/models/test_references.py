"""A name or a reference to the user's code becomes a network, or an error with a remedy."""

from __future__ import annotations

import pytest

from segprune.errors import ModelError
from segprune.models.references import resolve


def test_a_file_in_place_of_a_network_is_sent_where_it_belongs() -> None:
    with pytest.raises(ModelError, match="give a file with --weights"):
        resolve("runs/half/half.safetensors")
    with pytest.raises(ModelError, match="a colon and the function"):
        resolve("resnet")
