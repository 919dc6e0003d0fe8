"""The marker has the names of the command line, and refuses what means nothing."""

from __future__ import annotations

import shutil

import pytest
from PIL import Image

import segprune
from pytest_plugin.repository import CASE, RED, Repository, output


@pytest.fixture
def with_images(repository: Repository) -> Repository:
    """The scenes of the case as files, and a baseline that says so."""
    scenes = segprune.open_dataset("streets", count=24, size=(32, 64))
    for number in range(len(scenes)):
        sample = scenes[number]
        for kind, pixels in (("images", sample.image.permute(1, 2, 0)), ("labels", sample.label)):
            path = repository.path / "frames" / "val" / kind / f"{number:02}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.byte().numpy()).save(path)
    names = ", ".join(f'"{name}"' for name in scenes.classes.names)
    (repository.path / "frames" / "classes.toml").write_text(f"names = [{names}]\n")
    repository.edit("data=scenes", 'data="folder", root="frames"')
    repository.run("--segprune-accept", "--because", "the same scenes as files")
    return repository


def test_a_folder_beside_the_test_is_found_by_the_marker(with_images: Repository) -> None:
    result = with_images.run()
    assert result.ret == 0
    result.assert_outcomes(passed=3, deselected=1)


def test_the_option_of_a_run_goes_before_the_marker(with_images: Repository) -> None:
    shutil.copytree(with_images.path / "frames", with_images.path / "others")
    (with_images.path / "others/val/images/00.png").unlink()
    (with_images.path / "others/val/labels/00.png").unlink()
    result = with_images.run("--segprune-data", "folder=others")
    assert result.ret == RED
    assert "data images: expected 24 as in the baseline, found 23" in output(result)


def test_a_folder_that_is_not_here_is_skipped_or_red_when_strict(with_images: Repository) -> None:
    shutil.rmtree(with_images.path / "frames")
    result = with_images.run()
    assert result.ret == 0
    assert "folder is not on this machine, at frames; say where it is" in output(result)
    assert with_images.run("--segprune-strict").ret == RED


@pytest.mark.parametrize("data", ['"streets"', "scenes"])
def test_a_root_of_images_without_a_folder_is_refused(repository: Repository, data: str) -> None:
    repository.edit("data=scenes", f'data={data}, root="frames"')
    result = repository.run("-k", "size")
    assert result.ret == RED
    assert f"marker segprune('{CASE}'): root: expected it beside the name" in output(result)


MALFORMED = {
    "skip_without_data: expected True or False": (
        "budget=", 'skip_without_data="no", budget=',
    ),
    "input: expected (N, C, H, W)": ("budget=", "input=(1, 3), budget="),
    "artifact: expected a path": ('artifact="half.safetensors"', "artifact=None"),
    "weights: expected a path": ("budget=", "weights=3, budget="),
    "dense: expected a value, found None": ("dense=make_network", "dense=None"),
    "count: expected a whole number": ("budget=", "count=3, budget="),
}  # fmt: skip


@pytest.mark.parametrize("says", MALFORMED)
def test_a_malformed_marker_is_reported_in_a_sentence(repository: Repository, says: str) -> None:
    repository.edit(*MALFORMED[says])
    result = repository.run("-k", "size")
    assert result.ret == RED
    assert f"marker segprune('{CASE}'): {says}" in output(result)
    assert "correct the marker" in output(result)


def test_an_input_may_be_a_list(repository: Repository) -> None:
    repository.edit("budget=", "input=[1, 3, 32, 64], budget=")
    assert repository.run("--benchmark-only").ret == 0


@pytest.mark.parametrize("margin", ["float('nan')", "'abc'", "-1", "True"])
def test_a_margin_that_is_no_number_is_refused(repository: Repository, margin: str) -> None:
    repository.edit("budget=", f"generalization_margin={margin}, budget=")
    result = repository.run("-k", "accuracy")
    assert result.ret == RED
    assert "generalization_margin: expected a number from 0" in output(result)


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


def test_the_old_name_of_the_margin_is_accepted_with_a_warning(repository: Repository) -> None:
    """An accepted case with `claim=50` has the criteria of one with `generalization_margin=50`."""
    repository.edit("budget=", "generalization_margin=50, budget=")
    repository.run("--segprune-accept", "--because", "a margin is judged")
    repository.edit("generalization_margin=50", "claim=50")
    result = repository.pytester.runpytest_inprocess("-W", "default", "-k", "size")
    assert result.ret == 0
    assert "claim: the old name of generalization_margin" in output(result)
