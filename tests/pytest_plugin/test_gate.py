"""Without its images a case is skipped only where that is allowed."""

from __future__ import annotations

import pytest

from pytest_plugin.repository import RED, Repository, output, table_row


def without_images(repository: Repository, more: str = "") -> None:
    """Let the case name images that are on another machine."""
    repository.edit("data=scenes", f'data="camvid"{more}')
    repository.change(lambda c: c["data"].update(name="camvid"))


def test_strict_lets_nothing_pass_for_want_of_images(repository: Repository) -> None:
    without_images(repository)
    result = repository.run("--segprune-strict", "-k", "accuracy")
    assert result.ret == RED
    assert "--segprune-data camvid=PATH" in output(result)
    assert "skip_without_data=True" in output(result)
    assert "NOT_MEASURED (accuracy)" in table_row(result)


def test_a_case_may_be_skipped_for_want_of_images_where_its_marker_says_so(
    repository: Repository,
) -> None:
    without_images(repository, ", skip_without_data=True")
    result = repository.run("--segprune-strict", "-k", "accuracy")
    assert result.ret == 0
    assert "SKIPPED (accuracy)" in table_row(result)
    assert "--segprune-data camvid=PATH" in output(result)


@pytest.mark.parametrize("strict", [False, True], ids=["", "strict"])
@pytest.mark.parametrize("said", [False, True], ids=["", "said in the marker"])
def test_a_function_that_finds_no_images_may_skip(
    repository: Repository, said: bool, strict: bool
) -> None:
    """As in strict runs at all: only where the marker says that the images cannot be everywhere."""
    repository.edit("import make_network, scenes", "import make_network")
    repository.edit(
        "pytestmark =",
        "def scenes():\n    pytest.skip('no images on this machine')\n\npytestmark =",
    )
    if said:
        repository.edit("data=scenes", "data=scenes, skip_without_data=True")
    result = repository.run(*(["--segprune-strict"] if strict else []))
    assert result.ret == (RED if strict and not said else 0)
    assert "no images on this machine" in output(result)
    assert ("NOT_MEASURED" if strict and not said else "SKIPPED (accuracy)") in table_row(result)


def test_a_misspelt_name_of_a_data_set_is_red(repository: Repository) -> None:
    without_images(repository, ", skip_without_data=True")
    result = repository.run("--segprune-data", "camvit=somewhere", "-k", "accuracy")
    assert result.ret == RED
    assert "expected names of the cases' data sets (camvid), found camvit" in output(result)
    unrelated = repository.run("--segprune-data", "camvit=somewhere", "-k", "size")
    assert unrelated.ret == 0
