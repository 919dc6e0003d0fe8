"""Tensors made from nothing: constant ones may follow a pruned size, all others are fixed."""

from __future__ import annotations

from segprune.core.axes import Axis
from segprune.core.rules.operators import rule
from segprune.core.tracing.ir import Node
from segprune.core.tracing.propagate import Propagation

__all__: list[str] = []


@rule("zeros", "ones", "full", "empty", "new_zeros", "new_ones", "new_full", "new_empty",
      "empty_strided", "new_empty_strided", creates=True)  # fmt: skip
def constant(p: Propagation, node: Node) -> None:
    """`torch.zeros(n, c, h, w)`: labels without slots; probing tells whether `c` follows."""
    output = node.outputs[0]
    zero = "zeros" in node.name or node.arguments.get("fill_value") == 0
    axes = {
        dim: Axis(p.labels.fresh(size), zero) for dim, size in enumerate(output.shape) if size > 1
    }
    p.set(output, axes)
    p.expect(node, "size", None)
    p.expect(node, "stride", None)


@rule("zeros_like", "ones_like", "full_like", "empty_like", "rand_like", "randn_like", "bernoulli",
      "normal", "uniform")  # fmt: skip
def like(p: Propagation, node: Node) -> None:
    """As many channels as the tensor they imitate, or overwrite."""
    source = next(node.tensors())
    zero = node.name == "aten.zeros_like" or node.arguments.get("fill_value") == 0
    axes = {dim: Axis(axis.labels, zero) for dim, axis in p.axes(source).items()}
    (p.write if node.in_place else p.set)(node.outputs[0], axes)


@rule("arange", "linspace", "eye", "rand", "randn", "randint", "randperm", "scalar_tensor",
      "hann_window")  # fmt: skip
def fixed(p: Propagation, node: Node) -> None:
    """Values that depend on the position: no channel of theirs can go."""


@rule("_local_scalar_dense", "item", "is_nonzero", "equal", "is_same_size")
def number(p: Propagation, node: Node) -> None:
    """Numbers handed to Python: what code computes from them may depend on every channel."""
    text = f"{node.name} hands a value of this tensor to Python"
    p.freeze_tensors(node, node.tensors(), text)


@rule("_assert_async", "_assert_scalar", "_assert_tensor_metadata")
def check(p: Propagation, node: Node) -> None:
    """Assertions: they compute nothing; probing compares the sizes that they assert."""
