"""How much memory trace + plan + prune need at their worst; run in a process of its own.

`python benchmarks/peak_memory.py bisenetv2` prints one JSON object, in bytes. `peak` is what the
process grew by above its size with the network loaded, plus the network itself; what the engine
imports on first use is counted, too.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

import segprune

STATUS = Path("/proc/self/status")


def high_water() -> int:
    """The largest resident size so far (Linux)."""
    for line in STATUS.read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"{STATUS} has no VmHWM line")


def measure(name: str) -> dict[str, float]:
    """`peak`, `model` and `activations` for one image of 512×1024, and `limit`."""
    network = segprune.build(name, num_classes=19).eval()
    image = torch.rand(1, 3, 512, 1024)
    owned = sum(t.numel() * t.element_size() for t in network.state_dict().values())
    STATUS.with_name("clear_refs").write_text("5")  # the high-water mark starts again from here
    before = high_water()
    graph = segprune.trace(network, image)
    plan = segprune.make_plan(network, graph, budget={"macs": 0.5})
    pruned = segprune.prune(network, plan)
    peak = high_water() - before + owned
    del pruned
    activations = segprune.cost(network, graph).activation_bytes
    limit = 3 * owned + activations
    return {"peak": peak, "model": owned, "activations": activations, "limit": limit}


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1])))
