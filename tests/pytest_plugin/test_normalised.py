"""Gates normalise as their marker says, and report it; other pixels do not fit the baseline."""

from __future__ import annotations

import pytest

from pytest_plugin.repository import Repository, output


def test_the_marker_says_the_normalisation(repository: Repository) -> None:
    usual = output(repository.run("-k", "accuracy"))
    assert "mine-half: normalisation: mean 0.485" in usual
    assert "ImageNet's, assumed" in usual
    assert "guessing" not in usual
    repository.edit("data=scenes", "data=scenes, mean=(9, 9, 9), std=(5, 5, 5), range=(0, 255)")
    result = repository.run("-k", "accuracy")
    said = output(result)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "mean 9, 9, 9, std 5, 5, 5, of pixels scaled to 0–255 (given)" in said
    assert "data preprocessing: expected" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("std=(0, 1, 1)", "std: expected numbers above 0"),
        ("range=(0, 255)", "range: expected mean and std beside it"),
        ("label_map={255: 1}", "label_map: expected it beside the name of a data set"),
    ],
)
def test_what_means_nothing_is_refused_by_name(
    repository: Repository, words: str, said: str
) -> None:
    repository.edit("data=scenes", f"data=scenes, {words}")
    result = repository.run("-k", "size")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert said in output(result)
