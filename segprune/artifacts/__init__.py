"""One safetensors file that rebuilds a pruned network, without pickle, and notices changes."""

from segprune.artifacts.header import SCHEMA, Header
from segprune.artifacts.loading import (
    Artifact,
    declared,
    is_artifact,
    load,
    open_artifact,
    outline,
    read_header,
    rebuild,
)
from segprune.artifacts.saving import require_deployable, save

__all__ = [
    "SCHEMA",
    "Artifact",
    "Header",
    "declared",
    "is_artifact",
    "load",
    "open_artifact",
    "outline",
    "read_header",
    "rebuild",
    "require_deployable",
    "save",
]
