"""What an importance may look at, and what it returns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from segprune.core.modules import tensors_of
from segprune.core.tracing.graph import ChannelGraph
from segprune.errors import InputError

__all__ = ["Evidence", "Scores"]

Scores = Mapping[tuple[str, int], Tensor]
"""(tensor name, dimension) -> scores `(size,)`; larger means more important."""


@dataclass(frozen=True)
class Evidence:
    """What an importance may look at.

    Attributes:
        model: the network (read only).
        graph: its channels.
        calibration: batches: tensors `(N, C, H, W)` or pairs `(images, labels (N, H, W))`.
        loss: `(output, batch) -> scalar`; None means cross-entropy against the labels (255 is
            void), or against the network's own prediction where a batch has none.
        seed: for importances that draw numbers.
    """

    model: nn.Module
    graph: ChannelGraph
    calibration: Iterable[Any] | None = None
    loss: Callable[[Any, Any], Tensor] | None = None
    seed: int = 0

    def rows(self) -> Iterable[tuple[str, int, Tensor]]:
        """Each layer's filters: weight name, its channel dimension, and a matrix `(rows, -1)`."""
        tensors = tensors_of(self.model)
        for name, record in self.graph.state.layers.items():
            if name not in tensors:
                continue  # computed by forward
            weight = tensors[name].detach().float()
            yield name, record.row_dim, weight.movedim(record.row_dim, 0).flatten(1)

    def batches(self, importance: str) -> Iterable[Any]:
        if self.calibration is None:
            raise InputError(
                f"calibration: expected batches of images for importance {importance!r}, found "
                "none; pass calibration=[tensor, …] or an iterable of (images, labels)."
            )
        return self.calibration
