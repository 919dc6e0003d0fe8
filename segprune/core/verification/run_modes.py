"""Modes to run a network in: with or without gradients, in training or not, and without chance.

A pruned network and its masked twin agree in each mode, or the proof fails.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map_only

from segprune.core.execution import preserve_global_state, run_method, tensors_in
from segprune.core.state.snapshot import preserve_attributes
from segprune.core.verification.input_variants import cloned

__all__ = [
    "EVERY_MODULE", "INFERENCE", "LEARNING", "NO_GRADIENT", "TRAINING", "RunMode", "Trial",
]  # fmt: skip

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
class RunMode:
    """One mode to run a network.

    Attributes:
        name: is added to messages, after the inputs; empty for the usual mode.
        gradients: a context for the run.
        training: the modules in training mode: none; all but normalisation, dropout and the like,
            so that branches on `self.training` are taken while nothing is random and no batch
            statistic amplifies rounding; or all.
        sloped: activations that are flat somewhere (ReLU, clamp) become f(x) + |x| / 10. Units that
            are dead on these inputs then show what they compute.
    """

    name: str
    gradients: Callable[[], AbstractContextManager[Any]]
    training: Literal["none", "branches", "all"] = "none"
    sloped: bool = False

    def with_slopes(self) -> RunMode:
        """Return this mode with gradients, and with activations that are flat nowhere."""
        name = f"{self.name}, " if self.name else ""
        return replace(
            self,
            name=f"{name}where ReLU and clamp have a slope everywhere",
            gradients=torch.enable_grad,
            sloped=True,
        )


INFERENCE = RunMode("", torch.inference_mode)
NO_GRADIENT = RunMode("under no_grad", torch.no_grad)
LEARNING = RunMode("with gradients enabled", torch.enable_grad)
TRAINING = RunMode(
    "in training mode (normalisation and dropout in evaluation mode)",
    torch.enable_grad,
    "branches",
)
EVERY_MODULE = RunMode("in training mode", torch.enable_grad, "all")


@dataclass(frozen=True, eq=False)
class Trial:
    """One run: a method, its inputs (as for `run_method`), the precision, and the mode."""

    method: str
    inputs: Any
    dtype: torch.dtype
    mode: RunMode = INFERENCE

    def __str__(self) -> str:
        shapes = ", ".join("x".join(map(str, tensor.shape)) for tensor in tensors_in(self.inputs))
        kind = str(self.dtype).removeprefix("torch.")
        return f"on {shapes} in {kind}" + (f", {self.mode.name}" if self.mode.name else "")

    def run(
        self, network: nn.Module, seed: int = 0, then: Callable[[Any], Any] | None = None
    ) -> Any:
        """Run a private copy; its buffers and modes are put back, and it is left in `dtype`.

        Args:
            seed: of every random number.
            then: a function of the outputs that runs under the same conditions (a backward pass);
                its result is returned in their place.
        """
        # Outside, since tensors made in inference mode never take part in a backward pass.
        network.to(self.dtype)
        inputs = tree_map_only(Tensor, self._cast, cloned(self.inputs))
        mode = self.mode
        with (
            preserve_attributes(network),
            _preserve_buffers(network),
            preserve_global_state(seed, network),
            mode.gradients(),
        ):
            if mode.training != "none":
                for module in network.modules():
                    module.training = mode.training == "all" or not _is_steady(module)
            with _OneType(self.dtype), _StandIns(mode):
                outputs = run_method(network, self.method, inputs)
            return outputs if then is None else then(outputs)

    def _cast(self, tensor: Tensor) -> Tensor:
        return tensor.to(self.dtype) if tensor.is_floating_point() else tensor


@contextlib.contextmanager
def _preserve_buffers(network: nn.Module) -> Iterator[None]:
    """Put the content of buffers back, in which a forward may count, average or iterate."""
    buffers = [
        (module, name, buffer, buffer.clone())
        for module in network.modules()
        for name, buffer in module._buffers.items()
        if buffer is not None
    ]
    try:
        yield
    finally:
        with torch.no_grad():
            for module, name, buffer, values in buffers:
                buffer.copy_(values)
                module._buffers[name] = buffer


def _is_steady(module: nn.Module) -> bool:
    """Return whether a module stays in evaluation mode: normalisation, dropout and the like."""
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

    def __init__(self, mode: RunMode) -> None:
        super().__init__()
        self.calm, self.sloped = mode.training != "none", mode.sloped

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
        if (
            self.sloped
            and name in _FLAT
            and isinstance(first, Tensor)
            and first.is_floating_point()
        ):
            return _sloped(func, first, args, kwargs)
        return func(*args, **kwargs)


def _sloped(func: Any, source: Tensor, args: Any, kwargs: Any) -> Tensor:
    before = source.clone()  # an in-place function overwrites its input
    rest = {key: value for key, value in kwargs.items() if key not in ("input", "out")}
    result: Tensor = func(before.clone(), *args[1:], **rest)
    result = result + _SLOPE * before.abs()
    in_place = func.__name__.endswith("_") or kwargs.get("inplace") is True
    return source.copy_(result) if in_place else result
