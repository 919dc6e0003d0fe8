"""What every network of this package promises to the engine, the trainer and the exporters."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn


class SegmentationModel(nn.Module):
    """Base of the built-in networks and of the adapters.

    * ``forward(x)``: images ``(N, 3, H, W)`` to logits ``(N, K, H, W)``, in training and in
      evaluation mode, with or without auxiliary heads. It never runs an auxiliary head.
    * ``forward_with_aux(x)``: the same logits and a tuple of auxiliary logits, each
      ``(N, K, H, W)``; the tuple is empty where the network has no auxiliary heads.
    * The names of auxiliary parameters contain ``aux``; no other parameter's name does.
    """

    #: The methods a tracer has to follow to see every parameter in use.
    traced_methods: ClassVar[tuple[str, ...]] = ("forward", "forward_with_aux")

    #: ``{"name": ..., "options": {...}}`` as `segprune.models.build` takes them (JSON-able), or
    #: None for a network it did not declare. It names the dense network: pruning leaves it alone.
    segprune_spec: dict[str, Any] | None

    def __init__(self) -> None:
        super().__init__()
        self.segprune_spec = None

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, K, H, W)`` of images ``(N, 3, H, W)``."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward")

    def forward_with_aux(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Logits and auxiliary logits, all ``(N, K, H, W)``, of images ``(N, 3, H, W)``."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward_with_aux")
