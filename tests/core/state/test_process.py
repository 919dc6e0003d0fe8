"""Runs of a user's code leave the process as it was, and do not disturb other threads."""

from __future__ import annotations

import random
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import segprune
from segprune.core.execution import preserve_global_state
from segprune.core.modules import digest_of

X = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))


class Net(nn.Module):
    """A network whose forward changes the state of the process."""

    def __init__(self, does: Callable[[], object] = lambda: None) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 4, 1)
        self.does = does

    def forward(self, x: Tensor) -> Tensor:
        self.does()
        return self.b(self.a(x))


def generators() -> tuple[Any, ...]:
    numpy_state = np.random.get_state()
    return (
        random.getstate(),
        numpy_state[1].tolist(),  # type: ignore[union-attr, index]
        torch.get_rng_state().tolist(),
    )


@pytest.fixture
def _moved() -> None:
    """Draw from every generator, so that none is where it began."""
    torch.rand(3), random.random(), np.random.rand()


def reseed() -> None:
    random.seed(5)
    np.random.seed(5)
    torch.manual_seed(5)
    torch.rand(1)


# -- random generators -----------------------------------------------------------------------------


@pytest.mark.usefixtures("_moved")
@pytest.mark.parametrize("does", [lambda: None, reseed], ids=["nothing", "reseeds"])
def test_a_whole_pruning_moves_no_generator(does: Callable[[], object]) -> None:
    before = generators()
    dense = Net(does).eval()
    torch.set_rng_state(torch.tensor(before[2], dtype=torch.uint8))  # building draws weights
    plan = segprune.make_plan(dense, X)
    assert segprune.verify(dense, segprune.prune(dense, plan), plan, X) == ()
    assert generators() == before


@pytest.mark.usefixtures("_moved")
def test_saving_and_loading_move_no_generator(tmp_path: Path) -> None:
    dense = segprune.build("bisenetv2", num_classes=3, width=0.25)
    plan = segprune.PrunePlan(digest_of(dense), {}, {}, digest_of(dense))
    before = generators()
    path = tmp_path / "net.safetensors"
    segprune.save(path, segprune.prune(dense, plan), plan, deploy=True)
    segprune.load(path)
    assert generators() == before


class Accelerator:
    """A device in use that has generators, like `torch.cuda`."""

    def __init__(self) -> None:
        self.default_generators = tuple(torch.Generator().manual_seed(n) for n in (3, 4))
        self.draw()

    def draw(self) -> list[float]:
        return [torch.rand(1, generator=one).item() for one in self.default_generators]


def test_generators_of_devices_in_use_begin_at_the_seed_and_are_put_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    device = Accelerator()
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "default_generators", device.default_generators)
    before = [one.get_state() for one in device.default_generators]
    drawn = []
    for _ in range(2):
        with preserve_global_state(seed=7):
            drawn.append(device.draw())
    assert drawn[0] == drawn[1]
    after = [one.get_state() for one in device.default_generators]
    assert all(map(torch.equal, before, after))


def test_a_device_that_is_not_in_use_is_not_seeded_and_not_brought_to_use() -> None:
    if torch.cuda.is_initialized():
        pytest.skip("CUDA is in use")
    torch.manual_seed(9)
    tracker = torch.cuda._lazy_seed_tracker
    before = dict(vars(tracker))
    with preserve_global_state():
        torch.manual_seed(5)  # asks for a seed as soon as CUDA is used
        assert vars(tracker) != before
    assert vars(tracker) == before
    assert not torch.cuda.is_initialized()


# -- switches --------------------------------------------------------------------------------------

SWITCHES: dict[str, tuple[Callable[[], Any], Callable[[], object]]] = {
    "type": (torch.get_default_dtype, lambda: torch.set_default_dtype(torch.float64)),
    "device": (torch.get_default_device, lambda: torch.set_default_device("meta")),
    "gradients": (torch.is_grad_enabled, lambda: torch.set_grad_enabled(False)),
    "threads": (torch.get_num_threads, lambda: torch.set_num_threads(2)),
    "determinism": (
        torch.are_deterministic_algorithms_enabled,
        lambda: torch.use_deterministic_algorithms(True),
    ),
    "attention": (
        torch.backends.mha.get_fastpath_enabled,
        lambda: torch.backends.mha.set_fastpath_enabled(False),
    ),
    "cudnn": (
        lambda: torch.backends.cudnn.benchmark,
        lambda: setattr(torch.backends.cudnn, "benchmark", True),
    ),
    "autocast": (
        lambda: torch.is_autocast_enabled("cpu"), lambda: torch.set_autocast_enabled("cpu", True),
    ),
    "numpy": (np.geterr, lambda: np.seterr(all="raise")),
    "warnings": (
        lambda: list(warnings.filters), lambda: warnings.simplefilter("always"),
    ),
}  # fmt: skip


def test_a_default_device_that_a_forward_sets_leaves_no_mode_behind() -> None:
    before = torch._C._len_torch_function_stack()
    with preserve_global_state():
        torch.set_default_device("meta")
        assert torch._C._len_torch_function_stack() == before + 1
    assert torch._C._len_torch_function_stack() == before


@pytest.mark.parametrize("name", SWITCHES)
def test_a_switch_that_a_forward_turns_is_turned_back(name: str) -> None:
    read, turn = SWITCHES[name]
    before = read()
    with preserve_global_state():
        turn()
    assert read() == before
    with pytest.raises(ValueError, match="mine"):
        turn_and_raise(turn)
    assert read() == before


def turn_and_raise(turn: Callable[[], object]) -> None:
    with preserve_global_state():
        turn()
        raise ValueError("mine")


def test_autocast_around_our_runs_does_not_reach_into_them() -> None:
    dense = Net().eval()
    plan = segprune.make_plan(dense, X)
    with torch.autocast("cpu", dtype=torch.bfloat16), preserve_global_state():
        assert dense(X).dtype == torch.float32
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert dense(X).dtype == torch.float32
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert segprune.verify(dense, segprune.prune(dense, plan), plan, X) == ()
        assert dense(X).dtype == torch.bfloat16


# -- threads ---------------------------------------------------------------------------------------


def in_another_thread(job: Callable[[], Any]) -> Any:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(job()))
    thread.start()
    thread.join(60)
    return found[0]


def type_under_autocast() -> torch.dtype:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return (torch.ones(2, 2) @ torch.ones(2, 2)).dtype


def test_other_threads_keep_their_autocast() -> None:
    with preserve_global_state():
        assert type_under_autocast() == torch.float32
        assert in_another_thread(type_under_autocast) == torch.bfloat16
        with preserve_global_state(1):
            assert in_another_thread(type_under_autocast) == torch.bfloat16
        assert type_under_autocast() == torch.float32
    assert type_under_autocast() == torch.bfloat16


def test_two_threads_at_once_leave_the_process_as_it_was() -> None:
    """Neither thread puts back what the other changed, whichever begins first."""
    enter, fast = torch.autocast.__enter__, torch.backends.mha.get_fastpath_enabled()
    filters = list(warnings.filters)
    first_in, second_in, first_out = (threading.Event() for _ in range(3))

    def first() -> None:
        with preserve_global_state():
            first_in.set()
            second_in.wait(0.2)  # in vain, where only one may be within
        first_out.set()

    def second() -> None:
        first_in.wait(60)
        with preserve_global_state():
            second_in.set()
            first_out.wait(60)

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert torch.autocast.__enter__ is enter
    assert torch.backends.mha.get_fastpath_enabled() == fast
    assert list(warnings.filters) == filters
