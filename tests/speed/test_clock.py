"""The clock: which device can be timed, by which events, and that threads are restored."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

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


def test_events_are_recorded_on_the_networks_own_device(monkeypatch: pytest.MonkeyPatch) -> None:
    current: list[torch.device] = [torch.device("cuda", 0)]
    recorded: list[torch.device] = []

    @contextlib.contextmanager
    def device(wanted: torch.device) -> Iterator[None]:
        current.append(wanted)
        yield
        current.pop()

    class Event:
        def __init__(self, enable_timing: bool) -> None:
            assert enable_timing

        def record(self) -> None:
            recorded.append(current[-1])

        def elapsed_time(self, end: Event) -> float:
            return 12.5

    monkeypatch.setattr(torch.cuda, "device", device)
    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: recorded.append(current[-1]))
    second = torch.device("cuda", 1)
    watch = clock.stopwatch_of(second)
    assert watch(lambda: recorded.append(current[-1])) == 12.5
    assert recorded == [second] * 5
    assert current == [torch.device("cuda", 0)]
