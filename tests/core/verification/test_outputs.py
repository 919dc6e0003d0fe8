"""What a network's output may hold, and what in it would prove nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
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


def test_a_size_among_the_outputs_has_to_stay() -> None:
    class Counting(Net):
        def forward(self, x: Tensor) -> Any:
            y = self.a(x)
            return {"out": self.head(y), "width": y.shape[1]}

    model = Counting()
    plan = segprune.make_plan(model, X)
    (found, *_) = segprune.verify(model, segprune.prune(model, plan), plan, X)
    assert "width: 16" in found.message


@pytest.mark.parametrize("shape", [(1,), (2, 5, 16, 16)])
def test_random_numbers_that_both_networks_draw_alike_prove_nothing(shape: tuple[int, ...]) -> None:
    class Noisy(Net):
        def forward(self, x: Tensor) -> Any:
            return self.head(self.a(x)) + torch.rand(shape)[: len(x)]

    model = Noisy()
    plan = segprune.make_plan(model, X)
    found = segprune.verify(model, segprune.prune(model, plan), plan, X)
    assert ["random in evaluation mode" in violation.message for violation in found] == [True]
