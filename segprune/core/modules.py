"""A network's tensors by name, and copies of a network with other tensors in their place."""

from __future__ import annotations

import copy
import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import GraphModule
from torch.nn.parameter import is_lazy
from torch.nn.utils import parametrize

from segprune.core.state.closures import follow_the_copy, proxies_of, uncopyable
from segprune.errors import ModelError

__all__ = [
    "aliases",
    "as_channels_last",
    "computed_weights",
    "copy_with",
    "digest_of",
    "hash_tensors",
    "is_channels_last",
    "network_digest",
    "require_prunable",
    "tensors_of",
]


_DISTRIBUTED = ("DistributedDataParallel", "FullyShardedDataParallel", "DeepSpeedEngine")
"""Class names of wrappers whose parameters belong to a group of processes."""


def tensors_of(model: nn.Module) -> dict[str, Tensor]:
    """Every parameter and buffer under every name it has (tied tensors have several).

    Buffers that are left out of the state dict are included: they must shrink as well.
    """
    named: dict[str, Tensor] = dict(model.named_parameters(remove_duplicate=False))
    named.update(model.named_buffers(remove_duplicate=False))
    return named


def aliases(model: nn.Module) -> dict[str, tuple[str, ...]]:
    """First name of each distinct tensor -> all its names, in the network's order."""
    by_identity: dict[int, list[str]] = {}
    for name, tensor in tensors_of(model).items():
        by_identity.setdefault(id(tensor), []).append(name)
    return {names[0]: tuple(names) for names in by_identity.values()}


def network_digest(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """SHA-256 over names and shapes of a network's tensors: what a plan is made for."""
    lines = (f"{name} {'x'.join(map(str, shape))}" for name, shape in sorted(shapes.items()))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def is_channels_last(tensor: Tensor) -> bool:
    """Whether a tensor has the strides of that format, also where size 1 makes them ambiguous.

    Kernels choose by strides, and another kernel rounds otherwise.
    """
    if tensor.dim() != 4:
        return False
    like = torch.empty(tensor.shape, device="meta", memory_format=torch.channels_last)
    plain = torch.empty(tensor.shape, device="meta")
    return tensor.stride() == like.stride() != plain.stride()


def as_channels_last(tensor: Tensor) -> Tensor:
    """A copy with the strides of that format; `contiguous` leaves ambiguous ones as they are."""
    copied = torch.empty_like(tensor, memory_format=torch.channels_last)
    return copied.copy_(tensor)


def require_prunable(model: nn.Module) -> None:
    """Refuse what cannot be copied or pruned faithfully.

    Raises:
        ModelError: not a module, a wrapper of distributed training, a TorchScript, compiled or
            quantised module, tensors that are lazy or sparse, or masks of `torch.nn.utils.prune`.
    """
    if not isinstance(model, nn.Module):
        raise ModelError(
            f"model: expected a torch.nn.Module, found {type(model).__name__}; "
            "pass the network itself, not its weights or its output."
        )
    for name, module in model.named_modules():
        if type(module).__name__ in _DISTRIBUTED:
            inner = f"{name}.module" if name else ".module"
            raise ModelError(
                f"{name or 'model'}: expected the network itself, found a "
                f"{type(module).__name__} around it; prune what it holds ({inner}), and wrap the "
                "result again."
            )
        if "_orig_mod" in module._modules:
            inner = f"{name}._orig_mod" if name else "._orig_mod"
            raise ModelError(
                f"{name or 'model'}: expected an eager nn.Module, found a compiled one; prune the "
                f"network that was passed to torch.compile ({inner}), and compile the result."
            )
        if isinstance(module, torch.jit.ScriptModule):
            raise ModelError(
                f"{name or 'model'}: expected an eager nn.Module, found the TorchScript module "
                f"{module.original_name}; prune the network before scripting it."
            )
        if any(isinstance(value, torch.ScriptObject) for value in vars(module).values()):
            raise ModelError(
                f"{name or 'model'}: expected weights that are tensors, found packed ones of a "
                f"quantised module ({type(module).__name__}); prune the network before converting "
                "it to integers."
            )
    for name, tensor in tensors_of(model).items():
        if is_lazy(tensor):
            raise ModelError(
                f"{name}: expected a parameter with a shape, found an uninitialised lazy one; "
                "run the network once on an example before pruning it."
            )
        if tensor.layout != torch.strided or tensor.is_quantized:
            kind = "quantised" if tensor.is_quantized else str(tensor.layout).removeprefix("torch.")
            raise ModelError(
                f"{name}: expected a dense tensor of plain numbers, found one that is {kind}; "
                "store it dense (to_dense(), dequantize()) before pruning."
            )
    for name, module in model.named_modules():
        masked = [type(hook).__name__ for hook in _pruning_hooks(module)]
        if masked:
            raise ModelError(
                f"{name or 'the network'}: expected plain weights, found a mask of "
                f"torch.nn.utils.prune ({masked[0]}): its channels are multiplied by zero, not "
                "removed. Call torch.nn.utils.prune.remove(module, name) first."
            )


def layers_of(model: nn.Module) -> list[tuple[str, int, int]]:
    """Weight, dimension of its rows, and width of every layer, in the network's order."""
    found = []
    for name, module in model.named_modules():
        weight = getattr(module, "weight", None)
        if isinstance(weight, Tensor) and weight.dim() > 1:
            dim = int(bool(getattr(module, "transposed", False)))
            found.append((f"{name}.weight", dim, weight.shape[dim]))
    return found


def digest_of(model: nn.Module) -> str:
    """`network_digest` of a network as it stands."""
    return network_digest({name: tuple(t.shape) for name, t in tensors_of(model).items()})


def hash_tensors(digest: Any, tensors: Mapping[str, Tensor]) -> None:
    """Add names, types, shapes and bytes of tensors to a digest of `hashlib`, by name."""
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())


