"""The digest of an artefact: what shows that a file was changed, and by which records name it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from segprune.core.modules import hash_tensors

__all__ = ["file_digest", "payload_digest"]


def file_digest(content: bytes) -> str:
    """Return the SHA-256 of a whole file, by which records name it."""
    return hashlib.sha256(content).hexdigest()


def payload_digest(header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of a header's content, without the digest itself, and of the tensors."""
    facts = {key: value for key, value in header.items() if key != "payload"}
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True, allow_nan=False).encode())
    hash_tensors(digest, tensors)
    return digest.hexdigest()
