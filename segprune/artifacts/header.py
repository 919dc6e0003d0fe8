"""What an artefact says about itself, as JSON in the file's header."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from segprune.artifacts.settings import Settings
from segprune.errors import ArtifactError, PlanError
from segprune.network import hash_tensors
from segprune.plan import PrunePlan

__all__ = ["KEY", "SCHEMA", "Header", "parse_header", "payload_digest"]

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


def parse_header(path: Path, text: str) -> Header:
    """Read the header of the file at `path`.

    Raises:
        ArtifactError: no JSON, another schema, or fields that are missing or of another kind.
    """
    try:
        data = json.loads(text)
        schema = data["schema"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ArtifactError(
            f"{path}: expected a JSON header, found {type(error).__name__}: {error}; the file was "
            "changed."
        ) from error
    if schema != SCHEMA:
        raise ArtifactError(
            f"{path}: expected schema {SCHEMA!r}, found {schema!r}; read it with the version of "
            "segprune that wrote it, or save it again."
        )
    try:
        return Header(
            plan=PrunePlan.from_json(json.dumps(data["plan"])),
            spec=data["spec"],
            network=str(data["network"]),
            ties={first: tuple(names) for first, names in data["ties"].items()},
            types=dict(data["types"]),
            settings={k: dict(own) for k, own in data.get("settings", {}).items()},
            channels_last=frozenset(data["channels_last"]),
            payload=str(data["payload"]),
            metadata=dict(data["metadata"]),
            content=data,
        )
    except (PlanError, KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise ArtifactError(
            f"{path}: expected a complete header, found {type(error).__name__}: {error}"
        ) from error


def payload_digest(header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of a header's content, but for the digest itself, and of the tensors beside it."""
    facts = {key: value for key, value in header.items() if key != "payload"}
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True, allow_nan=False).encode())
    hash_tensors(digest, tensors)
    return digest.hexdigest()
