"""From pixels to what a network is given; stored in every artefact, so that nobody has to guess."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from segprune.errors import ArtifactError

__all__ = ["Preprocessing"]

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Preprocessing:
    """Scale to [0, 1], subtract the mean, divide by the standard deviation, channel by channel.

    Attributes:
        mean, std: of R, G and B; by default ImageNet's, on which the trunks of the field are
            trained.
        size: (H, W) of the network's input; None: any. Nothing is resized here.
    """

    mean: Triple = (0.485, 0.456, 0.406)
    std: Triple = (0.229, 0.224, 0.225)
    size: tuple[int, int] | None = None

    def __call__(self, images: Tensor) -> Tensor:
        """Images uint8 `(N, 3, H, W)` to float32 `(N, 3, H, W)`."""
        mean = torch.tensor(self.mean, device=images.device).view(3, 1, 1)
        std = torch.tensor(self.std, device=images.device).view(3, 1, 1)
        return (images.as_subclass(Tensor).float() / 255 - mean) / std

    def as_metadata(self) -> dict[str, Any]:
        """As JSON holds it: `{"size": [H, W] or None, "mean": [...], "std": [...]}`."""
        size = None if self.size is None else list(self.size)
        return {"size": size, "mean": list(self.mean), "std": list(self.std)}

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
        mean, std = (tuple(float(v) for v in metadata[name]) for name in ("mean", "std"))
        return cls(mean, std, None if size is None else (int(size[0]), int(size[1])))  # type: ignore[arg-type]


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
