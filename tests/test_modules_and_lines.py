"""Where an operator is called is known: its module, and the line of the user's code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import segprune
from segprune.core.tracing.dispatch import Interpreter

X = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))

# -- modules and lines -----------------------------------------------------------------------------


class Fails(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Conv2d(7, 7, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x)  # not seven channels


class Tries(nn.Module):
    """A network that catches what one of its modules raises, and goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.fails, self.then, self.head = Fails(), nn.Conv2d(3, 8, 1), nn.Conv2d(8, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        try:
            x = self.fails(x)
        except RuntimeError:
            x = x * 1.0
        return self.head(self.then(x).softmax(1))


class Noted(Interpreter):
    """An interpreter that notes in which module each operator is called."""

    def __init__(self) -> None:
        super().__init__(lambda name: True)
        self.modules: list[str] = []

    def step(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self.modules.append(self.module_stack[-1])
        return op(*args, **kwargs)


def test_a_caught_exception_leaves_the_modules_as_they_are_nested() -> None:
    network, noted = Tries().eval(), Noted()
    noted.watch(network)
    with torch.inference_mode(), noted:
        network(X)
    assert noted.modules == ["fails.inner", "", "then", "", "head"]
    assert noted.module_stack == [""]


def test_the_module_that_raised_is_known_after_its_exception_went_through() -> None:
    network, noted = Fails().eval(), Noted()
    noted.watch(network)
    with pytest.raises(RuntimeError), torch.inference_mode(), noted:
        network(X)
    assert noted.innermost == "inner"
    assert noted.module_stack == [""]


SOURCE = """
from torch import nn

class Mixes(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 8, 1), nn.Conv2d(8, 4, 1)

    def forward(self, x):
        return self.b(self.a(x).softmax(1))  # in the way
"""


@pytest.mark.parametrize(
    "name",
    ["copying_net.py", "contextlib.py", "my_contextlib.py", "copying/net.py", "torch/net.py"],
)
def test_lines_of_files_with_the_names_of_others_are_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(SOURCE)
    space: dict[str, Any] = {"__name__": "theirs"}
    exec(compile(SOURCE, str(path), "exec"), space)
    (frozen,) = segprune.trace(space["Mixes"](), X).frozen
    assert f"{path.name}:10" in str(frozen)


# -- tensors without data --------------------------------------------------------------------------


class Between(nn.Module):
    def __init__(self, change: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 4, 1)
        self.change = change

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.change(self.a(x)))


def as_tokens(change: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """View a result as tokens, which needs the layout in memory that it really has."""

    def changed(y: Tensor) -> Tensor:
        rows = change(y.permute(0, 2, 3, 1)).view(1, 64, -1)
        return rows.transpose(1, 2).reshape(1, -1, 8, 8)

    return changed


LAYOUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "contiguous copy": as_tokens(lambda y: y.clone(memory_format=torch.contiguous_format)),
    "layer norm": as_tokens(lambda y: nn.functional.layer_norm(y, y.shape[-1:])),
    "softmax": as_tokens(lambda y: y.softmax(2)),
    "channels last": lambda y: (
        y.clone(memory_format=torch.channels_last).permute(0, 2, 3, 1).view(1, 64, -1)
        .transpose(1, 2).reshape(1, -1, 8, 8)
    ),
    "pooled channels last": lambda y: (
        nn.functional.adaptive_avg_pool2d(y.contiguous(memory_format=torch.channels_last), 8)
        .permute(0, 2, 3, 1).view(1, 64, -1).transpose(1, 2).reshape(1, -1, 8, 8)
    ),
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_in_memory_need_no_data(layout: str) -> None:
    network = Between(LAYOUTS[layout])
    network(X)  # it runs on data
    graph = segprune.trace(network, X)
    assert graph.needs_data == ""
    assert "real data" not in graph.summary()


def test_a_trace_that_needs_data_says_so_and_names_the_line() -> None:
    def looks(y: Tensor) -> Tensor:
        return y * 2 if y.mean().item() > 9 else y

    summary = segprune.trace(Between(looks), X).summary()
    assert "real data" in summary
    assert "y.mean().item() > 9" in summary
