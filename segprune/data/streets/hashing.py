"""Random numbers that are the same everywhere: a counter-based hash of 32-bit words.

A number depends on its address alone (seed, index, what it is for, place), never on what was drawn
before. The mixing function is lowbias32 (Chris Wellons, "Prospecting for Hash Functions", 2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["Draw", "noise", "smooth_noise"]

Words = NDArray[np.uint32]
Integers = NDArray[np.int32]
Item = TypeVar("Item")

_WORD = 0xFFFFFFFF
_STEP = 0x9E3779B9  # the golden ratio's fraction: neighbouring counters land far apart


class Draw:
    """A stream of numbers at an address; equal addresses give equal streams."""

    def __init__(self, *address: int) -> None:
        word = 0
        for part in address:
            word = _mixed((word ^ (part & _WORD)) + _STEP & _WORD)
        self._word, self._counter = word, 0

    def word(self) -> int:
        """32 bits."""
        self._counter += 1
        word = self._word + self._counter * _STEP & _WORD
        word = (word ^ word >> 16) * 0x7FEB352D & _WORD  # as `_mixed`; a scene takes 1,300 words
        word = (word ^ word >> 15) * 0x846CA68B & _WORD
        return word ^ word >> 16

    def below(self, limit: int) -> int:
        """An integer in [0, limit)."""
        return self.word() * limit >> 32

    def between(self, low: int, high: int) -> int:
        """An integer in [low, high]."""
        return low + (self.word() * (high - low + 1) >> 32)

    def chance(self, percent: int) -> bool:
        """True in so many of a hundred cases."""
        return self.word() * 100 >> 32 < percent

    def pick(self, items: Sequence[Item]) -> Item:
        """One of several, each as likely."""
        return items[self.word() * len(items) >> 32]

    def near(self, colour: tuple[int, int, int], spread: int) -> tuple[int, int, int]:
        """A colour not far from another."""
        shift = self.between(-spread, spread)
        red, green, blue = (value + shift + self.between(-spread, spread) // 3 for value in colour)
        return red, green, blue


def noise(word: int, height: int, width: int) -> Words:
    """32 independent bits for each pixel, `(H, W)`."""
    return _mix(_grid(height, width) + np.uint32(word))


def smooth_noise(word: int, height: int, width: int, cell: int) -> Integers:
    """Value noise in [0, 255], `(H, W)`: random values on a lattice, bilinear in between."""
    rows, columns = height // cell + 2, width // cell + 2
    lattice = (noise(word, rows, columns) >> np.uint32(24)).astype(np.int32)
    row, below = _steps(height, cell)
    column, right = _steps(width, cell)
    tall = lattice[row] * (cell - below)[:, None] + lattice[row + 1] * below[:, None]
    wide = tall[:, column] * (cell - right) + tall[:, column + 1] * right
    flat: Integers = wide // (cell * cell)
    return flat


def _mixed(word: int) -> int:
    word = (word ^ word >> 16) * 0x7FEB352D & _WORD
    word = (word ^ word >> 15) * 0x846CA68B & _WORD
    return word ^ word >> 16


def _mix(words: Words) -> Words:
    words = (words ^ words >> np.uint32(16)) * np.uint32(0x7FEB352D)
    words = (words ^ words >> np.uint32(15)) * np.uint32(0x846CA68B)
    mixed: Words = words ^ words >> np.uint32(16)
    return mixed


def _grid(height: int, width: int) -> Words:
    """Counters of pixels, row by row: the beginning of one long table."""
    count = height * width
    return _counters(1 << max(count - 1, 0).bit_length())[:count].reshape(height, width)


@lru_cache(maxsize=32)
def _counters(count: int) -> Words:
    return np.arange(count, dtype=np.uint32) * np.uint32(_STEP)


@lru_cache(maxsize=64)
def _steps(length: int, cell: int) -> tuple[NDArray[Any], NDArray[Any]]:
    places = np.arange(length, dtype=np.int32)
    return places // cell, places % cell
