"""What the tests compare with: nothing here calls the engine.

The twin is made from `plan.kept` alone, MACs are counted by torch's own counter, and outputs are
compared in float64.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_map
from torch.utils.flop_counter import FlopCounterMode

NORMS = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm)
EXACT = 1e-11
"""Largest relative difference in float64 that rounding explains."""


def randomise(network: nn.Module, seed: int = 0) -> nn.Module:
    """A copy whose statistics, affine terms, biases and slopes are no longer those of a new net."""
    network = copy.deepcopy(network)
    rng = torch.Generator().manual_seed(seed)

    def uniform(tensor: Tensor, low: float, high: float) -> None:
        values = torch.rand(tensor.shape, generator=rng, dtype=torch.float64) * (high - low) + low
        tensor.data.copy_(values)

    for module in network.modules():
        for name, tensor in (*module.named_parameters(recurse=False), *_statistics(module)):
            positive = name == "running_var" or (name == "weight" and isinstance(module, NORMS))
            if positive:
                uniform(tensor, 0.5, 1.5)
            elif tensor.ndim <= 1:
                uniform(tensor, -0.5, 0.5)
    return network


def _statistics(module: nn.Module) -> list[tuple[str, Tensor]]:
    if not isinstance(module, NORMS):
        return []
    return [(n, b) for n, b in module.named_buffers(recurse=False) if b.is_floating_point()]


def twin(network: nn.Module, kept: Mapping[str, Mapping[int, tuple[int, ...]]]) -> nn.Module:
    """A copy in which every slot that is not kept is zero."""
    network = copy.deepcopy(network)
    for name, tensor in _tensors(network).items():
        for dim, indices in kept.get(name, {}).items():
            gone = sorted(set(range(tensor.shape[dim])) - set(indices))
            tensor.data.index_fill_(dim, torch.tensor(gone, dtype=torch.long), 0)
    return network


def _tensors(network: nn.Module) -> dict[str, Tensor]:
    named = network.named_parameters(remove_duplicate=False)
    return dict(named) | dict(network.named_buffers(remove_duplicate=False))


def leaves(value: Any) -> list[Tensor]:
    return [leaf for leaf in tree_flatten(value)[0] if isinstance(leaf, Tensor)]


def call(network: nn.Module, example: Any) -> Any:
    if isinstance(example, Mapping):
        return network(**example)
    return network(*example) if isinstance(example, tuple) else network(example)


def run(network: nn.Module, example: Any) -> Any:
    """The outputs in evaluation mode, without gradients; the network's own mode is left alone."""
    was = {module: module.training for module in network.modules()}
    network.eval()
    try:
        with torch.no_grad():
            return call(network, example)
    finally:
        for module, training in was.items():
            module.training = training


def fresh(example: Any, *, seed: int = 1, batch: int = 2, dtype: torch.dtype | None = None) -> Any:
    """Other inputs of the same form: another batch size, other values."""
    rng = torch.Generator().manual_seed(seed)

    def draw(leaf: Any) -> Any:
        if not isinstance(leaf, Tensor):
            return leaf
        shape = (batch, *leaf.shape[1:])
        return torch.randn(shape, generator=rng, dtype=torch.float64).to(dtype or leaf.dtype)

    return tree_map(draw, example)


def difference(found: Any, expected: Any) -> float:
    """The largest difference, relative to the largest expected value of that output."""
    ours, theirs = leaves(found), leaves(expected)
    assert tree_flatten(found)[1] == tree_flatten(expected)[1], "the outputs' structures differ"
    assert [t.shape for t in ours] == [t.shape for t in theirs], "the outputs' shapes differ"
    return max(
        float((a - b).detach().abs().max() / b.detach().abs().max().clamp_min(1e-30))
        for a, b in zip(ours, theirs, strict=True)
    )


def distance_in_float64(
    dense: nn.Module, pruned: nn.Module, kept: Mapping[str, Any], example: Any
) -> float:
    """Between the pruned network and the tests' own twin of the dense one, both in float64."""
    inputs = fresh(example, dtype=torch.float64)
    expected = run(twin(dense, kept).double(), inputs)
    for leaf in leaves(expected):
        assert bool(torch.isfinite(leaf).all()), "the twin's output is not finite"
    return difference(run(copy.deepcopy(pruned).double(), inputs), expected)


def gradients(network: nn.Module, example: Any, *, train: bool) -> dict[str, Tensor]:
    """Of a fixed random sum of the outputs, in float64, by every name that a parameter has."""
    network = copy.deepcopy(network).double().train(train)
    outputs = leaves(call(network, fresh(example, batch=3, dtype=torch.float64)))
    rng = torch.Generator().manual_seed(5)
    total = sum(
        (o * torch.randn(o.shape, generator=rng, dtype=torch.float64)).sum() for o in outputs
    )
    assert isinstance(total, Tensor)
    total.backward()
    named = network.named_parameters(remove_duplicate=False)
    return {name: p.grad for name, p in named if p.grad is not None}


def select(tensor: Tensor, kept: Mapping[int, tuple[int, ...]]) -> Tensor:
    for dim, indices in kept.items():
        tensor = tensor.index_select(dim, torch.tensor(indices, dtype=torch.long))
    return tensor


def counted_macs(network: nn.Module, example: Any) -> int:
    """By torch's counter, which does not see into the fused kernel of multi-head attention."""
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with FlopCounterMode(display=False) as counter:
            run(network, example)
    finally:
        torch.backends.mha.set_fastpath_enabled(True)
    return counter.get_total_flops() // 2


def counted_parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def storages(network: nn.Module) -> set[int]:
    tensors = _tensors(network).values()
    return {t.untyped_storage().data_ptr() for t in tensors if t.numel()}


def snapshot(network: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


def rows(module: nn.Module) -> int:
    """Output channels of a convolution or linear layer, read from its weight."""
    weight = module.weight
    assert isinstance(weight, Tensor)
    if isinstance(module, nn.modules.conv._ConvTransposeNd):
        return int(weight.shape[1]) * module.groups
    return int(weight.shape[0])


def untruths(network: nn.Module) -> list[str]:
    """Modules whose attributes contradict their tensors."""
    return [n for n, module in network.named_modules() if not _truthful(module)]


def _truthful(module: nn.Module) -> bool:
    weight = getattr(module, "weight", None)
    statistics = getattr(module, "running_mean", None)
    if isinstance(module, nn.modules.conv._ConvNd):
        outer, inner = module.out_channels, module.in_channels
        if module.transposed:
            outer, inner = inner, outer
        bias = module.bias is None or len(module.bias) == module.out_channels
        return bias and tuple(weight.shape[:2]) == (outer, inner // module.groups)
    if isinstance(module, nn.Linear):
        return tuple(weight.shape) == (module.out_features, module.in_features)
    if isinstance(module, nn.modules.batchnorm._NormBase):
        owned = [t for t in (weight, module.bias, statistics) if t is not None]
        return all(len(t) == module.num_features for t in owned)
    if isinstance(module, nn.PReLU):
        return len(weight) == module.num_parameters
    if isinstance(module, nn.GroupNorm):
        divides = module.num_channels % module.num_groups == 0
        return divides and (weight is None or len(weight) == module.num_channels)
    if isinstance(module, nn.LayerNorm):
        return weight is None or tuple(weight.shape) == module.normalized_shape
    return True
