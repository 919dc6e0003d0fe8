"""How well a network segments: mIoU, class IoU and pixel accuracy."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Score"]


@dataclass(frozen=True)
class Score:
    """How well a network segments; shares in [0, 1].

    Attributes:
        miou: mean of the class IoUs that are not None.
        class_iou: one a class; None where neither target nor prediction has the class.
        pixel_accuracy: share of the labelled pixels that are right.
        images: how many.
    """

    miou: float
    class_iou: tuple[float | None, ...]
    pixel_accuracy: float
    images: int
