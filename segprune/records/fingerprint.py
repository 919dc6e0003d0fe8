"""What has to be equal for two speeds to be comparable, and what moves by itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

__all__ = ["Conditions", "Fingerprint"]


@dataclass(frozen=True)
class Fingerprint:
    """What has to be equal.

    Attributes:
        processor: vendor, family, model, stepping, caches and a digest of its flags.
        cores: that this process may use.
        hypervisor: whether the processor says that it is a virtual one.
        torch: version, and a digest of how it was built (oneDNN, MKL, OpenMP).
        capability: the instruction set that torch chose.
        variables: environment variables that change speed.
        threads, input, memory_format, dtype: of the measurement.
        gpu: name, driver's CUDA version, cuDNN and TF32; empty on a CPU.
    """

    processor: Mapping[str, str]
    cores: int
    hypervisor: bool
    torch: Mapping[str, str]
    capability: str
    variables: Mapping[str, str]
    threads: int
    input: tuple[int, ...]
    memory_format: str
    dtype: str
    gpu: Mapping[str, str]

    @property
    def digest(self) -> str:
        """SHA-256 of it all."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def difference(self, other: Fingerprint) -> tuple[str, ...]:
        """Names of the fields that differ."""
        one, two = asdict(self), asdict(other)
        return tuple(name for name in one if one[name] != two[name])


@dataclass(frozen=True)
class Conditions:
    """What moves by itself: clock in MHz and the load average; 0 where the system does not say."""

    mhz: float
    load: float
