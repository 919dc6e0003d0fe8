"""Which machine a speed was measured on: what has to be equal for two speeds to be comparable.

Hashed are the processor and everything that chooses what it runs. Not hashed, but kept beside it:
the clock, which moves by itself, and load.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from segprune.records.environment import cpu_fields, environment

__all__ = ["Conditions", "Fingerprint", "conditions", "fingerprint"]

_CPU_FIELDS = ("vendor_id", "cpu family", "model", "model name", "stepping", "cache size", "flags")


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
        return _digest(json.dumps(asdict(self), sort_keys=True))

    def difference(self, other: Fingerprint) -> tuple[str, ...]:
        """Names of the fields that differ."""
        one, two = asdict(self), asdict(other)
        return tuple(name for name in one if one[name] != two[name])


@dataclass(frozen=True)
class Conditions:
    """What moves by itself: clock in MHz and the load average; 0 where the system does not tell."""

    mhz: float
    load: float


def fingerprint(
    *,
    threads: int,
    input: tuple[int, ...],
    memory_format: str = "contiguous",
    dtype: str = "float32",
    device: str = "cpu",
) -> Fingerprint:
    """Describe this machine, for a measurement with these settings."""
    import torch

    here = environment()
    told = cpu_fields()
    fields = {name: told[name] for name in _CPU_FIELDS if name in told}
    flags = fields.pop("flags", "")
    return Fingerprint(
        processor={**(fields or {"model name": here.cpu}), "flags": _digest(flags)[:16]},
        cores=here.cores,
        hypervisor="hypervisor" in flags.split(),
        torch={"version": here.torch, "build": _digest(torch.__config__.show())[:16]},
        capability=here.capability,
        variables=dict(here.variables),
        threads=threads,
        input=input,
        memory_format=memory_format,
        dtype=dtype,
        gpu=_gpu() if device == "cuda" else {},
    )


def conditions() -> Conditions:
    """Clock and load at this moment."""
    mhz = cpu_fields().get("cpu mhz", "0")
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return Conditions(float(mhz), round(load, 2))


def _gpu() -> dict[str, str]:
    import torch

    return {
        "name": torch.cuda.get_device_name(0),
        "cuda": str(torch.version.cuda),
        "cudnn": str(torch.backends.cudnn.version()),
        "tf32": str(torch.backends.cuda.matmul.allow_tf32),
    }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
