"""The counts of every image as text, as a baseline keeps them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from segprune.errors import ArtifactError
from segprune.evaluation.metrics import ConfusionMatrix

__all__ = ["counts_as_text", "counts_from_text"]


_MOST = 2**53
"""Pixels of one image; far more than there are, and far fewer than an int64 overflows at."""


def counts_as_text(matrix: ConfusionMatrix, names: tuple[str, ...]) -> dict[str, str]:
    """Return the counts of every image as a line of text."""
    lines: dict[str, list[str]] = {name: [] for name in names}
    for image, target, prediction, count in matrix.entries.tolist():
        lines[names[image]].append(f"{target}>{prediction}:{count}")
    return {name: " ".join(cells) for name, cells in lines.items()}


def counts_from_text(
    per_image: Mapping[str, str], classes: int, void: int = 255
) -> ConfusionMatrix:
    """Read what `counts_as_text` returned.

    Raises:
        ArtifactError: a line that holds something else; the image is named.
    """
    rows = []
    for image, (name, line) in enumerate(per_image.items()):
        for cell in line.split():
            try:
                target, _, rest = cell.partition(">")
                prediction, _, count = rest.partition(":")
                row = (image, int(target), int(prediction), int(count))
                if max(map(abs, row)) > _MOST:
                    raise ValueError
                rows.append(row)
            except ValueError as error:
                raise ArtifactError(
                    f"counts of {name}: expected target>prediction:count, found {cell!r}"
                ) from error
    entries = np.array(rows, dtype=np.int64).reshape(-1, 4)
    return ConfusionMatrix.from_entries(entries, len(per_image), classes, void)
