"""How much memory training needs at its worst; run in a process of its own.

`python benchmarks/training_memory.py bisenetv2 1.0 360 480` prints one JSON object, in bytes:
`peak`, the whole process's largest resident size, torch and all, over two steps at batch 8.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from noise import Noise
from one_epoch import train
from peak_memory import high_water

BATCH = 8
CHANGES = (f"training.batch_size={BATCH}", "training.precision=32-true")
"""Single precision, which needs most."""


def measure(name: str, width: float, height: int, columns: int) -> dict[str, float]:
    """Two steps: momentum and averages are there from the second on."""
    with tempfile.TemporaryDirectory() as folder:
        dataset = Noise(2 * BATCH, height, columns)
        train(name, dataset, Path(folder), width=width, changes=CHANGES)
    return {"peak": high_water()}


if __name__ == "__main__":
    name, width, height, columns = sys.argv[1:]
    print(json.dumps(measure(name, float(width), int(height), int(columns))))