def computed_weights(model: nn.Module) -> dict[str, str]:
    """Tensors from which a parametrization or a hook computes a weight -> why they stay."""
    sealed: dict[str, str] = {}
    for name, module in model.named_modules():
        prefix = f"{name}." if name else ""
        hooks = {type(hook).__name__ for hook in module._forward_pre_hooks.values()}
        if parametrize.is_parametrized(module):
            for tensor, listed in module.parametrizations.items():
                kinds = ", ".join(type(item).__name__.lstrip("_") for item in listed)
                text = f"{prefix}{tensor} has a parametrization ({kinds}); remove it to prune here"
                for key in (*listed.state_dict(),):
                    sealed[f"{prefix}parametrizations.{tensor}.{key}"] = text
        elif hooks & {"WeightNorm", "SpectralNorm"}:
            kind = min(hooks & {"WeightNorm", "SpectralNorm"})
            text = f"{prefix}weight is computed by a {kind} hook (an old-style parametrization)"
            for key in (*module._parameters, *module._buffers):
                if key.startswith("weight"):
                    sealed[prefix + key] = text
    return sealed


def _pruning_hooks(module: nn.Module) -> Iterator[object]:
    from torch.nn.utils.prune import BasePruningMethod

    for hook in module._forward_pre_hooks.values():
        if isinstance(hook, BasePruningMethod):
            yield hook


def copy_with(model: nn.Module, tensors: Mapping[str, Tensor]) -> nn.Module:
    """A deep copy of `model` in which the named tensors are replaced; ties stay ties.

    Deep-copying with the replacements already in the memo never duplicates the originals, so the
    copy costs no more memory than the tensors handed in. Tensors that are not named are cloned.
    Replaced parameters stay parameters, with the same `requires_grad`, and no `.grad`.

    Raises:
        ModelError: some attribute of the network cannot be deep-copied, or a module's copy is, or
            holds, the original.
    """
    originals = tensors_of(model)
    memo: dict[int, object] = {}
    for name, original in originals.items():
        if id(original) in memo or name not in tensors:
            continue
        replacement: Tensor = tensors[name].detach()
        if isinstance(original, nn.Parameter):
            replacement = nn.Parameter(replacement, requires_grad=original.requires_grad)
        memo[id(original)] = replacement
    memo.update((id(proxy), proxy) for proxy in proxies_of(model))
    for module in model.modules():
        for value in vars(module).values():
            # Old-style weight_norm keeps a computed, non-leaf weight, which refuses to be copied.
            if isinstance(value, Tensor) and not value.is_leaf:
                memo.setdefault(id(value), value.detach().clone())
            # A module has a dozen tables of hooks; copying empty ones takes most of the time.
            elif type(value) is OrderedDict and not value and not vars(value):
                memo.setdefault(id(value), OrderedDict())
    _copy_plainly(model, memo)
    try:
        twin = copy.deepcopy(model, memo)
    except Exception as error:
        named = uncopyable(model)
        raise ModelError(
            f"{type(model).__name__}: expected a network that copy.deepcopy can copy, found "
            f"{f'the attribute {named}: ' if named else ''}{type(error).__name__}: {error}. Clear "
            "or remove what cannot be copied (locks, open files, generators, tensors that an "
            "earlier run computed)."
        ) from error
    _require_copies(model, twin)
    _restore(model, twin, memo)
    _replace(model, twin, tensors, memo)
    follow_the_copy(twin, memo)
    for parameter in twin.parameters():
        parameter.grad = None
    copies = tensors_of(twin)
    for name in aliases(model):
        _carry(originals[name], copies[name])
    return twin


