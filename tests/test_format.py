"""Numbers and lists in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segprune.format import amount, counted, few, joined, percent, signed, size_of, table


def test_numbers_in_words() -> None:
    assert [amount(n) for n in (7, 1500, 3_340_000, 10.6e9)] == ["7", "1.50 k", "3.34 M", "10.60 G"]
    assert amount(547_000_000, like=1.1e9) == "0.55 G"
    assert [size_of(n) for n in (512, 2**20)] == ["0.5 KiB", "1.0 MiB"]
    assert [percent(s) for s in (0, 0.0001, 0.5, 0.9999, 1, 1.312)] == [
        "0 %", "<0.1 %", "50 %", "99.9+ %", "100 %", "131.2 %",
    ]  # fmt: skip


@given(st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_a_share_between_nothing_and_all_reads_as_neither(share: float) -> None:
    assert percent(share) not in ("0 %", "100 %")


@given(st.floats(-1000, 1000))
def test_a_signed_number_has_the_sign_of_what_is_shown(value: float) -> None:
    text = signed(value)
    shown = float(text.replace("−", "-"))
    assert shown == pytest.approx(value, abs=0.0501)
    assert text[0] == ("+" if shown > 0 else "−" if shown < 0 else "0")


def test_a_table_has_as_many_cells_in_every_line_and_numbers_on_the_right() -> None:
    lines = table(("name", "mIoU"), [("a", "1.0"), ("b", "2.0")], words=(0,))
    assert lines == ["| name | mIoU |", "| --- | ---: |", "| a | 1.0 |", "| b | 2.0 |"]


def test_lists_are_joined_and_shortened() -> None:
    assert [joined(list("abc")[:n]) for n in range(4)] == ["", "a", "a and b", "a, b and c"]
    assert few(list("abcde")) == "a, b, c and 2 more"
    assert [counted(1, "batch"), counted(2, "batch"), counted(2, "core")] == [
        "1 batch", "2 batches", "2 cores",
    ]  # fmt: skip
