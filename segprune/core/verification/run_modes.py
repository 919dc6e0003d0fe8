"""Ways to run a network: with or without gradients, in which mode, and with nothing left to chance.

A pruned network and its masked twin agree in every one of them, or one of them would show where
they part.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map

from segprune.core.execution import run_method, undisturbed
from segprune.core.state.user_objects import stores_kept
from segprune.core.verification.input_variants import cloned

__all__ = ["EVERY_MODULE", "INFERENCE", "LEARNING", "NO_GRADIENT", "TRAINING", "Way", "run"]

_DROPS = {
    "dropout", "dropout_", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "alpha_dropout_",
    "feature_alpha_dropout", "feature_alpha_dropout_", "feature_dropout", "feature_dropout_",
}  # fmt: skip
_DRAWN = {"rand": 0.5, "rand_like": 0.5, "randn": 0.0, "randn_like": 0.0, "bernoulli": 1.0}
_FLAT = {
    "relu", "relu_", "relu6", "hardtanh", "hardtanh_", "hardswish", "hardsigmoid", "threshold",
    "_threshold", "threshold_", "clamp", "clamp_", "clip", "clip_", "clamp_min", "clamp_min_",
    "clamp_max", "clamp_max_", "hardshrink", "softshrink",
}  # fmt: skip
_CASTS = {"half", "bfloat16", "float", "double"}
_SLOPE = 0.1


@dataclass(frozen=True)
class Way:
    """One way to run a network.

    Attributes:
        name: in messages, after the inputs; empty for the usual one.
        gradients: what is entered around the run.
        training: the modules in training mode: none; all but normalisation, dropout and the like,
            so that branches on `self.training` are taken while nothing is random and no batch
            statistic amplifies rounding; or all.
        awake: activations that are flat somewhere (ReLU, clamp) get a slope there: f(x) + |x| / 10,
            which is f(0) at zero. Units that are dead on these inputs then show what they compute.
    """

    name: str
    gradients: Callable[[], AbstractContextManager[Any]]
    training: Literal["none", "branches", "all"] = "none"
    awake: bool = False

    @property
    def changes(self) -> bool:
        """Whether some functions do something else than usual."""
        return self.training != "none" or self.awake


INFERENCE = Way("", torch.inference_mode)
NO_GRADIENT = Way("under no_grad", torch.no_grad)
LEARNING = Way("with gradients enabled", torch.enable_grad)
TRAINING = Way(
    "in training mode (normalisation and dropout in evaluation mode)",
    torch.enable_grad,
    "branches",
)
EVERY_MODULE = Way("in training mode", torch.enable_grad, "all")


def run(
    network: nn.Module,
    method: str,
    inputs: Any,
    dtype: torch.dtype,
    way: Way = INFERENCE,
    seed: int = 0,
    then: Callable[[Any], Any] | None = None,
) -> Any:
    """Call a method of a private copy; buffers and modes are afterwards what they were.

    Args:
        network: a private copy; it is left in `dtype`.
        method: its name.
        inputs: as for `run_method`; numbers with a fraction are cast to `dtype`.
        dtype: float32 or float64.
        way: how it runs.
        seed: of every random number.
        then: what follows while all of this still holds (a backward pass), with the outputs; its
            result is returned in their place.
    """
    network.to(dtype)  # outside: tensors made in inference mode never take part in a backward pass
    given = tree_map(
        lambda item: (
            item.to(dtype) if isinstance(item, Tensor) and item.is_floating_point() else item
        ),
        cloned(inputs),
    )
    with stores_kept(network), _restored(network), undisturbed(seed, network), way.gradients():
        if way.training != "none":
            for module in network.modules():
                module.training = way.training == "all" or not _is_steady(module)
        with _OneType(dtype), _StandIns(way) if way.changes else contextlib.nullcontext():
            outputs = run_method(network, method, given)
        return outputs if then is None else then(outputs)


@contextlib.contextmanager
def _restored(network: nn.Module) -> Iterator[None]:
    """A forward in training mode may count, average or iterate (spectral norms) in its buffers."""
    modes = {module: module.training for module in network.modules()}
    buffers = [
        (module, name, buffer, buffer.clone())
        for module in network.modules()
        for name, buffer in module._buffers.items()
        if buffer is not None
    ]
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
        with torch.no_grad():
            for module, name, buffer, values in buffers:
                buffer.copy_(values)
                module._buffers[name] = buffer


def _is_steady(module: nn.Module) -> bool:
    """Whether a module stays in evaluation mode: normalisation, dropout, and what drops inside."""
    if isinstance(
        module,
        (
            nn.modules.batchnorm._NormBase,
            nn.modules.dropout._DropoutNd,
            nn.MultiheadAttention,
            nn.RNNBase,
            nn.RReLU,
            nn.FractionalMaxPool2d,
            nn.FractionalMaxPool3d,
        ),
    ):
        return True
    if "running_mean" in module._buffers:
        return True
    kind = type(module).__name__.lower()
    leaf = not module._modules
    return leaf and any(part in kind for part in ("norm", "drop", "stochastic"))


class _OneType(TorchFunctionMode):
    """Casts that the user's code writes go to the type of the run, as its weights do.

    A network that computes a part of it in another type (`x.bfloat16()`, `dtype=torch.float64`)
    would meet weights of the run's type there; and half precision would hide differences.
    """

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name in _CASTS:
            return args[0].to(self.dtype)
        if name in ("to", "type"):
            args = tuple(map(self._own, args))
        if "dtype" in kwargs and name != "view":
            kwargs = {**kwargs, "dtype": self._own(kwargs["dtype"])}
        return func(*args, **kwargs)

    def _own(self, item: Any) -> Any:
        return self.dtype if isinstance(item, torch.dtype) and item.is_floating_point else item


class _StandIns(TorchFunctionMode):
    """Dropout that drops nothing, random numbers that are fixed, and activations without flats."""

    def __init__(self, way: Way) -> None:
        super().__init__()
        self.calm, self.awake = way.training != "none", way.awake

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        first = args[0] if args else kwargs.get("input")
        if self.calm and name in _DROPS:
            return first
        if self.calm and name == "scaled_dot_product_attention":
            args = (*args[:4], 0.0, *args[5:]) if len(args) > 4 else args
            kwargs = {key: value for key, value in kwargs.items() if key != "dropout_p"}
        if self.calm and name == "bernoulli_":
            return first.fill_(1.0)
        if self.calm and name in _DRAWN:
            return func(*args, **kwargs).fill_(_DRAWN[name])
        if self.awake and name in _FLAT and isinstance(first, Tensor) and first.is_floating_point():
            return _sloped(func, first, args, kwargs)
        return func(*args, **kwargs)


def _sloped(func: Any, given: Tensor, args: Any, kwargs: Any) -> Tensor:
    before = given.clone()  # an in-place function overwrites what it was given
    rest = {key: value for key, value in kwargs.items() if key not in ("input", "out")}
    result: Tensor = func(before.clone(), *args[1:], **rest)
    result = result + _SLOPE * before.abs()
    in_place = func.__name__.endswith("_") or kwargs.get("inplace") is True
    return given.copy_(result) if in_place else result
