"""Random numbers of the painter are a published hash, the same on every machine."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from segprune.data.streets.hashing import Draw, noise, smooth_noise

words = st.integers(0, 2**32 - 1)


def lowbias32(word: int) -> int:
    """The published function, with Python's integers."""
    word ^= word >> 16
    word = word * 0x7FEB352D % 2**32
    word ^= word >> 15
    word = word * 0x846CA68B % 2**32
    return word ^ word >> 16


@given(words, st.integers(1, 5), st.integers(1, 7))
def test_noise_is_the_published_hash_of_word_and_place(word: int, height: int, width: int) -> None:
    found = noise(word, height, width)
    golden = 0x9E3779B9
    for row in range(height):
        for column in range(width):
            place = (row * width + column) * golden + word
            assert int(found[row, column]) == lowbias32(place % 2**32)


@given(st.lists(words, min_size=1, max_size=4))
def test_streams_of_equal_addresses_are_equal_and_of_others_differ(address: list[int]) -> None:
    def stream(*parts: int) -> list[int]:
        draw = Draw(*parts)
        return [draw.word() for _ in range(4)]

    assert stream(*address) == stream(*address)
    assert stream(*address) != stream(*address, 0)
    assert stream(*address) != stream(*address[:-1], address[-1] ^ 1)


@given(words, st.integers(1, 1000))
def test_numbers_keep_their_range(seed: int, limit: int) -> None:
    draw = Draw(seed)
    assert all(0 <= draw.below(limit) < limit for _ in range(20))
    assert all(-3 <= draw.between(-3, limit) <= limit for _ in range(20))


def test_numbers_are_even_and_neighbouring_addresses_are_unrelated() -> None:
    drawn = np.array([[Draw(seed, index).below(10) for index in range(400)] for seed in range(20)])
    counts = np.bincount(drawn.ravel(), minlength=10)
    expected = drawn.size / 10
    assert ((counts - expected) ** 2 / expected).sum() < 30  # chi-squared, 9 degrees: p = 0.0004
    assert abs(np.corrcoef(drawn[0], drawn[1])[0, 1]) < 0.2


@given(words, st.integers(1, 40), st.integers(1, 40), st.integers(1, 16))
def test_smooth_noise_is_bilinear_between_lattice_points(
    word: int, height: int, width: int, cell: int
) -> None:
    lattice = noise(word, height // cell + 2, width // cell + 2) >> np.uint32(24)
    found = smooth_noise(word, height, width, cell)
    for y, x in ((0, 0), (height - 1, width - 1), (height // 2, width // 3)):
        row, column = divmod(y, cell), divmod(x, cell)
        exact = sum(
            int(lattice[row[0] + down, column[0] + right])
            * (Fraction(row[1], cell) if down else 1 - Fraction(row[1], cell))
            * (Fraction(column[1], cell) if right else 1 - Fraction(column[1], cell))
            for down in (0, 1)
            for right in (0, 1)
        )
        assert int(found[y, x]) == exact // 1
