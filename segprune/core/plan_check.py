"""Find what does not fit between a plan and the network it was made for."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

from torch import nn

from segprune.core.modules import aliases, network_digest, tensors_of
from segprune.core.plan import PrunePlan
from segprune.core.stored import counts_of

__all__ = ["misfits", "misplaced"]


def misfits(model: nn.Module, plan: PrunePlan) -> Iterator[tuple[str, str]]:
    """Find every place and reason why a plan cannot be carried out on its dense network.

    A plan that `make_plan` made fits. One that was written or changed by hand may name tensors,
    indices or attributes that the network does not have, or promise another result.
    """
    found = False
    for where, text in itertools.chain(_tensors(model, plan), _attributes(model, plan)):
        found = True
        yield where, text
    if not found:
        yield from _result(model, plan)


def misplaced(shape: Sequence[int], dims: Mapping[int, Sequence[int]]) -> Iterator[str]:
    """Find indices that do not lie in rising order within a tensor of a shape."""
    for dim, rows in dims.items():
        if not 0 <= dim < len(shape):
            yield f"expected indices within {tuple(shape)}, found some along dimension {dim}"
        elif not rows:
            yield f"expected indices to keep along dimension {dim}, found none"
        elif rows[0] < 0 or any(after <= before for before, after in itertools.pairwise(rows)):
            yield (
                f"expected non-negative indices in rising order along dimension {dim}, found "
                f"{_out_of_order(rows)}"
            )
        elif rows[-1] >= shape[dim]:
            yield (
                f"expected indices within {tuple(shape)}, found {rows[-1]} along dimension {dim}"
            )


def _out_of_order(rows: Sequence[int]) -> str:
    if rows[0] < 0:
        return str(rows[0])
    before, after = next(pair for pair in itertools.pairwise(rows) if pair[1] <= pair[0])
    return f"{after} after {before}"


def _tensors(model: nn.Module, plan: PrunePlan) -> Iterator[tuple[str, str]]:
    tensors = tensors_of(model)
    for name, dims in plan.kept.items():
        if name not in tensors:
            yield name, "expected the name of a parameter or buffer, found none of that name"
            continue
        for text in misplaced(tensors[name].shape, dims):
            yield name, text
    for first, names in aliases(model).items():
        for other in names[1:]:
            if dict(plan.kept.get(first, {})) != dict(plan.kept.get(other, {})):
                yield (
                    other,
                    f"expected the indices of {first}, which is the same tensor, found others",
                )


def _attributes(model: nn.Module, plan: PrunePlan) -> Iterator[tuple[str, str]]:
    modules = dict(model.named_modules(remove_duplicate=False))
    for name, values in plan.attributes.items():
        if name not in modules:
            yield name, "expected the name of a module, found none of that name"
            continue
        counts = {**vars(modules[name]), **counts_of(modules[name])}
        for key, value in values.items():
            where = f"{name}.{key}" if name else key
            if type(counts.get(key)) is not int:
                yield where, "expected a count in this module, found none"
            elif type(value) is not int or value < 0:
                yield where, f"expected a count, found {value!r}"
            elif value > counts[key]:
                yield where, f"expected at most {counts[key]}, as before pruning, found {value}"


def _result(model: nn.Module, plan: PrunePlan) -> Iterator[tuple[str, str]]:
    shapes = {
        name: tuple(
            len(plan.kept[name][dim]) if name in plan.kept and dim in plan.kept[name] else size
            for dim, size in enumerate(tensor.shape)
        )
        for name, tensor in tensors_of(model).items()
    }
    found = network_digest(shapes)
    if found != plan.result:
        yield (
            "result",
            f"expected it to lead to the network {plan.result[:12]}, found that it leads to "
            f"{found[:12]}",
        )
