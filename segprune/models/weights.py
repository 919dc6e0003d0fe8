"""Weights from a file into a network: safetensors, or torch files that hold nothing but tensors."""

from __future__ import annotations

import hashlib
import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from segprune.core.finite import not_finite
from segprune.errors import ArtifactError, ModelError, SegpruneWarning

__all__ = ["file_digest", "load_weights", "read_weights"]

_NESTS = ("state_dict", "model_state_dict", "model")
_WRAPPERS = ("module.", "_orig_mod.")  # of DistributedDataParallel and torch.compile
_SHOWN = 3


def read_weights(path: Path) -> dict[str, Tensor]:
    """The named tensors of a file; no code of the file's is run.

    Torch files may nest them under "state_dict", "model_state_dict" or "model", or under another
    key if no second one holds tensors; a prefix that a wrapper put before every name is taken off.

    Raises:
        ArtifactError: no such file, not readable, something else than named tensors in it, or two
            sets of weights.
    """
    content = _read_safetensors(path) if _is_safetensors(path) else _read_torch(path)
    if isinstance(content, Mapping):
        content = _nested(path, content)
    if not isinstance(content, Mapping):
        raise _foreign(path, type(content).__name__)
    if not content:
        raise _foreign(path, f"{type(content).__name__} without entries")
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise _foreign(path, f"{name!r}: {type(value).__name__}")
        if strange := _strangeness(value):
            raise _foreign(path, f"{name!r}: a tensor that is {strange}")
    state: dict[str, Tensor] = dict(content)
    for prefix in _WRAPPERS:
        if all(name.startswith(prefix) for name in state):
            state = {name.removeprefix(prefix): tensor for name, tensor in state.items()}
    return state


