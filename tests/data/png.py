"""PNG files, written from numbers without Pillow: readers are compared with them."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np

GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6


def write(
    path: Path,
    values: np.ndarray,
    depth: int = 8,
    kind: int = GREY,
    palette: list[tuple[int, int, int]] | None = None,
    before: tuple[tuple[bytes, bytes], ...] = (),
    after: tuple[tuple[bytes, bytes], ...] = (),
) -> Path:
    """Write samples `(H, W)` or `(H, W, channels)` with so many bits each, without a filter.

    Args:
        before, after: further chunks before and after the pixels.
    """
    height, width = values.shape[:2]
    rows = b"".join(b"\0" + _packed(row.reshape(-1), depth) for row in values)
    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    chunks = [(b"IHDR", head)]
    if palette is not None:
        chunks.append((b"PLTE", bytes(value for colour in palette for value in colour)))
    chunks += [*before, (b"IDAT", zlib.compress(rows)), *after, (b"IEND", b"")]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks))
    return path


def orientation(value: int) -> bytes:
    """Return big-endian EXIF data that holds only this orientation."""
    return b"MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHIHH", 0x0112, 3, 1, value, 0) + b"\0\0\0\0"


def _packed(row: np.ndarray, depth: int) -> bytes:
    if depth == 16:
        return row.astype(">u2").tobytes()
    bits = np.unpackbits(row.astype(np.uint8)[:, None], axis=1)[:, 8 - depth :]
    return np.packbits(bits.ravel()).tobytes()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
