"""One safetensors file that rebuilds a pruned network, without pickle, and notices changes."""

from segprune.artifacts.header import SCHEMA, Header
from segprune.artifacts.loading import declared, is_artifact, load, outline, read_header
from segprune.artifacts.saving import require_deployable, save

__all__ = [
    "SCHEMA",
    "Header",
    "declared",
    "is_artifact",
    "load",
    "outline",
    "read_header",
    "require_deployable",
    "save",
]
