"""Tiny data sets on disk, in the layouts that are read; writers return what they wrote."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

SIZE = (12, 20)
VOID = 255


def indices(seed: int, values: list[int], size: tuple[int, int] = SIZE) -> np.ndarray:
    """Values `(H, W)`, each of them at least once."""
    draw = np.random.default_rng(seed)
    found = draw.choice(np.array(values, np.uint8), size)
    found.flat[: len(values)] = values
    return found


def pixels(seed: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def write(path: Path, values: np.ndarray) -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)
    return values


def write_pair(image: Path, label: Path, seed: int, values: list[int]) -> tuple[np.ndarray, ...]:
    """An image and its label: (pixels, indices)."""
    return write(image, pixels(seed)), write(label, indices(seed, values))


def camvid(root: Path, split: str = "val", count: int = 4) -> dict[str, tuple[np.ndarray, ...]]:
    """The layout with folders of images and labels; by name."""
    names = [f"000{number % 2}XX_{number:06d}" for number in range(count)]
    return {
        name: write_pair(
            root / split / "images" / f"{name}.png", root / split / "labels" / f"{name}.png",
            seed, [*range(11), VOID],
        )
        for seed, name in enumerate(names)
    }  # fmt: skip


def tutorial(root: Path, split: str = "val", count: int = 3) -> dict[str, tuple[np.ndarray, ...]]:
    """The layout of SegNet's tutorial, where void is 11; by name."""
    names = [f"0016E5_{number:05d}" for number in range(count)]
    return {
        name: write_pair(
            root / split / f"{name}.png", root / f"{split}annot" / f"{name}.png", seed, [*range(12)]
        )
        for seed, name in enumerate(names)
    }


def cityscapes(root: Path, split: str = "val") -> dict[str, tuple[np.ndarray, ...]]:
    """The official tree with all ids that there are, and the files that lie beside labels."""
    names = [
        "ulm_000000_000019", "ulm_000001_000019", "ulm_000001_000020", "bonn_000003_000019",
    ]  # fmt: skip
    written = {}
    for seed, name in enumerate(names):
        city = name.split("_")[0]
        image = root / "leftImg8bit" / split / city / f"{name}_leftImg8bit.png"
        label = root / "gtFine" / split / city / f"{name}_gtFine_labelIds.png"
        written[name] = write_pair(image, label, seed, [*range(34)])
        write(label.with_name(f"{name}_gtFine_color.png"), pixels(9))
        write(label.with_name(f"{name}_gtFine_instanceIds.png"), indices(9, [7]))
        label.with_name(f"{name}_gtFine_polygons.json").write_text("{}")
    return written


def folder(
    root: Path, names: tuple[str, ...] = ("a", "day/b", "day/c", "night/d"), classes: int = 3
) -> dict[str, tuple[np.ndarray, ...]]:
    """`images` and `labels` in a folder; by name. The class table is `classes_file`'s."""
    return {
        name: write_pair(
            root / "images" / f"{name}.png", root / "labels" / f"{name}.png", seed,
            [*range(classes), VOID],
        )
        for seed, name in enumerate(names)
    }  # fmt: skip


def classes_file(root: Path, text: str = 'names = ["road", "car", "tree"]\n') -> Path:
    root.mkdir(parents=True, exist_ok=True)
    path = root / "classes.toml"
    path.write_text(text, encoding="utf-8")
    return path
