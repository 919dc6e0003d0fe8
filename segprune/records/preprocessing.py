"""How pixels become a network's input; every artefact stores it, so that no reader has to guess."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from segprune.errors import ArtifactError
from segprune.records.io import LATER

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["UNIT", "Pair", "Preprocessing", "Triple"]

Triple = tuple[float, float, float]
Pair = tuple[float, float]

UNIT: Pair = (0.0, 1.0)
"""The usual range of scaled pixels."""


@dataclass(frozen=True)
class Preprocessing:
    """Scale pixels to a range, subtract the mean, divide by the deviation, channel by channel.

    Attributes:
        mean, std: of R, G and B, of pixels that are scaled already; by default ImageNet's, on which
            the trunks of the field are trained.
        size: (H, W) of the network's input; None: any. Nothing is resized here.
        range: (low, high) that the pixel values 0 and 255 are scaled to.
    """

    mean: Triple = (0.485, 0.456, 0.406)
    std: Triple = (0.229, 0.224, 0.225)
    size: tuple[int, int] | None = None
    range: Pair = field(default=UNIT, metadata=LATER)

    def __call__(self, images: Tensor) -> Tensor:
        """Images uint8 `(N, 3, H, W)` to float32 `(N, 3, H, W)`."""
        import torch

        mean = torch.tensor(self.mean, device=images.device).view(3, 1, 1)
        std = torch.tensor(self.std, device=images.device).view(3, 1, 1)
        return (self._scaled(images.as_subclass(torch.Tensor).float()) - mean) / std

    def _scaled(self, pixels: Tensor) -> Tensor:
        low, high = self.range
        # The usual ranges are computed as other libraries do it: the results are equal bit by bit.
        if self.range == UNIT:
            return pixels / 255
        return pixels if self.range == (0.0, 255.0) else pixels * ((high - low) / 255) + low

    def as_metadata(self) -> dict[str, Any]:
        """Return it for JSON: `{"size": [H, W] or None, "mean": [...], "std": [...]}`.

        `"range": [low, high]` is added unless it is [0, 1], which a file without a range means.
        """
        size = None if self.size is None else list(self.size)
        content = {"size": size, "mean": list(self.mean), "std": list(self.std)}
        return content if self.range == UNIT else {**content, "range": list(self.range)}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, Any]) -> Preprocessing:
        """The reverse of `as_metadata`.

        Raises:
            ArtifactError: something else; the field is named.
        """
        if not isinstance(metadata, Mapping):
            raise _wrong("preprocessing", "size, mean and std by name", metadata)
        size = metadata.get("size")
        if size is not None and not _numbers(size, 2, int):
            raise _wrong("size", "[H, W] or null", size)
        for name in ("mean", "std"):
            if not _numbers(metadata.get(name), 3, float):
                raise _wrong(name, "three finite numbers", metadata.get(name))
        if min(metadata["std"]) <= 0:
            raise _wrong("std", "numbers above 0", metadata["std"])
        scale = metadata.get("range", UNIT)
        if not _numbers(scale, 2, float) or scale[0] >= scale[1]:
            raise _wrong("range", "two finite numbers, the lower one first", scale)
        mean, std = (tuple(float(v) for v in metadata[name]) for name in ("mean", "std"))
        return cls(
            mean, std,  # type: ignore[arg-type]
            None if size is None else (int(size[0]), int(size[1])),
            (float(scale[0]), float(scale[1])),
        )  # fmt: skip


def _numbers(value: Any, count: int, kind: type) -> bool:
    if not isinstance(value, (list, tuple)) or len(value) != count:
        return False
    if kind is int:
        return all(type(item) is int and item > 0 for item in value)
    return all(type(item) in (int, float) and math.isfinite(item) for item in value)


def _wrong(name: str, expected: str, found: Any) -> ArtifactError:
    return ArtifactError(
        f"preprocessing.{name}: expected {expected}, found {found!r}; the artefact's metadata was "
        "written by another program. Save it again."
    )
