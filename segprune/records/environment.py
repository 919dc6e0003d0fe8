"""What a result was made with: versions, processor, threads. No host name, no user, no path.

`Environment` describes a run. `Fingerprint` has to be equal for two speeds to be comparable.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

__all__ = ["Conditions", "Environment", "Fingerprint", "cpu_fields", "environment", "version"]

_VARIABLES = (
    "ATEN_CPU_CAPABILITY",
    "KMP_BLOCKTIME",
    "MKL_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OMP_PROC_BIND",
    "OMP_WAIT_POLICY",
    "ONEDNN_MAX_CPU_ISA",
)
_VECTOR_FLAGS = ("sse4_", "avx", "fma", "amx", "neon", "asimd", "sve", "f16c")


@dataclass(frozen=True)
class Environment:
    """The versions and the machine that a figure was measured with.

    Attributes:
        segprune, python, torch, numpy: versions.
        system: operating system and machine, such as "Linux x86_64".
        cpu: model name of the processor.
        cores: how many this process may use.
        threads: how many torch uses.
        capability: the instruction set that torch chose, such as "AVX2".
        flags: the processor's vector instruction sets.
        variables: environment variables that change speed, where set.
        gpu: name of the first CUDA device, or None.
        cuda: CUDA version that torch was built for, or None.
    """

    segprune: str
    python: str
    torch: str
    numpy: str
    system: str
    cpu: str
    cores: int
    threads: int
    capability: str
    flags: tuple[str, ...]
    variables: Mapping[str, str]
    gpu: str | None
    cuda: str | None


@dataclass(frozen=True)
class Fingerprint:
    """What has to be equal for two speeds to be comparable.

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
        """SHA-256 of all fields."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def difference(self, other: Fingerprint) -> tuple[str, ...]:
        """Names of the fields that differ."""
        one, two = asdict(self), asdict(other)
        return tuple(name for name in one if one[name] != two[name])


@dataclass(frozen=True)
class Conditions:
    """What changes by itself: clock in MHz and the load average; 0 where they are unknown."""

    mhz: float
    load: float


def version() -> str:
    """Version of the installed package, or "unknown" where it runs from a bare folder."""
    try:
        return importlib.metadata.version("segprune")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def environment() -> Environment:
    """Describe this process and its machine."""
    import numpy as np
    import torch

    model, flags = _processor()
    on_gpu = torch.cuda.is_available()
    return Environment(
        segprune=version(),
        python=platform.python_version(),
        torch=str(torch.__version__),
        numpy=np.__version__,
        system=f"{platform.system()} {platform.machine()}",
        cpu=model,
        cores=_cores(),
        threads=torch.get_num_threads(),
        capability=torch.backends.cpu.get_cpu_capability(),
        flags=flags,
        variables={name: os.environ[name] for name in _VARIABLES if name in os.environ},
        gpu=torch.cuda.get_device_name(0) if on_gpu else None,
        cuda=torch.version.cuda if on_gpu else None,
    )


def _cores() -> int:
    """Cores that this process may use, which in a container are fewer than the machine's."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_fields() -> dict[str, str]:
    """What Linux says about the first core, by lower-case name; nothing on other systems."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip().lower(), value.strip())
    return fields


@cache
def _processor() -> tuple[str, tuple[str, ...]]:
    """Model name and vector instruction sets; Linux has both, other systems a name at most."""
    fields = cpu_fields()
    if not fields:
        return platform.processor() or platform.machine(), ()
    flags = (fields.get("flags") or fields.get("features") or "").split()
    vector = tuple(sorted(flag for flag in flags if flag.startswith(_VECTOR_FLAGS)))
    return fields.get("model name") or platform.machine(), vector
