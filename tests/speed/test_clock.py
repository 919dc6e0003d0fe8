"""The clock: which device can be timed, by which events, and that threads are restored."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from segprune.errors import InputError
from segprune.speed import (
    clock,
    measure,
)

IMAGES = torch.zeros(2, 3, 8, 8)


def test_the_number_of_threads_is_restored_after_a_failure() -> None:
    before = torch.get_num_threads()

    def stopwatch(call: Callable[[], object]) -> float:
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        measure(nn.Identity(), nn.Identity(), IMAGES, threads=before + 1, stopwatch=stopwatch)
    assert torch.get_num_threads() == before


def test_a_device_without_a_trustworthy_clock_is_refused() -> None:
    with pytest.raises(InputError, match="meta"):
        measure(nn.Conv2d(3, 3, 1, device="meta"), nn.Identity(), IMAGES.to("meta"))


def test_networks_on_several_devices_are_refused() -> None:
    with pytest.raises(InputError, match="cpu, meta"):
        measure(nn.Conv2d(3, 3, 1, device="meta"), nn.Identity(), IMAGES)


def test_cuda_is_timed_by_its_own_events_between_synchronisations(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    happened: list[str] = []

    class Event:
        def __init__(self, enable_timing: bool) -> None:
            assert enable_timing

        def record(self) -> None:
            happened.append("record")

        def elapsed_time(self, end: Event) -> float:
            happened.append("elapsed")
            return 12.5

    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: happened.append("synchronize"))
    assert clock._cuda_ms(lambda: happened.append("call")) == 12.5
    assert happened == ["synchronize", "record", "call", "record", "synchronize", "elapsed"]
