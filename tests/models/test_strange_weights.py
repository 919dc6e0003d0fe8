"""Files of weights that hold tensors of another kind, or one tensor alone, are refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from segprune.errors import ArtifactError
from segprune.models.weights import read_weights


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (torch.ones(3), "found Tensor"),
        ([], "found list"),
        ({"weight": torch.eye(3).to_sparse()}, r"'weight': a tensor that is sparse"),
        ({"weight": torch.ones(3, device="meta")}, r"'weight': a tensor that is without data"),
    ],
)
def test_what_cannot_be_copied_into_a_network_is_refused(
    tmp_path: Path, content: Any, found: str
) -> None:
    path = tmp_path / "weights.pt"
    torch.save(content, path)
    with pytest.raises(ArtifactError, match=found):
        read_weights(path)


def test_plain_weights_are_read(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save(nn.Conv2d(3, 4, 1).state_dict(), path)
    assert set(read_weights(path)) == {"weight", "bias"}
