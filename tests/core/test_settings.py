"""Verification and loading both notice every argument of every module of torch."""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn

from segprune.artifacts.settings import differing, settings_of
from segprune.core.modules import digest_of
from segprune.core.plan import PrunePlan
from segprune.core.verification.behaviour import compare_behaviour

# Arguments that a module needs to be built at all.
NEEDED: dict[str, Any] = {
    "in_channels": 4, "out_channels": 4, "in_features": 4, "out_features": 4, "kernel_size": 3,
    "in1_features": 4, "in2_features": 4, "num_features": 4, "num_channels": 4, "num_groups": 2,
    "normalized_shape": 4, "num_embeddings": 4, "embedding_dim": 4, "embed_dim": 4, "num_heads": 2,
    "input_size": 4, "hidden_size": 4, "d_model": 4, "nhead": 2, "num_layers": 1, "size": 4,
    "output_size": 4, "padding": 1, "value": 0.5, "threshold": 0.25, "groups": 2, "dim": 1,
    "upscale_factor": 2, "downscale_factor": 2, "n_classes": 6, "cutoffs": [2, 4],
    "unflattened_size": (2, 2), "norm_type": 2.0, "lower": 0.1, "upper": 0.3,
    "num_classes": 6,
}  # fmt: skip
_RECURRENT = {"input_size": 4, "hidden_size": 4}
_FRACTIONAL = {"kernel_size": 3, "output_size": 5}
SPECIAL: dict[str, dict[str, Any]] = {
    "RNN": _RECURRENT, "GRU": _RECURRENT, "LSTM": _RECURRENT,
    "FractionalMaxPool2d": _FRACTIONAL, "FractionalMaxPool3d": _FRACTIONAL,
    "AdaptiveLogSoftmaxWithLoss": {"in_features": 64, "n_classes": 6, "cutoffs": [2, 4]},
}  # fmt: skip
# Classes whose signature does not list their arguments.
RECURRENT = {
    "num_layers": 1, "nonlinearity": "tanh", "batch_first": False, "dropout": 0.0,
    "bidirectional": False,
}  # fmt: skip
# Other values for arguments that take neither the next number nor the other boolean.
OTHERS: dict[str, tuple[Any, ...]] = {
    "padding_mode": ("reflect", "circular"), "mode": ("bilinear", "mean", "bicubic"),
    "approximate": ("tanh",), "nonlinearity": ("relu",), "reduction": ("sum", "none"),
    "activation": ("gelu", torch.tanh), "size": (8,), "scale_factor": (2.0, 3.0),
    "padding_idx": (1,), "max_norm": (1.0,), "stride": (2, 1), "divisor_override": (3,),
    "output_ratio": (0.5,), "output_size": (4,), "value": (0.75,), "eps": (1e-3,),
    "norm_type": (3.0,), "unflattened_size": ((4, 1),), "cutoffs": ([2, 3],), "dim": (0, 2, -1),
    "groups": (4,), "num_groups": (4,), "num_heads": (4,), "nhead": (4,), "kernel_size": (2,),
    "align_corners": (True,), "recompute_scale_factor": (True,), "momentum": (0.5,),
    "margin": (0.5,), "p": (0.25, 1, 3), "normalized_shape": (8,), "min_val": (-2.0,),
    "max_val": (2.0,), "lower": (0.2,), "upper": (0.25,), "ignore_index": (7,),
}  # fmt: skip
TRAINING_ALONE = {
    "p", "inplace", "momentum", "dropout", "sparse", "scale_grad_by_freq", "process_group",
}  # fmt: skip
# Arguments that say where a module lies, that tensors show, or that mean `reduction`.
NO_BEHAVIOUR = {
    "bias",
    "device",
    "dtype",
    "size_average",
    "reduce",
    "_weight",
    "_freeze",
    "args",
    "kwargs",
}
# Built of other modules or given as tensors: these are compared by themselves.
MADE_OF_PARTS = {
    "Module", "Container", "Sequential", "ModuleList", "ModuleDict", "ParameterList", "Buffer",
    "ParameterDict", "Transformer", "TransformerEncoder", "TransformerDecoder", "Parameter",
    "DataParallel", "NLLLoss2d", "RNNBase", "RNNCellBase", "UninitializedParameter",
    "UninitializedBuffer",
}  # fmt: skip
# Arguments to leave out if another one is given: a size beside a factor, for example.
WITHOUT = {"scale_factor": ("size",), "output_ratio": ("output_size",)}
KINDS = sorted(
    name
    for name in dir(nn)
    if inspect.isclass(kind := getattr(nn, name))
    and issubclass(kind, nn.Module)
    and name not in MADE_OF_PARTS
    and not name.startswith("Lazy")
)


