"""Which images are one sequence: by the data set, a pattern or a file; always reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from segprune.data.sequences import sequences_of
from segprune.errors import InputError

NAMES = ("a_1", "a_2", "b_1")


@pytest.mark.parametrize("nothing", ["", "."])
def test_images_of_no_sequence_count_by_themselves_and_that_is_said(nothing: str) -> None:
    found = sequences_of(NAMES, (nothing,) * 3)
    assert len(set(found.labels)) == 3
    assert found.words == "each of 3 images by itself, for no sequence is known"


def test_what_a_data_set_knows_is_kept() -> None:
    found = sequences_of(NAMES, ("x", "x", "y"))
    assert found.labels == ("x", "x", "y")
    assert found.words == "3 images in 2 sequences, as the data set says"


def test_images_beside_the_folders_of_sequences_count_by_themselves() -> None:
    found = sequences_of((*NAMES, "c"), (".", "day", "day", "."))
    assert len(set(found.labels)) == 3
    assert "2 of them by themselves, for no sequence is known" in found.words


def test_one_sequence_that_is_known_stays_one() -> None:
    found = sequences_of(NAMES, ("clip",) * 3)
    assert set(found.labels) == {"clip"}
    assert "3 images in 1 sequence," in found.words


@pytest.mark.parametrize("pattern", ["^[a-z]+", "^([a-z]+)_"])
def test_a_pattern_finds_the_sequence_in_each_name(pattern: str) -> None:
    found = sequences_of(NAMES, ("x",) * 3, pattern)
    assert found.labels == ("a", "a", "b")
    assert found.words == f"3 images in 2 sequences, by the pattern {pattern!r}"


def test_a_pattern_that_tells_no_images_apart_or_all_of_them_is_said_to() -> None:
    assert "each of 3 images a sequence by itself" in sequences_of(NAMES, (), ".+").words
    assert "3 images in 1 sequence," in sequences_of(NAMES, (), "_").words


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("zebra", "found none for 3 of 3, such as 'a_1'"),
        ("^a", "found none for 1 of 3, such as 'b_1'"),
        ("z*", "found none for 3 of 3"),
        ("^(b)?", "found none for 2 of 3"),
        ("(", "expected a regular expression"),
    ],
)
def test_a_pattern_that_says_nothing_of_an_image_is_refused(pattern: str, says: str) -> None:
    with pytest.raises(InputError) as refused:
        sequences_of(NAMES, (), pattern)
    assert says in str(refused.value)


def test_a_file_names_the_sequence_of_each_image_and_may_know_others(tmp_path: Path) -> None:
    path = tmp_path / "sequences.csv"
    path.write_text('image,sequence\na_1, day\n"a_2",day\n\nb_1,night\nelsewhere,night\n')
    found = sequences_of(NAMES, (), path)
    assert found.labels == ("day", "day", "night")
    assert found.words == "3 images in 2 sequences, by sequences.csv"
    assert sequences_of(NAMES, (), str(path)) == found


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a_1,day\na_2,day\n", "found none for 1 of 3, such as 'b_1'"),
        ("a_1,day\na_1,night\n", "line 2: expected image,sequence, found two sequences of one"),
        ("a_1 day\n", "line 1: expected image,sequence, found 1 values"),
        ("a_1,\na_2,x\nb_1,x\n", "found none for 1 of 3, such as 'a_1'"),
        (None, "No such file"),
    ],
)
def test_a_file_that_says_nothing_of_an_image_is_refused(
    tmp_path: Path, text: str | None, says: str
) -> None:
    path = tmp_path / "sequences.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError) as refused:
        sequences_of(NAMES, (), path)
    assert says in str(refused.value)
