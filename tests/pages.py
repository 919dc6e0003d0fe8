"""README and the pages of docs/ as scripts: their code blocks, and a folder to run them in.

A block with a title (```python title="networks.py") is a file that the reader writes; a block of
`python` without a title is run; the lines of a block of `bash` are commands. All blocks of a page
share one folder and one Python namespace, as they do for a reader who follows the page.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

import segprune
from benchmarks.readme import ROOT

BLOCK = re.compile(
    r'^```(?P<language>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<body>.*?)^```$', re.S | re.M
)
LANGUAGES = {"bash", "ini", "python", "py", "text", "toml", "yaml", "json"}
CLASSES = (
    "sky", "building", "pole", "road", "sidewalk", "tree", "sign", "fence", "car", "pedestrian",
    "bicyclist",
)  # fmt: skip


@dataclass(frozen=True)
class Block:
    """A code block: its language, its file (or ""), its text, and the line where it begins."""

    language: str
    title: str
    body: str
    line: int

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands of a block of `bash`, without comments; continued lines are joined."""
        text = self.body.replace("\\\n", " ")
        lines = (re.sub(r"\s+#.*", "", line).strip() for line in text.splitlines())
        return tuple(line for line in lines if line and not line.startswith("#"))


def blocks_of(page: Path) -> tuple[Block, ...]:
    """Return the code blocks of a page, in order."""
    text = page.read_text("utf-8")
    return tuple(
        Block(m["language"], m["title"] or "", m["body"], text[: m.start()].count("\n") + 1)
        for m in BLOCK.finditer(text)
    )


def prepare(page: Path, folder: Path) -> None:
    """Put what a page takes for granted into a folder: a clone's files, and images."""
    for name in ("benchmarks", "examples", "segprune"):
        (folder / name).symlink_to(ROOT / name)
    if re.search(r"\bframes\b", page.read_text("utf-8")):
        write_frames(folder / "frames")


def write_frames(root: Path, count: int = 8, size: tuple[int, int] = (64, 128)) -> None:
    """Write small scenes with labels as data set `folder`: `train`, `val` and `classes.toml`."""
    for split in ("train", "val"):
        scenes = segprune.open_dataset("streets", split=split, count=count)
        for index in range(count):
            sample = scenes[index]
            pixels = np.asarray(sample.image).transpose(1, 2, 0)
            label = np.asarray(sample.label).astype(np.uint8)
            for kind, content, how in (
                ("images", pixels, Image.Resampling.BILINEAR),
                ("labels", label, Image.Resampling.NEAREST),
            ):
                path = root / split / kind / f"{index:03d}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(content).resize((size[1], size[0]), how).save(path)
    names = ", ".join(f'"{name}"' for name in CLASSES)
    (root / "classes.toml").write_text(f"names = [{names}]\n", "utf-8")


def write_file(block: Block, folder: Path) -> None:
    """Write a block that has a title where its reader would."""
    path = folder / block.title
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(block.body, "utf-8")
    if path.suffix == ".py" and path.parent != folder:
        (path.parent / "__init__.py").touch()


def python_of(blocks: tuple[Block, ...]) -> Iterator[Block]:
    """Yield the blocks that are run as Python."""
    return (block for block in blocks if block.language == "python" and not block.title)


def run_command(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a line of a block of `bash` there, with this environment's programs."""
    hidden = ("PYTEST_", "SEGPRUNE_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment["PYTHONPATH"] = f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    bash = shutil.which("bash") or "bash"
    return subprocess.run(
        [bash, "-euo", "pipefail", "-c", command], cwd=folder, env=environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