def built(kind: type[nn.Module], arguments: dict[str, Any]) -> nn.Module | None:
    """Build a network of one module; return None if the arguments do not go together."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        try:
            return nn.Sequential(kind(**arguments)).eval()
        except Exception:
            return None


def needed(kind: type[nn.Module]) -> dict[str, Any]:
    if kind.__name__ in SPECIAL:
        return SPECIAL[kind.__name__]
    parameters = inspect.signature(kind).parameters
    required = [name for name, p in parameters.items() if p.default is p.empty]
    return {name: NEEDED[name] for name in required if name in NEEDED}


def others(name: str, value: Any) -> Iterator[Any]:
    yield from OTHERS.get(name, ())
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, (int, float)):
        yield value + 1
        yield value + 0.125


@functools.cache
def varied(name: str) -> dict[str, tuple[nn.Module, nn.Module]]:
    """Return, by argument, two modules that differ only in it."""
    kind = getattr(nn, name)
    found = {}
    defaults = {k: p.default for k, p in inspect.signature(kind).parameters.items()}
    for argument, default in (RECURRENT if SPECIAL.get(name) is _RECURRENT else defaults).items():
        if argument in NO_BEHAVIOUR:
            continue
        base = {k: v for k, v in needed(kind).items() if k not in WITHOUT.get(argument, ())}
        value = base.get(argument, default)
        for extra in ({}, {"mode": "bilinear", "scale_factor": 2.0}, {"num_layers": 2}):
            first = built(kind, {**base, **extra})
            for other in others(argument, value):
                second = built(kind, {**base, **extra, argument: other})
                if first is not None and second is not None and other != value:
                    found.setdefault(argument, (first, second))
    return found


@pytest.mark.parametrize("name", KINDS)
def test_each_argument_of_a_module_is_noticed_by_verification_and_by_loading(name: str) -> None:
    for argument, (first, second) in varied(name).items():
        shapes = [{k: t.shape for k, t in net.state_dict().items()} for net in (first, second)]
        if shapes[0] != shapes[1]:
            continue  # tensors show it
        plan = PrunePlan(digest_of(first), {}, {}, digest_of(first))
        assert list(compare_behaviour(first, second, plan, torch.zeros(1, 4, 8, 8))), argument
        if argument not in TRAINING_ALONE:
            assert list(differing(settings_of(first), second)), argument


def test_most_arguments_are_tried() -> None:
    tried = {name: set(varied(name)) for name in KINDS}
    assert {"kernel_size", "stride", "padding", "dilation", "ceil_mode"} <= tried["MaxPool2d"]
    assert {"stride", "padding", "dilation", "groups", "padding_mode"} <= tried["Conv2d"]
    assert {"size", "scale_factor", "mode", "align_corners"} <= tried["Upsample"]
    assert {"eps", "momentum", "affine", "track_running_stats"} <= tried["BatchNorm2d"]
    assert sum(map(len, tried.values())) > 300


@pytest.mark.parametrize("name", KINDS)
def test_a_copy_of_a_module_is_the_same(name: str) -> None:
    first = built(getattr(nn, name), needed(getattr(nn, name)))
    assert first is not None, "add what it needs to NEEDED"
    plan = PrunePlan(digest_of(first), {}, {}, digest_of(first))
    twice = built(getattr(nn, name), needed(getattr(nn, name)))
    for second in (copy.deepcopy(first), twice):
        assert second is not None
        assert list(compare_behaviour(first, second, plan, torch.zeros(1, 4, 8, 8))) == []
        assert list(differing(settings_of(first), second)) == []


@pytest.mark.parametrize("other", [nn.ReLU6(), nn.Identity(), nn.Dropout(0.1)])
def test_an_activation_in_another_place_is_noticed_by_loading(other: nn.Module) -> None:
    one, two = nn.Sequential(nn.ReLU()), nn.Sequential(other)
    assert list(differing(settings_of(one), two))
    assert list(differing(settings_of(two), one))


class Norm(nn.BatchNorm2d):
    pass


def test_the_settings_of_a_users_subclass_are_noticed_by_loading() -> None:
    one, two = nn.Sequential(Norm(4)), nn.Sequential(Norm(4, eps=1e-3, momentum=0.5))
    assert list(differing(settings_of(one), two)) == ["0: expected eps 1e-05, found 0.001"]


def test_norms_of_several_processes_may_be_loaded_into_those_of_one() -> None:
    one, two = nn.Sequential(nn.SyncBatchNorm(4)), nn.Sequential(nn.BatchNorm2d(4))
    assert list(differing(settings_of(one), two)) == []
    assert list(differing(settings_of(two), one)) == []


def test_a_file_of_an_earlier_version_says_less_and_opens() -> None:
    earlier = {"0": {"kernel_size": 3, "stride": 3, "padding": 0, "dilation": 1}}
    assert list(differing(earlier, nn.Sequential(nn.MaxPool2d(3)))) == []
    assert list(differing(earlier, nn.Sequential(nn.MaxPool2d(3, dilation=2))))
