"""Recurrent layers: what the first layer reads may go, what any of them remembers stays."""

from __future__ import annotations

import math

from segprune.core.rules.convolution import rows_or_size
from segprune.core.rules.operators import rule
from segprune.core.tracing.ir import Node, Value
from segprune.core.tracing.propagate import Propagation

__all__: list[str] = []


@rule("gru", "lstm", "rnn_tanh", "rnn_relu")
def recurrent(p: Propagation, node: Node) -> None:
    """All steps at once: taken apart, an image read pixel by pixel is thousands of operators.

    `params` holds, for each layer and direction, the weights of the input and of the memory, both
    biases, and the weight of a projection, as far as the layer has them.
    """
    if "batch_sizes" in node.arguments:  # a packed sequence
        p.freeze_tensors(node, node.tensors(), "a recurrent layer reads packed sequences")
        return
    source: Value = node.arguments["input"]
    params: list[Value] = node.arguments["params"]
    directions = 2 if node.arguments["bidirectional"] else 1
    each = len(params) // (node.arguments["num_layers"] * directions)
    first = [params[number * each] for number in range(directions)]
    axes, last = p.axes(source), len(source.shape) - 1
    columns = [p.axes(weight).get(1) for weight in first]
    for column in columns:
        p.contract(node, axes.get(last), column, "a recurrent layer reads")
    outer = [axis for dim, axis in axes.items() if dim != last]
    p.freeze(node, outer, "a recurrent layer runs over this axis")
    memory = "a recurrent layer remembers its channels"
    p.freeze(node, [p.axes(weight)[0] for weight in first if 0 in p.axes(weight)], memory)
    p.freeze_tensors(
        node, [v for v in node.tensors() if v is not source and v not in first], memory
    )
    steps = math.prod(source.shape[:-1])
    for number, weight in enumerate(params):
        if len(weight.shape) != 2:
            continue
        column = columns[number // each] if weight in first else None
        if number % each < 2 and 0 in p.axes(weight):
            p.layer(node, weight, p.axes(weight)[0], 0)
        p.work(node, [steps, weight.shape[0], rows_or_size(column, weight, 1)])
