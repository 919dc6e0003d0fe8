"""Linear layers, matrix products and attention: contracted labels unite, outer labels carry on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from segprune.core.axes import Axes, Axis
from segprune.core.rules.convolution import rows_or_size
from segprune.core.rules.operators import rule
from segprune.core.tracing.ir import Node, Value
from segprune.core.tracing.propagate import Propagation

__all__: list[str] = []


@rule("linear")
def linear(p: Propagation, node: Node) -> None:
    """`y = x Wᵀ + b` with W `(out, in)` over the last axis."""
    source, weight, bias = (node.arguments[key] for key in ("input", "weight", "bias"))
    if len(weight.shape) != 2:
        p.freeze_tensors(node, node.tensors(), "linear with a weight that is not a matrix")
        return
    axes, matrix = dict(p.axes(source)), p.axes(weight)
    rows, columns = p.computed(node, weight, matrix.get(0), 0), matrix.get(1)
    last = len(source.shape) - 1
    p.contract(node, axes.pop(last, None), columns, "a linear layer reads")
    result: Axes = {dim: Axis(a.labels, a.zero and bias is None) for dim, a in axes.items()}
    if rows is not None:
        zero = rows.zero
        if bias is not None:
            offset = p.axes(bias).get(0)
            p.tie(node, rows, offset, "a bias is added to")
            zero = zero and offset is not None and offset.zero
        result[last] = Axis(rows.labels, zero)
        p.layer(node, weight, rows, 0)
    elif bias is not None:
        p.freeze_tensors(node, [bias], "bias of a layer whose weight has no channels to remove")
    p.set(node.outputs[0], result)
    tokens = [rows_or_size(axes.get(d), source, d) for d in range(last)]
    work = [*tokens, rows_or_size(rows, weight, 0), rows_or_size(columns, weight, 1)]
    p.work(node, work)


@rule("matmul", "mm", "bmm", "mv", "dot")
def matmul(p: Propagation, node: Node) -> None:
    """`(…, i, k) @ (…, k, j)`, and the products with vectors."""
    first, second = node.tensors()
    p.set(node.outputs[0], _product(p, node, first, second))


@rule("addmm", "baddbmm")
def addmm(p: Propagation, node: Node) -> None:
    """`input + a @ b`."""
    names = ("mat1", "mat2") if "mat1" in node.arguments else ("batch1", "batch2")
    first, second = (node.arguments[name] for name in names)
    result = _product(p, node, first, second)
    output = node.outputs[0]
    p.set(output, result)
    offset = node.arguments["self"]
    p.set(output, p.broadcast(node, [output, offset], output.shape, all))


def _product(p: Propagation, node: Node, first: Value, second: Value) -> Axes:
    a, b = p.axes(first), p.axes(second)
    rank_a, rank_b = len(first.shape), len(second.shape)
    inner_a, inner_b = rank_a - 1, max(rank_b - 2, 0)
    p.contract(node, a.get(inner_a), b.get(inner_b), "a matrix product sums over")
    shape = node.outputs[0].shape
    result: Axes = {}
    work: list[int | Axis] = [rows_or_size(a.get(inner_a), first, inner_a)]
    column = len(shape) - 1
    if rank_b > 1:
        outer = b.get(rank_b - 1)
        if outer is not None:
            result[column] = outer
        work.append(rows_or_size(outer, second, rank_b - 1))
        column -= 1
    if rank_a > 1:
        outer = a.get(rank_a - 2)
        if outer is not None:
            result[column] = outer
        work.append(rows_or_size(outer, first, rank_a - 2))
        column -= 1
    for dim in range(column, -1, -1):  # batch axes, aligned from the right
        back = column - dim
        own_a, own_b = rank_a - 3 - back, rank_b - 3 - back
        axis = _batch_axis(p, node, first, own_a, second, own_b)
        if axis is not None:
            result[dim] = axis
        work.append(axis if axis is not None else shape[dim])
    p.work(node, work)
    return result


def _batch_axis(
    p: Propagation, node: Node, first: Value, own_a: int, second: Value, own_b: int
) -> Axis | None:
    a = p.axes(first).get(own_a) if own_a >= 0 else None
    b = p.axes(second).get(own_b) if own_b >= 0 else None
    size_a = first.shape[own_a] if own_a >= 0 else 1
    size_b = second.shape[own_b] if own_b >= 0 else 1
    if size_a != size_b:  # one is stretched, and says nothing about single positions
        return a if size_a > size_b else b
    if not (a or b):
        return None
    p.tie(node, a, b, "a batched matrix product runs over")
    chosen = a or b
    assert chosen is not None
    return Axis(chosen.labels, bool((a and a.zero) or (b and b.zero)))


@rule("_trilinear")
def trilinear(p: Propagation, node: Node) -> None:
    """Sum the products of three tensors, each given axes of size 1 (`nn.Bilinear`)."""
    factors = [node.arguments[f"i{number}"] for number in (1, 2, 3)]
    rank = len(factors[0].shape) + len(node.arguments["expand1"])
    summed = {int(dim) % rank for dim in node.arguments["sumdim"]}
    known: list[list[Axis | None]] = [[] for _ in range(rank)]
    for number, factor in enumerate(factors, 1):
        added = {int(dim) % rank for dim in node.arguments[f"expand{number}"]}
        own = [dim for dim in range(rank) if dim not in added]
        for place, dim in enumerate(own):
            known[dim].append(p.axes(factor).get(place))
    result: Axes = {}
    for dim, axes in enumerate(known):
        labelled = [axis for axis in axes if axis is not None]
        for axis in axes[1:]:
            p.tie(node, axes[0], axis, "a bilinear layer reads")
        zero = any(axis.zero for axis in labelled)
        if dim in summed and not zero:
            p.freeze(node, labelled, "a bilinear layer sums over channels that are not zero")
        elif dim not in summed and labelled:
            result[dim - sum(other < dim for other in summed)] = Axis(labelled[0].labels, zero)
    p.set(node.outputs[0], result)


@rule("einsum")
def einsum(p: Propagation, node: Node) -> None:
    """`torch.einsum`: axes of one letter are one axis; letters that the result lacks are summed."""
    operands, output = list(node.tensors()), node.outputs[0]
    inputs, letters = _subscripts(node.arguments["equation"], operands)
    if letters is None or any(len(set(names)) < len(names) for names in inputs):
        p.freeze_tensors(node, operands, "einsum takes a diagonal")
        return
    known: dict[str, list[Axis | None]] = {}
    sizes: dict[str, int] = {}
    for names, operand in zip(inputs, operands, strict=True):
        for dim, name in enumerate(names):
            size, axis = operand.shape[dim], p.axes(operand).get(dim)
            if size > sizes.get(name, 0):  # an axis of size 1 is stretched
                known[name], sizes[name] = [], size
            if size == sizes[name]:
                known[name].append(axis)
    joined = {name: _one_axis(p, node, axes, name in letters) for name, axes in known.items()}
    result = {dim: axis for dim, name in enumerate(letters) if (axis := joined.get(name))}
    p.set(output, result)
    wide = [
        [name for name, size in zip(names, operand.shape, strict=True) if size > 1]
        for names, operand in zip(inputs, operands, strict=True)
    ]
    for names in _products(wide, letters):
        p.work(node, [joined.get(name) or sizes[name] for name in names])


def _subscripts(
    equation: str, operands: Sequence[Value]
) -> tuple[list[list[str]], list[str] | None]:
    """Names of the axes of each operand and of the result; None where its form is not known.

    Axes behind an ellipsis are named by their position from the right: "-1", "-2", ….
    """
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(operands):
        return [], None
    widest = 0
    inputs = []
    for term, operand in zip(terms, operands, strict=True):
        behind = len(operand.shape) - len(term.replace("...", ""))
        widest = max(widest, behind if "..." in term else 0)
        inputs.append(_named(term, behind))
    if arrow:
        return inputs, _named(right, widest)
    once = [name for name in sorted(left) if name.isalpha() and left.count(name) == 1]
    return inputs, [*_named("...", widest), *once]


def _named(term: str, behind: int) -> list[str]:
    first, dots, last = term.partition("...")
    hidden = [str(place) for place in range(-behind, 0)] if dots else []
    return [*first, *hidden, *last]


def _one_axis(
    p: Propagation, node: Node, axes: Sequence[Axis | None], carried: bool
) -> Axis | None:
    """Axes that run together: tied, and zero where one of them is, as products are."""
    first, *others = axes
    for other in others:
        p.tie(node, first, other, "einsum runs over")
    labelled = [axis for axis in axes if axis is not None]
    if not labelled:
        return None
    zero = any(axis.zero for axis in labelled)
    if not carried and not zero:
        p.freeze(node, labelled, "einsum sums over channels that are not zero once masked")
    return Axis(labelled[0].labels, zero)


def _products(inputs: Sequence[Sequence[str]], letters: Sequence[str]) -> Iterator[list[str]]:
    """Letters over which each pair of operands, from the left, is multiplied as matrices.

    A pair that sums over nothing is multiplied position by position, which counts as no work.
    """
    left = list(inputs[0])
    for place, right in enumerate(inputs[1:], start=1):
        needed = {*letters, *(name for names in inputs[place + 1 :] for name in names)}
        every = list(dict.fromkeys((*left, *right)))
        shared = {name for name in every if name in left and name in right}
        if shared - needed:  # what only one of them has, and is not needed, is summed beforehand
            yield [name for name in every if name in needed or name in shared]
        left = [name for name in every if name in needed]


@rule("scaled_dot_product_attention")
def attention(p: Propagation, node: Node) -> None:
    """softmax(q kᵀ · scale) v over `(…, L, E)`; the default scale is 1/√E of the pruned size."""
    query, key, value = (node.arguments[name] for name in ("query", "key", "value"))
    axes = [p.axes(tensor) for tensor in (query, key, value)]
    ranks = [len(tensor.shape) for tensor in (query, key, value)]
    q, k = axes[0].get(ranks[0] - 1), axes[1].get(ranks[1] - 1)
    p.contract(node, q, k, "attention compares")
    if node.arguments.get("scale") is None:
        known = [axis for axis in (q, k) if axis is not None]
        p.freeze(node, known, "attention scales by 1/sqrt of this size, which pruning would change")
    tokens = [a[r - 2] for a, r in zip(axes, ranks, strict=True) if r - 2 in a]
    p.freeze(node, tokens, "softmax over this axis mixes what is kept with what is dropped")
    mask = node.arguments.get("attn_mask")
    if mask is not None:
        p.freeze_tensors(node, [mask], "attention mask")
    shape = node.outputs[0].shape
    result: Axes = {}
    for dim in range(len(shape) - 2):
        shared = shape[dim] != value.shape[dim] and dim < len(value.shape) - 2
        axis = (_shared_heads if shared else _heads)(p, node, dim)
        if axis is not None:
            result[dim] = axis
    carried = axes[2].get(ranks[2] - 1)
    if carried is not None:
        result[len(shape) - 1] = carried
    p.set(node.outputs[0], result)
    lead = [rows_or_size(result.get(d), node.outputs[0], d) for d in range(len(shape) - 2)]
    length, source = query.shape[-2], key.shape[-2]
    p.work(node, [*lead, length, source, rows_or_size(q, query, ranks[0] - 1)])
    p.work(node, [*lead, length, source, rows_or_size(carried, value, ranks[2] - 1)])


def _heads(p: Propagation, node: Node, dim: int) -> Axis | None:
    """Label heads, or images of a batch: zero where values are, as equal scores give the mean."""
    query, key, value = (node.arguments[name] for name in ("query", "key", "value"))
    axis = _batch_axis(p, node, query, dim, value, dim)
    _batch_axis(p, node, query, dim, key, dim)
    own = p.axes(value).get(dim)
    return Axis(axis.labels, own is not None and own.zero) if axis is not None else None


def _shared_heads(p: Propagation, node: Node, dim: int) -> Axis | None:
    """Tie grouped queries: consecutive heads read one head of keys and values, and go with it."""
    query, key, value = (node.arguments[name] for name in ("query", "key", "value"))
    heads, own = p.axes(query).get(dim), p.axes(value).get(dim)
    p.tie(node, p.axes(key).get(dim), own, "attention pairs heads of")
    if heads is None or own is None:
        p.tie(node, heads, own, "attention pairs heads of")
        return heads
    p.labels.unite(own.labels[:, None], heads.labels.reshape(len(own.labels), -1))
    return Axis(heads.labels, own.zero)
