"""Which machine a speed was measured on: what has to be equal for two speeds to be comparable.

The digest covers the processor and everything that chooses what it runs. Clock and load are kept
beside it, because they change by themselves.
"""

from __future__ import annotations

import hashlib
import os

from segprune.records.environment import Conditions, Fingerprint, cpu_fields, environment

__all__ = ["conditions", "fingerprint"]

_CPU_FIELDS = ("vendor_id", "cpu family", "model", "model name", "stepping", "cache size", "flags")


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
    processor = cpu_fields()
    fields = {name: processor[name] for name in _CPU_FIELDS if name in processor}
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
    """Return clock and load at this moment."""
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
