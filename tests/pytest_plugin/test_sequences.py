"""What counts as one sequence is set in the marker, kept in the baseline and compared with it."""

from __future__ import annotations

import json

import pytest

from pytest_plugin.repository import RED, Repository, output

WORDS = "each of 24 images a sequence by itself, as the data set says"


def test_what_is_assumed_of_images_is_in_the_baseline_and_in_the_summary(
    repository: Repository,
) -> None:
    assert json.loads(repository.baseline.read_text())["data"]["sequences"] == WORDS
    result = repository.run("-k", "accuracy")
    assert result.ret == 0
    assert "each image is taken for a sequence of its own" in output(result)


def test_images_of_no_sequence_count_by_themselves(repository: Repository) -> None:
    """They do not count as one sequence, which would support no claim."""
    repository.edit(
        'return segprune.open_dataset("streets", count=24, size=(32, 64), cache=True)',
        'found = segprune.open_dataset("streets", count=24, size=(32, 64), cache=True)\n'
        "    [found[n] for n in range(24)]  # named after its sequences\n"
        '    found.sequences = (".",) * 24\n    return found',
        "my_networks.py",
    )
    repository.run("--segprune-accept", "--because", "no sequences are known")
    content = json.loads(repository.baseline.read_text())
    assert content["data"]["sequences"] == "each of 24 images by itself, for no sequence is known"
    result = repository.run("-k", "accuracy")
    assert result.ret == 0
    assert "on others like them at most" in output(result)


def test_a_pattern_in_the_marker_says_which_images_are_one_sequence(
    repository: Repository,
) -> None:
    repository.edit("budget=", 'sequences=r"val-000(.)", budget=')
    result = repository.run("-k", "accuracy")
    assert result.ret == RED  # another assumption than was accepted
    assert f"data sequences: expected '{WORDS}' as in the baseline" in output(result)
    refused = repository.run("--segprune-accept")
    assert "sequences from each of 24 images a sequence by itself" in output(refused)
    accepted = repository.run("--segprune-accept", "--because", "they are from three clips")
    assert "written to mine-half.json" in output(accepted)
    result = repository.run("-k", "accuracy")
    assert result.ret == 0
    assert "24 images in 3 sequences" in output(result)
    assert "nothing can be said of others (3 sequences, 3 blocks of frames)" in output(result)


def test_a_claim_takes_twenty_blocks_and_says_what_it_counted(fresh: Repository) -> None:
    fresh.edit("budget=", 'generalization_margin=50, sequences="clips.csv", budget=')
    rows = (f"val-{number:05d},clip {number // 12}" for number in range(24))
    (fresh.path / "clips.csv").write_text("\n".join(rows))
    result = fresh.run("--segprune-accept", "-rs")
    assert "found 2 and 2 (24 images in 2 sequences, by clips.csv)" in output(result)
    assert not fresh.baseline.exists()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ('"camera"', "expected the pattern 'camera' to name the sequence of each image, found"),
        ('"none.csv"', "expected a file with lines image,sequence, found No such file"),
        ("24", "marker segprune('mine-half'): sequences: expected a regular expression"),
        ('""', "marker segprune('mine-half'): sequences: expected a regular expression"),
    ],
)
def test_sequences_that_say_nothing_are_refused(
    repository: Repository, given: str, says: str
) -> None:
    repository.edit("budget=", f"sequences={given}, budget=")
    result = repository.run("-k", "accuracy")
    assert result.ret == RED
    assert says in output(result)


def test_an_artefact_says_the_pattern_that_its_recipe_had(repository: Repository) -> None:
    repository.edit('"input": [1, 3, 32, 64]', '"input": [1, 3, 32, 64], "sequences": "^(.+)-"',
                    "my_networks.py")  # fmt: skip
    repository.write_artifact()
    result = repository.run("--segprune-accept", "--because", "its images are one clip")
    assert "written to mine-half.json" in output(result)
    content = json.loads(repository.baseline.read_text())
    assert content["data"]["sequences"] == "24 images in 1 sequence, by the pattern '^(.+)-'"


def test_a_baseline_of_an_older_version_is_judged_as_before(repository: Repository) -> None:
    repository.change(lambda c: (c["data"].pop("sequences"), c.pop("best")))
    result = repository.run("test_gates.py")
    assert result.ret == 0
