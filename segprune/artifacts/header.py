"""What an artefact says about itself, as JSON in the file's header."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from segprune.artifacts.settings import Settings
from segprune.core.plan import PrunePlan
from segprune.core.strict_json import parse_json
from segprune.errors import ArtifactError, PlanError

__all__ = ["KEY", "SCHEMA", "Header", "parse_header"]

SCHEMA = "segprune.artifact/1"
KEY = "segprune"
"""Of the header among a safetensors file's metadata."""


@dataclass(frozen=True)
class Header:
    """What an artefact says about itself.

    Attributes:
        plan: how the network was pruned.
        spec: what `build` needs to declare the dense network; None for a user's own.
        network: class name of the network.
        ties: first name of each tensor -> all its names.
        types: first name -> the type that the network computes with, e.g. "float32".
        settings: what torch's modules are set to; empty in files of earlier versions.
        channels_last: names of the tensors in that memory format.
        payload: SHA-256 of all of this, and of names, types, shapes and bytes of the tensors.
        metadata: what the caller added, such as preprocessing.
        content: the header as it stands in the file.
    """

    plan: PrunePlan
    spec: Mapping[str, Any] | None
    network: str
    ties: Mapping[str, tuple[str, ...]]
    types: Mapping[str, str]
    settings: Settings
    channels_last: frozenset[str]
    payload: str
    metadata: Mapping[str, Any]
    content: Mapping[str, Any]

    @property
    def input(self) -> tuple[int, int, int, int] | None:
        """Size of one batch `(N, C, H, W)` that the metadata names, or None.

        Raises:
            ArtifactError: the metadata names something else as its input.
        """
        given = self.metadata.get("input")
        if given is None:
            return None
        whole = isinstance(given, (list, tuple)) and all(type(n) is int and n > 0 for n in given)
        if not whole or len(given) != 4:
            raise ArtifactError(
                f"metadata.input: expected [N, C, H, W] as whole numbers above 0, found {given!r}; "
                "save the artefact again with the size of its input."
            )
        return (given[0], given[1], given[2], given[3])


def parse_header(path: Path, text: str) -> Header:
    """Read the header of the file at `path`.

    Raises:
        ArtifactError: no JSON, another schema, or fields that are missing or of another kind.
    """
    try:
        data = parse_json(text)
        schema = data["schema"]
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactError(
            f"{path}: expected a JSON header, found {type(error).__name__}: {error}; the file was "
            "changed."
        ) from error
    if schema != SCHEMA:
        raise ArtifactError(
            f"{path}: expected schema {SCHEMA!r}, found {schema!r}; read it with the version of "
            "segprune that wrote it, or save it again."
        )
    for name, (expected, holds) in _FIELDS.items():
        value = data.get(name, {} if name == "settings" else None)  # older files lack it
        if not holds(value):
            raise ArtifactError(
                f"{path}: header: expected {name} to be {expected}, found {str(value)[:60]!r}; the "
                "file was changed, or written by another program. Save it again."
            )
    try:
        plan = PrunePlan.from_json(json.dumps(data["plan"]))
    except PlanError as error:
        raise ArtifactError(f"{path}: expected a plan in its header, found {error}") from error
    ties = {first: tuple(names) for first, names in data["ties"].items()}
    for name, found in (("types", set(data["types"])), ("channels_last", data["channels_last"])):
        strange = sorted(set(found) ^ set(ties) if name == "types" else set(found) - set(ties))
        if strange:
            raise ArtifactError(
                f"{path}: header: expected the tensors of ties in {name}, found a difference at "
                f"{', '.join(strange[:3])}; the file was changed. Save it again."
            )
    return Header(
        plan=plan,
        spec=data["spec"],
        network=data["network"],
        ties=ties,
        types=data["types"],
        settings=data.get("settings", {}),
        channels_last=frozenset(data["channels_last"]),
        payload=data["payload"],
        metadata=data["metadata"],
        content=data,
    )


def _is_spec(value: Any) -> bool:
    """Whether this is `None`, or a name and options as `build` takes them."""
    if value is None:
        return True
    named = isinstance(value, dict) and set(value) == {"name", "options"}
    return named and isinstance(value["name"], str) and isinstance(value["options"], dict)


def _is_ties(value: Any) -> bool:
    if not isinstance(value, dict) or not all(map(_is_names, value.values())):
        return False
    every = [name for names in value.values() for name in names]
    firsts = all(names and names[0] == first for first, names in value.items())
    return firsts and len(every) == len(set(every))


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _is_types(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(kind, str) and isinstance(getattr(torch, kind, None), torch.dtype)
        for kind in value.values()
    )


def _is_settings(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(own, dict) for own in value.values())


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_mapping(value: Any) -> bool:
    return isinstance(value, dict)


_FIELDS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "plan": ("a plan", _is_mapping),
    "spec": ("null, or a name and options", _is_spec),
    "network": ("the name of a class", _is_text),
    "ties": ("names of tensors, each once, under the first of them", _is_ties),
    "types": ("a type of torch for each tensor, such as 'float32'", _is_types),
    "settings": ("settings by module", _is_settings),
    "channels_last": ("a list of names of tensors", _is_names),
    "payload": ("a digest", _is_text),
    "metadata": ("facts by name", _is_mapping),
}
"""Fields of a header: a description of the expected value, and a function that checks it."""
