"""Frames from a folder: what importances look at, and what a pruned network is proved on.

Images are found recursively. Where a folder `images` has a sibling `labels`, each image has a label
there: the same path with the suffix .png, 8-bit class indices, 255 for void.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from segprune.errors import InputError

__all__ = ["VOID", "Frame", "Frames", "find_frames", "read_batches"]

VOID = 255
_SUFFIXES = (".jpg", ".jpeg", ".png")
_MEAN = (0.485, 0.456, 0.406)  # of ImageNet, on which the trunks of the field are trained
_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Frame:
    """An image file, and the file with its labels where there is one."""

    image: Path
    label: Path | None


@dataclass(frozen=True)
class Frames:
    """Frames in memory.

    Attributes:
        batches: images `(N, 3, H, W)` float32, normalised; each with labels `(N, H, W)` int64 if
            all frames have them.
        count: how many frames.
        labelled: whether they have labels.
        digest: SHA-256 over the files' contents.
    """

    batches: tuple[Any, ...]
    count: int
    labelled: bool
    digest: str

    @property
    def images(self) -> Tensor:
        """The first batch of images, `(N, 3, H, W)`."""
        first = self.batches[0]
        images: Tensor = first[0] if self.labelled else first
        return images


def find_frames(folder: Path, *, labels: bool = True) -> tuple[Frame, ...]:
    """Every image below a folder, by path; label files are not taken for images.

    Raises:
        InputError: no such folder, no image in it, or an image without its label beside others
            that have one.
    """
    if not folder.is_dir():
        found = "a file" if folder.exists() else "nothing"
        raise InputError(f"{folder}: expected a folder of images, found {found}; check the path.")
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)
    frames = tuple(
        Frame(path, _label_of(path) if labels else None)
        for path in paths
        if path.is_file() and not _is_label(path.absolute())
    )
    if not frames:
        raise InputError(
            f"{folder}: expected images ({', '.join(_SUFFIXES)}), found none in it or below; "
            "pass a folder that holds some."
        )
    return frames


def _sibling(path: Path, own: str, other: str) -> Path | None:
    """The path with its innermost folder `own` exchanged for `other`, if that exists beside it."""
    for parent in path.parents:
        if parent.name == own and parent.with_name(other).is_dir():
            return parent.with_name(other) / path.relative_to(parent)
    return None


def _is_label(path: Path) -> bool:
    return _sibling(path, "labels", "images") is not None


def _label_of(image: Path) -> Path | None:
    label = _sibling(image.absolute(), "images", "labels")
    if label is None:
        return None
    label = label.with_suffix(".png")
    if not label.is_file():
        raise InputError(
            f"{image}: expected its label {label.name} in the folder labels beside images, found "
            "none; add it, or move the images to a folder without labels."
        )
    return label


def read_batches(
    folder: Path,
    count: int,
    size: Sequence[int],
    num_classes: int | None = None,
    *,
    labels: bool = True,
) -> Frames:
    """Read evenly spaced frames of a folder, resized and normalised.

    Neighbours in a folder are mostly neighbours in a video, so the frames are taken far apart.

    Args:
        count: batches wanted; fewer where the folder does not hold enough, but at least one.
        size: of a batch, `(N, 3, H, W)`.
        num_classes: labels must be below it, or `VOID`; None does not check.
        labels: False leaves them on disk, where nothing needs them.

    Raises:
        InputError: a file that cannot be read, named, or labels that are no class indices.
    """
    if len(size) != 4 or size[1] != 3:
        raise InputError(
            f"input: expected Nx3xHxW for images, found {'x'.join(map(str, size))}; "
            "images have three channels."
        )
    found = find_frames(folder, labels=labels)
    batch = min(size[0], len(found))
    wanted = min(count * batch, len(found) // batch * batch)
    chosen = [found[place * len(found) // wanted] for place in range(wanted)]
    labelled = all(frame.label is not None for frame in chosen)
    digest = hashlib.sha256()
    images, indices = [], []
    for frame in chosen:
        images.append(_read_image(frame.image, size, digest))
        if labelled and frame.label is not None:
            indices.append(_read_label(frame.label, size, digest, num_classes))
    groups = [slice(start, start + batch) for start in range(0, wanted, batch)]
    stacked: list[Any] = [torch.stack(images[group]) for group in groups]
    if labelled:
        stacked = [
            (image, torch.stack(indices[group]))
            for image, group in zip(stacked, groups, strict=True)
        ]
    return Frames(tuple(stacked), wanted, labelled, digest.hexdigest())


def _read_image(path: Path, size: Sequence[int], digest: Any) -> Tensor:
    pixels = _open(path, size, digest, "image")
    values = torch.from_numpy(pixels).permute(2, 0, 1).float() / 255
    return (values - torch.tensor(_MEAN).view(3, 1, 1)) / torch.tensor(_STD).view(3, 1, 1)


def _read_label(path: Path, size: Sequence[int], digest: Any, num_classes: int | None) -> Tensor:
    indices = torch.from_numpy(_open(path, size, digest, "label")).long()
    if num_classes is not None:
        highest = int(indices[indices != VOID].max()) if bool((indices != VOID).any()) else 0
        if highest >= num_classes:
            raise InputError(
                f"{path}: expected classes below {num_classes}, the network's number of them, or "
                f"{VOID} for void, found {highest}; build the network with more classes, or map "
                "the labels."
            )
    return indices


def _open(path: Path, size: Sequence[int], digest: Any, kind: str) -> np.ndarray[Any, Any]:
    """Pixels `(H, W, 3)` of an image or `(H, W)` of a label, at the size wanted."""
    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        raise InputError(
            "data: expected Pillow to read images with, found that it is not installed; "
            "run: pip install pillow."
        ) from error
    try:
        digest.update(path.read_bytes())
        with Image.open(path) as image:
            if kind == "label":
                if image.mode not in ("L", "P"):
                    raise InputError(
                        f"{path}: expected 8-bit class indices, found mode {image.mode}; "
                        "store indices, not colours."
                    )
                resized = image.resize((size[3], size[2]), Image.Resampling.NEAREST)
            else:
                resized = image.convert("RGB").resize((size[3], size[2]), Image.Resampling.BILINEAR)
            return np.array(resized)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(
            f"{path}: expected an image that can be read, found {type(error).__name__}: {error}; "
            "repair or remove the file."
        ) from error
