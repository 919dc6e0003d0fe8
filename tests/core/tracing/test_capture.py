"""A recording holds the operators of a run in order, those with a rule whole."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import segprune


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.norm, self.head = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm(self.a(x)))
        return self.head(y + y.mean((2, 3), keepdim=True))


def test_operators_are_recorded_in_the_order_in_which_they_ran() -> None:
    program = segprune.trace(Net().eval(), torch.rand(1, 3, 8, 8)).state.programs[0]
    names = [node.name.removeprefix("aten.") for node in program.nodes]
    assert names == ["conv2d", "batch_norm", "relu", "mean", "add", "conv2d"]
    assert [node.index for node in program.nodes] == [*range(6)]


def test_each_operator_knows_its_module_and_the_users_line() -> None:
    program = segprune.trace(Net().eval(), torch.rand(1, 3, 8, 8)).state.programs[0]
    assert [node.module for node in program.nodes] == ["a", "norm", "", "", "", "head"]
    lines = {node.source.line for node in program.nodes if node.source is not None}
    code = Net.forward.__code__
    assert lines <= {code.co_firstlineno + 1, code.co_firstlineno + 2}
    assert all(str(node.source).startswith("test_capture.py:") for node in program.nodes)


def test_parameters_and_buffers_are_named_and_inputs_are_not() -> None:
    program = segprune.trace(Net().eval(), torch.rand(1, 3, 8, 8)).state.programs[0]
    named = {value.state for node in program.nodes for value in node.tensors()} - {None}
    assert named == {
        "a.weight", "a.bias", "norm.weight", "norm.bias", "norm.running_mean", "norm.running_var",
        "head.weight", "head.bias",
    }  # fmt: skip
    assert [value.state for value in program.inputs] == [None]
    assert [tuple(value.shape) for value in program.outputs] == [(1, 2, 6, 6)]
