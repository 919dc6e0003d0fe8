"""The shapes that a run without data works out itself are those that torch finds."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from segprune.core.rules.catalogue import understood
from segprune.core.tracing.dispatch import Interpreter

SIZES = st.lists(st.integers(1, 4), min_size=1, max_size=4)
TYPES = st.sampled_from((torch.float32, torch.float64))


class Plain(Interpreter):
    """Run every operator as a trace does."""

    def step(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self.call(op, args, kwargs)


def as_torch_does(call: Any, *tensors: Tensor) -> None:
    """Compare shape, type and layout, or that both refuse."""
    inputs = [tensor.to("meta") for tensor in tensors]
    try:
        expected = call(*inputs)
    except (RuntimeError, IndexError):
        with pytest.raises((RuntimeError, IndexError)), torch.inference_mode(), Plain(understood):
            call(*inputs)
        return
    with torch.inference_mode(), Plain(understood):  # which leaves composite operators whole
        found = call(*inputs)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    assert found.stride() == expected.stride()


def moved(sizes: list[int], dtype: torch.dtype, swap: bool) -> Tensor:
    """A tensor of the sizes; its last two axes may be swapped in memory."""
    if not swap or len(sizes) < 2:
        return torch.empty(sizes, dtype=dtype)
    return torch.empty((*sizes[:-2], sizes[-1], sizes[-2]), dtype=dtype).transpose(-1, -2)


@given(SIZES, st.lists(st.integers(1, 4), min_size=1, max_size=2), st.booleans(), TYPES, TYPES)
def test_a_linear_layer(
    sizes: list[int], rows: list[int], swap: bool, own: torch.dtype, other: torch.dtype
) -> None:
    x = moved(sizes, own, swap)
    as_torch_does(F.linear, x, torch.empty((rows[0], sizes[-1]), dtype=other))
    as_torch_does(F.linear, x, torch.empty((rows[0], 2)))
    bias = torch.empty(rows, dtype=other)
    as_torch_does(F.linear, x, torch.empty((rows[0], sizes[-1]), dtype=own), bias)
    as_torch_does(F.linear, x, torch.empty((2, sizes[-1]), dtype=own), bias)


@given(SIZES, st.lists(st.integers(-5, 4), max_size=3), st.booleans(), st.booleans())
def test_a_mean(sizes: list[int], dims: list[int], keep: bool, swap: bool) -> None:
    x = moved(sizes, torch.float32, swap)
    as_torch_does(lambda x: x.mean(dims, keepdim=keep), x)
    as_torch_does(lambda x: x.mean(), x)
    as_torch_does(lambda x: x.mean(dims, dtype=torch.float64), x)


@given(st.lists(st.integers(1, 3), min_size=1, max_size=2), st.tuples(*[st.integers(1, 4)] * 5))
def test_attention(batch: list[int], sizes: tuple[int, ...]) -> None:
    queries, keys, values, width, deep = sizes
    q = torch.empty((*batch, queries, width))
    k, v = torch.empty((*batch, keys, width)), torch.empty((*batch, values, deep))
    as_torch_does(F.scaled_dot_product_attention, q, k, v)
    as_torch_does(F.scaled_dot_product_attention, q, torch.empty((*batch, values, width)), v)
    k = torch.empty((*batch, values, width))
    for shape in (
        (queries, values), (1, values), (*batch, queries, values), (3, queries, 1), (values,),
        (2, 1, 1, queries, values),
    ):  # fmt: skip
        as_torch_does(F.scaled_dot_product_attention, q, k, v, torch.empty(shape))
    as_torch_does(
        F.scaled_dot_product_attention, q, k, v, torch.empty((queries, values), dtype=torch.bool)
    )


@given(
    st.sampled_from((torch.nn.GRU, torch.nn.LSTM, torch.nn.RNN)),
    st.lists(st.integers(1, 3), min_size=3, max_size=3),
    st.integers(1, 2),
    *[st.booleans()] * 5,
)
def test_a_recurrent_layer(
    kind: Any, sizes: list[int], layers: int, both: bool, first: bool, bias: bool, project: bool,
    misfit: bool,
) -> None:  # fmt: skip
    shrunk = {"proj_size": 2} if project and kind is torch.nn.LSTM else {}
    layer = kind(3, 4, layers, bias=bias, bidirectional=both, batch_first=first, **shrunk)
    layer = layer.to("meta").eval()
    x = torch.empty((*sizes[:2], 3 + misfit))

    def part(number: int) -> Any:
        def call(x: Tensor) -> Tensor:
            outputs, state = layer(x)
            return (outputs, *(state if kind is torch.nn.LSTM else (state,)))[number]

        return call

    for number in range(3 if kind is torch.nn.LSTM else 2):
        as_torch_does(part(number), x)
