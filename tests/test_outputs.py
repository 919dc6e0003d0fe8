"""What a network's output may not hold."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from torch import Tensor

import segprune
from test_averaged_axes import Net, X


@pytest.mark.parametrize("alone", [True, False])
def test_features_within_an_object_are_refused(alone: bool) -> None:
    class Hiding(Net):
        def forward(self, x: Tensor) -> Any:
            y = self.a(x)
            bag = SimpleNamespace(logits=self.head(y), features=y)
            return bag if alone else {"out": bag.logits, "more": [bag]}

    with pytest.raises(segprune.TraceError, match="found a SimpleNamespace that holds"):
        segprune.trace(Hiding(), X)


def test_features_as_an_array_are_refused() -> None:
    class Converting(Net):
        def forward(self, x: Tensor) -> Any:
            y = self.a(x)
            return {"out": self.head(y), "features": y.detach().numpy()}

    with pytest.raises(segprune.TraceError, match="ndarray"):
        segprune.trace(Converting(), X)