def _nested(path: Path, content: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """The weights among what a training wrote; another set, such as averages, is not passed over.

    Raises:
        ArtifactError: two sets of weights.
    """
    sets: dict[Any, Mapping[Any, Any]] = {k: v for k, v in content.items() if _is_state(v)}
    chosen = next((key for key in _NESTS if key in sets), next(iter(sets), None))
    if chosen is None:
        inner = [content[key] for key in _NESTS if isinstance(content.get(key), Mapping)]
        return _nested(path, inner[0]) if inner else content
    others = [key for key in sets if key != chosen]
    large = [key for key in others if 2 * len(sets[key]) >= len(sets[chosen])]
    if large:
        raise ArtifactError(
            f"{path}: expected one set of weights, found two, {chosen!r} and {large[0]!r}; write "
            f"the one that is meant: torch.save(torch.load(path, weights_only=True)[{chosen!r}], "
            "'weights.pt')."
        )
    if others:
        left = ", ".join(map(repr, others))
        text = f"{path}: the weights were taken from {chosen!r}; left out: {left}"
        warnings.warn(text, SegpruneWarning, stacklevel=4)
    return sets[chosen]


def _is_state(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and bool(value)
        and all(isinstance(tensor, Tensor) for tensor in value.values())
    )


def load_weights(model: nn.Module, state: Mapping[str, Tensor], source: str) -> None:
    """Copy named tensors into a network, every one of them; the network changes in place.

    A module around the network, such as PyTorch Lightning's, puts a prefix before its names
    (`model.`). Tensors outside that prefix, such as weights of the loss, are left out with a
    `SegpruneWarning`.

    Args:
        source: what to call the weights in errors, such as a file's path.

    Raises:
        ModelError: names are missing or unknown, shapes differ, numbers are not finite, or several
            prefixes fit; the first few are listed. The network is then unchanged.
    """
    wanted = model.state_dict()
    state = _unwrapped(state, wanted, source)
    # Counters of batches seen: absent from old checkpoints, without influence in evaluation mode.
    missing = [n for n in wanted if n not in state and not n.endswith("num_batches_tracked")]
    unexpected = [name for name in state if name not in wanted]
    if missing or unexpected:
        found = [f"{_few('missing', missing)}", f"{_few('unknown', unexpected)}"]
        raise ModelError(
            f"{source}: expected the {len(wanted)} tensors of {type(model).__name__}, found "
            f"{' and '.join(part for part in found if part)}; pass weights of this very network, "
            "or rename them in the file."
        )
    for name, tensor in state.items():
        if tensor.is_floating_point() != wanted[name].is_floating_point() or tensor.is_complex():
            raise ModelError(
                f"{source}: expected {name} in a type like {wanted[name].dtype}, found "
                f"{tensor.dtype}, which would lose what it holds; convert the weights, or take the "
                "file that they were converted from."
            )
    differing = [name for name in state if state[name].shape != wanted[name].shape]
    if differing:
        first = differing[0]
        raise ModelError(
            f"{source}: expected {first} of shape {tuple(wanted[first].shape)}, found "
            f"{tuple(state[first].shape)}{_others(differing)}; pass weights of the dense network, "
            "with the same number of classes (--num-classes for built-in networks) and the same "
            "width."
        )
    if broken := not_finite(state, model):
        raise ModelError(f"{source}: {broken}")
    model.load_state_dict(dict(state), strict=False)


def _unwrapped(
    state: Mapping[str, Tensor], wanted: Mapping[str, Tensor], source: str
) -> Mapping[str, Tensor]:
    """Return the tensors below the one prefix under which all tensors of a network are found."""
    needed = [name for name in wanted if not name.endswith("num_batches_tracked")]
    if not needed or all(name in state for name in needed):
        return state
    ends = f".{needed[0]}"
    prefixes = [name.removesuffix(needed[0]) for name in state if name.endswith(ends)]
    fitting = [prefix for prefix in prefixes if all(prefix + name in state for name in needed)]
    if len(fitting) > 1:
        raise ModelError(
            f"{source}: expected one set of weights, found {len(fitting)}, under "
            f"{' and '.join(map(repr, fitting))}; keep one of them in the file: torch.save({{k: v "
            f"for k, v in state.items() if k.startswith({fitting[0]!r})}}, path)."
        )
    if not fitting:
        return state
    prefix = fitting[0]
    beside = [name for name in state if not name.startswith(prefix)]
    if beside:
        warnings.warn(
            f"{source}: the weights were taken from {prefix!r}; left out: {_few('others', beside)}",
            SegpruneWarning,
            stacklevel=3,
        )
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in state.items()
        if name.startswith(prefix)
    }


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _strangeness(tensor: Tensor) -> str:
    """What keeps a tensor from being copied into a plain one; empty where nothing does."""
    if tensor.is_quantized:
        return "quantized"
    if tensor.is_meta:
        return "without data (on the meta device)"
    return "" if tensor.layout == torch.strided else f"sparse ({tensor.layout})"


def _few(kind: str, names: list[str]) -> str:
    if not names:
        return ""
    shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
    return f"{len(names)} {kind} ({shown})"


def _others(names: list[str]) -> str:
    return f", and {len(names) - 1} more that differ" if len(names) > 1 else ""


def _is_safetensors(path: Path) -> bool:
    """By content, since a suffix may lie: the length of a JSON header, then the header."""
    try:
        with open(path, "rb") as stream:
            start = stream.read(9)
    except OSError as error:
        raise ArtifactError(
            f"{path}: expected weights, found {error.strerror or error}; check the path."
        ) from error
    return path.suffix == ".safetensors" or start[8:] == b"{"


def _read_safetensors(path: Path) -> Any:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise _foreign(path, f"a damaged safetensors file ({error})") from error


def _read_torch(path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's advice to its own developers
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ArtifactError(
            f"{path}: expected a state dict (names and tensors), found a pickle that holds other "
            "objects, such as a whole module or a trainer's settings; if you trust the file, write "
            "the tensors alone: torch.save(torch.load(path, weights_only=False)['state_dict'], "
            "'weights.pt'), or of a whole module its state_dict()."
        ) from error
    except Exception as error:
        first = (str(error).splitlines() or ["of no detail"])[0]
        raise _foreign(path, f"{type(error).__name__}: {first[:120]}") from error


def _foreign(path: Path, found: str) -> ArtifactError:
    return ArtifactError(
        f"{path}: expected a state dict (names and tensors) in a safetensors or torch file, found "
        f"{found.strip()}; write one with torch.save(model.state_dict(), path)."
    )
