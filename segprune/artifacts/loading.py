"""Rebuild a pruned network from its file, and notice whatever was changed in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load as tensors_from
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from segprune.artifacts.digest import file_digest, payload_digest
from segprune.artifacts.header import KEY, Header, parse_header
from segprune.artifacts.settings import Settings, differing
from segprune.core.finite import not_finite
from segprune.core.modules import aliases, as_channels_last, copy_with, digest_of, tensors_of
from segprune.core.state.process import preserve_generators
from segprune.core.surgery import prune
from segprune.errors import ArtifactError, SegpruneError
from segprune.models import build

__all__ = [
    "Artifact",
    "declared",
    "is_artifact",
    "load",
    "open_artifact",
    "outline",
    "read_header",
    "rebuild",
]

_AUXILIARY = "aux_heads"  # of the networks of `build`
_FILLING = frozenset({"normal_", "uniform_", "fill_", "zero_"})


@dataclass(frozen=True)
class Artifact:
    """A pruned network's file, read once and checked.

    Attributes:
        digest: SHA-256 of the file's bytes.
        tensors: by the first of their names.
    """

    path: Path
    digest: str
    header: Header
    tensors: Mapping[str, Tensor]


def load(path: str | Path, model: nn.Module | None = None) -> nn.Module:
    """Rebuild a pruned network, in evaluation mode, on the CPU.

    Args:
        path: a file that `save` wrote.
        model: the dense network; needed unless it was made by `build`. It is not changed.

    Raises:
        ArtifactError: no such file; truncated, changed or foreign; another schema; no `model` where
            one is needed, or another network than the one that was pruned; weights that are NaN or
            infinite.
    """
    return rebuild(open_artifact(path), model)


def rebuild(artifact: Artifact, model: nn.Module | None = None) -> nn.Module:
    """Rebuild the pruned network of a file that was read, as `load` does.

    Raises:
        ArtifactError: as for `load`.
    """
    path, header, tensors = artifact.path, artifact.header, artifact.tensors
    if model is None:
        model = declared(header, path)
    if type(model).__name__ != header.network:
        raise ArtifactError(
            f"{path}: expected the dense {header.network} that this file was pruned from, found "
            f"{type(model).__name__}; another class may compute something else. Pass that network, "
            "or the file that was made of this one."
        )
    try:
        skeleton = prune(model, header.plan)
    except SegpruneError as error:
        raise ArtifactError(
            f"{path}: expected the dense {header.network} that was pruned, found another "
            f"{type(model).__name__}: {error}"
        ) from error
    for difference in differing(_settings_of(header), skeleton):
        raise ArtifactError(
            f"{path}: expected the dense {header.network} that was pruned, found another: "
            f"{difference}; pass the network that was pruned."
        )
    wanted = {first: tuple(tensor.shape) for first, tensor in _firsts(skeleton).items()}
    found = {first: tuple(tensor.shape) for first, tensor in tensors.items()}
    if wanted != found or {k: set(v) for k, v in aliases(skeleton).items()} != {
        k: set(v) for k, v in header.ties.items()
    }:
        different = sorted(k for k in wanted.keys() | found.keys() if wanted.get(k) != found.get(k))
        raise ArtifactError(
            f"{path}: expected the tensors of the pruned {header.network}, found others at "
            f"{', '.join(different[:3]) or 'the ties'}; pass the network that was pruned."
        )
    for first, tensor in tensors.items():
        kind, flat = header.types[first], tensor.dim() != 4 and first in header.channels_last
        if flat or not _is_like(tensor, getattr(torch, kind)):
            raise ArtifactError(
                f"{path}: expected {first} to be kept as the network computes with it, found "
                f"{'channels last of' if flat else f'{kind} of'} {tensor.dtype} "
                f"{tuple(tensor.shape)}; the file was changed. Save it again."
            )
    restored = {
        name: _restored(tensors[first], header.types[first], first in header.channels_last)
        for first, names in header.ties.items()
        for name in names[:1]
    }
    if broken := not_finite(restored, skeleton):
        raise ArtifactError(f"{path}: {broken}")
    loaded = copy_with(skeleton, restored)
    loaded.eval()  # a user's own `eval` may return nothing
    return loaded


def _settings_of(header: Header) -> Settings:
    """Settings of the modules that a file may name; deployed files still name auxiliary heads."""
    deployed = header.spec is not None and header.spec["options"].get("aux") is False
    return {
        name: own
        for name, own in header.settings.items()
        if not (deployed and name.partition(".")[0] == _AUXILIARY)
    }


class _WithoutNumbers(TorchFunctionMode):
    """Leaves out what fills tensors: on meta tensors torch imports its compiler for that."""

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        module = getattr(func, "__module__", None)
        fills = func.__name__ in _FILLING or module == nn.init.__name__
        return args[0] if fills and args else func(*args, **(kwargs or {}))


def declared(header: Header, path: Path) -> nn.Module:
    """Build the dense network that the header of a file declares, with random weights.

    Raises:
        ArtifactError: as for `outline`.
    """
    outline(header, path)
    assert header.spec is not None  # `outline` requires it
    with preserve_generators():
        return build(header.spec["name"], **header.spec["options"])


def outline(header: Header, path: Path) -> nn.Module:
    """Build the declared dense network on meta tensors: a header may ask for too much memory.

    Raises:
        ArtifactError: the file declares no network, a network that cannot be built, or not the
            network that its plan was made for.
    """
    if header.spec is None:
        raise ArtifactError(
            f"{path}: expected the dense {header.network} beside it, found none; this is not a "
            "network of segprune.build. Pass load(path, model=YourNetwork(...))."
        )
    name, options = header.spec["name"], header.spec["options"]
    try:
        with torch.device("meta"), _WithoutNumbers():
            network = build(name, **options)
    except (SegpruneError, TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise ArtifactError(
            f"{path}: expected a network of segprune.build in its header, found {name!r} with "
            f"options {str(options)[:80]}: {error}; the file was changed. Save it again."
        ) from error
    found = digest_of(network)
    if found != header.plan.network:
        raise ArtifactError(
            f"{path}: expected the network that its plan was made for "
            f"({header.plan.network[:12]}), found that it declares another ({found[:12]}); the "
            "file was changed. Save it again."
        )
    return network


def is_artifact(path: Path) -> bool:
    """Whether a file is to be read as one of ours; weights of others have no header."""
    try:
        with safe_open(path, framework="pt") as file:
            return KEY in (file.metadata() or {})
    except (SafetensorError, OSError):
        return path.suffix == ".safetensors"  # damaged or not there: `load` says how


def read_header(path: str | Path) -> Header:
    """What an artefact says about itself; its payload is checked.

    Raises:
        ArtifactError: no such file; truncated, changed or foreign; another schema.
    """
    return open_artifact(path).header


def open_artifact(path: str | Path) -> Artifact:
    """Read an artefact once: its header, its tensors, and the digest of its bytes.

    Raises:
        ArtifactError: as for `read_header`.
    """
    path = Path(path)
    content = _bytes_of(path)
    try:
        tensors = tensors_from(content)
    except (SafetensorError, KeyError, ValueError) as error:
        raise _unreadable(path, error) from error
    text = _header_in(content)
    if text is None:
        raise ArtifactError(
            f"{path}: expected an artefact of segprune, found a safetensors file without its "
            "header; to prune these weights pass them as weights of a dense network."
        )
    header = parse_header(path, text)
    digest = payload_digest(header.content, tensors)
    if digest != header.payload:
        raise ArtifactError(
            f"{path}: expected payload {header.payload[:12]}, found {digest[:12]}: tensors "
            "or header were changed after they were saved. Copy the file again."
        )
    return Artifact(path, file_digest(content), header, tensors)


# -- reading ---------------------------------------------------------------------------------------


def _is_of_torch(path: Path) -> bool:
    """Whether a file begins as those of `torch.save` do: a zip archive, or once a pickle."""
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError:
        return False
    return start == b"PK\x03\x04" or start[:1] == b"\x80"


def _bytes_of(path: Path) -> bytes:
    try:  # a name that is too long is an OSError of is_file, too
        if path.is_file():
            return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error
    raise ArtifactError(f"{path}: expected an artefact, found no such file.")


def _header_in(content: bytes) -> str | None:
    """Return our entry among the metadata of a whole safetensors file; None if it has none.

    The file begins with the length of its JSON header, in eight bytes.
    """
    length = int.from_bytes(content[:8], "little")
    metadata = json.loads(content[8 : 8 + length]).get("__metadata__") or {}
    text: str | None = metadata.get(KEY)
    return text


def _unreadable(path: Path, error: Exception) -> ArtifactError:
    if _is_of_torch(path):
        return ArtifactError(
            f"{path}: expected an artefact of segprune, found a file of torch.save, which may "
            "hold weights; pass it as weights of the dense network."
        )
    return ArtifactError(
        f"{path}: expected a whole safetensors file, found {error}; it is truncated or of "
        "another kind. Copy it again, or save it again."
    )


def _firsts(model: nn.Module) -> dict[str, Tensor]:
    tensors = tensors_of(model)
    return {first: tensors[first] for first in aliases(model)}


def _is_like(tensor: Tensor, kind: torch.dtype) -> bool:
    """Whether a tensor can be read as a type: as its own, or as another precision."""
    floats = tensor.is_floating_point() and kind.is_floating_point and kind.itemsize > 1
    return tensor.dtype == kind or floats


def _restored(tensor: Tensor, type_name: str, channels_last: bool) -> Tensor:
    # A copy: tensors in the memory of the file are not aligned, and kernels then round otherwise.
    tensor = tensor.to(getattr(torch, type_name), copy=True)
    return as_channels_last(tensor) if channels_last else tensor