def _copy_plainly(model: nn.Module, memo: dict[int, object]) -> None:
    """Copy modules whose class has a `__deepcopy__` of its own as if it had none.

    Such methods are written for the dense network: they build it anew, or share its tensors. Where
    an attribute cannot be copied, which is what some are for, nothing is copied here.
    """
    before = dict(memo)
    own = [module for module in model.modules() if _copies_itself(type(module))]
    memo.update((id(module), type(module).__new__(type(module))) for module in own)
    try:
        for module in own:
            vars(memo[id(module)]).update(copy.deepcopy(vars(module), memo))
    except Exception:
        memo.clear()
        memo.update(before)


def _copies_itself(kind: type) -> bool:
    owner = next((base for base in kind.__mro__ if "__deepcopy__" in vars(base)), None)
    generated = issubclass(kind, GraphModule)  # such a class is made anew for each module
    return owner is not None and not generated and not owner.__module__.startswith("torch.")


def _require_copies(model: nn.Module, twin: object) -> None:
    """Refuse a copy that is no network, or that contains modules of the original."""
    name = type(model).__name__
    if not isinstance(twin, nn.Module):
        raise ModelError(
            f"{name}: expected its __deepcopy__ to return a {name}, found a {type(twin).__name__}; "
            "mend or delete that method."
        )
    ours = {id(module): (path, type(module)) for path, module in model.named_modules()}
    for module in twin.modules():
        if id(module) in ours:
            path, kind = ours[id(module)]
            raise ModelError(
                f"{path or name}: expected copy.deepcopy to copy this {kind.__name__}, found the "
                "original itself in the copy, so that pruning would change both: a __deepcopy__ "
                "hands it out. Mend or delete that method."
            )


def _replace(
    model: nn.Module, twin: nn.Module, tensors: Mapping[str, Tensor], memo: dict[int, object]
) -> None:
    """Give a copy the tensors that a module's own `__deepcopy__` did not take from the memo."""
    copies = dict(twin.named_modules(remove_duplicate=False))
    for path, module in model.named_modules(remove_duplicate=False):
        copied = copies[path]
        memo.setdefault(id(module), copied)
        for kind in ("_parameters", "_buffers"):
            for name, original in vars(module)[kind].items():
                if original is None:
                    continue
                held = vars(copied)[kind].get(name)
                named = (f"{path}.{name}" if path else name) in tensors
                if held is None or named or _share_memory(held, original):
                    wanted = memo.get(id(original))
                    if wanted is None:
                        wanted = memo[id(original)] = copy.deepcopy(original)
                    vars(copied)[kind][name] = wanted
                else:
                    memo.setdefault(id(original), held)


def _share_memory(one: Tensor, other: Tensor) -> bool:
    if one.layout != torch.strided or other.layout != torch.strided or one.is_meta or other.is_meta:
        return one is other
    ours, theirs = one.untyped_storage(), other.untyped_storage()
    return ours.data_ptr() == theirs.data_ptr() != 0


def _carry(original: Tensor, copied: Tensor) -> None:
    """Give a copied tensor the attributes and hooks of the original."""
    for key, value in vars(original).items():
        vars(copied).setdefault(key, value)
    if copied.requires_grad and copied.is_leaf:
        for hook in (original._backward_hooks or {}).values():
            copied.register_hook(hook)
        for hook in (getattr(original, "_post_accumulate_grad_hooks", None) or {}).values():
            copied.register_post_accumulate_grad_hook(hook)


def _restore(model: nn.Module, twin: nn.Module, memo: dict[int, object]) -> None:
    """Give a copy the modes, hooks and attributes that its classes' own way to copy lost.

    Graph modules of torch.fx build themselves anew, in training mode and without forward hooks.
    """
    copies = dict(twin.named_modules(remove_duplicate=False))
    for name, module in model.named_modules(remove_duplicate=False):
        copied = copies.get(name)
        if copied is None:
            raise ModelError(
                f"{name}: expected copy.deepcopy to copy every module, found that it left this one "
                "out; a torch.fx graph that does not call it? Delete it before pruning."
            )
        if isinstance(module, GraphModule):
            if copied.training != module.training:
                copied.train(module.training)  # two graphs in one module: this chooses
            _restore_attributes(module, copied, memo)
        copied.training = module.training


def _restore_attributes(module: nn.Module, copied: nn.Module, memo: dict[int, object]) -> None:
    ours, theirs = vars(module), vars(copied)
    for key, value in ours.items():
        if key not in theirs or ("hook" in key and value and not theirs[key]):
            theirs[key] = copy.deepcopy(value, memo)
