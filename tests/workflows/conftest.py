"""Images in CamVid's layout, for whole jobs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="module")
def camvid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five labelled images of another size than the networks', in CamVid's layout."""
    root = tmp_path_factory.mktemp("camvid")
    rng = np.random.default_rng(5)
    for number in range(5):
        for kind, shape, top in (("images", (40, 50, 3), 256), ("labels", (40, 50), 11)):
            path = root / "val" / kind / f"0001TP_{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, top, shape, dtype=np.uint8)).save(path)
    return root
