"""An error of this package's own code is not reported as a network that cannot run."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import segprune
from cli.runner import segprune_
from segprune.core.execution import is_ours
from segprune.errors import TraceError

IMAGES = torch.rand(1, 3, 16, 16)


def net() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU(), nn.Conv2d(8, 5, 1)).eval()


def broken(*_: Any, **__: Any) -> Any:
    raise KeyError("our mistake")


PLACES = [
    "segprune.core.modules.follow_the_copy",  # after a copy
    "segprune.core.state.snapshot.namespaces_of",  # before a run
    "segprune.core.state.snapshot._Snapshot.restore",  # after a run
    "segprune.core.tracing.capture.Recorder._output",  # within a run
    "segprune.core.tracing.trace.require_fresh",
]


@pytest.mark.parametrize("place", PLACES)
def test_an_error_of_ours_comes_out_as_it_is(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, broken)
    with pytest.raises(KeyError, match="our mistake"):
        segprune.trace(net(), IMAGES)


def test_an_error_of_ours_while_training_is_recorded_comes_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = segprune.core.tracing.trace.record

    def fails_in_training(model: nn.Module, *args: Any) -> Any:
        return broken() if model.training else real(model, *args)

    monkeypatch.setattr("segprune.core.tracing.trace.record", fails_in_training)
    with pytest.raises(KeyError, match="our mistake"):
        segprune.trace(net(), IMAGES)


class Fails(nn.Module):
    def __init__(self, how: str) -> None:
        super().__init__()
        self.a, self.how = nn.Conv2d(3, 8, 1), how

    def forward(self, x: Tensor) -> Tensor:
        y = self.a(x)
        if self.how == "raises":
            raise KeyError("the user's")
        if self.how == "adds":
            return y + torch.ones(1, 8, 3, 3)
        if self.how == "joins":
            return torch.cat([y, y], 7)
        if self.how == "multiplies":
            return y @ torch.ones(5, 5)
        return nn.functional.conv2d(y, torch.ones(4, 9, 1, 1))


@pytest.mark.parametrize("how", ["raises", "adds", "joins", "multiplies", "convolves"])
def test_an_error_of_the_network_or_of_torch_on_its_behalf_is_reported(how: str) -> None:
    with pytest.raises(TraceError, match="expected forward to run on"):
        segprune.trace(Fails(how).eval(), IMAGES)


def test_a_built_in_network_on_a_wrong_image_is_reported() -> None:
    with pytest.raises(TraceError, match="expected forward to run on"):
        segprune.trace(segprune.build("bisenetv2", num_classes=4), torch.rand(1, 5, 64, 64))


def test_a_forward_that_returns_nothing_is_reported() -> None:
    class Nothing(nn.Module):
        def forward(self, x: Tensor) -> None:
            return None

    with pytest.raises(TraceError, match="expected tensors as its output, found none"):
        segprune.trace(Nothing(), IMAGES)


def test_the_command_line_calls_it_unexpected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segprune.core.modules.follow_the_copy", broken)
    result = segprune_("prune", "bisenetv2", "--input", "1x3x64x64", "--no-speed")
    assert result.exit_code == 70
    assert "our mistake" in result.stderr
    assert "Check the example inputs" not in result.stderr


def test_the_innermost_code_that_is_no_library_decides() -> None:
    with pytest.raises(KeyError) as caught:
        segprune.core.execution.run_method(Fails("raises"), "forward", IMAGES)
    assert not is_ours(caught.value)
    with pytest.raises(AttributeError) as lost:
        segprune.core.execution.run_method(Fails("raises"), "no_such_method", IMAGES)
    assert is_ours(lost.value)
