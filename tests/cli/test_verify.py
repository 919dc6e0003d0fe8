"""`segprune verify` proves a file, says on what, and prepares images as they are meant."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from cli.runner import MODEL, QUICK, done, segprune_
from segprune.artifacts import read_header
from segprune.data import read_batches
from segprune.data.normalisation import Given
from segprune.records.preprocessing import Preprocessing
from segprune.workflows.verify import run_verify

TYPED = ("--mean", "100,110,120", "--std", "50", "--range", "0,255")
SAID = "normalisation: mean 100, 110, 120, std 50, 50, 50, of pixels scaled to 0–255"


def verified(run: Path, *words: str) -> str:
    return " ".join(
        done("verify", str(run / "first.safetensors"), "--model", MODEL, *words).split()
    )


def test_frames_and_their_folder_are_counted_and_named(run: Path, frames: Path) -> None:
    said = verified(run, "--frames", str(frames), "--input", "3x3x32x64")
    assert f"on 3x3x32x64 (3 frames of {frames.name}) and other sizes (random images)" in said
    one = verified(run, "--frames", str(frames), "--input", "1x3x32x64")
    assert f"(1 frame of {frames.name})" in one


def test_without_images_random_ones_are_named(run: Path) -> None:
    said = verified(run)
    assert "and other sizes (random images)" in said
    assert "frame" not in said
    assert "normalisation" not in said


def test_the_normalisation_is_said_with_its_source(run: Path, frames: Path) -> None:
    assert "(ImageNet's, assumed" in verified(run, "--frames", str(frames))
    assert f"{SAID} (given)" in verified(run, "--frames", str(frames), *TYPED)


def test_the_normalisation_in_the_file_is_used(place: Path, frames: Path) -> None:
    done("prune", MODEL, *QUICK, "--frames", str(frames), *TYPED, "--name", "prepared")
    file = place / "runs" / "prepared" / "prepared.safetensors"
    said = done("verify", str(file), "--model", MODEL, "--frames", str(frames))
    assert f"{SAID} (of the artefact)" in said


def test_images_are_prepared_as_typed(run: Path, frames: Path) -> None:
    """The proof's frames are the folder's, less the mean and over the deviation."""
    file = run / "first.safetensors"
    given = Given((100.0, 110.0, 120.0), (50.0, 50.0, 50.0), (0.0, 255.0))
    proof = run_verify(file, model=MODEL, frames=frames, given=given)
    size = read_header(file).input
    assert size is not None
    used = Preprocessing(given.mean, given.std, None, (0.0, 255.0))  # type: ignore[arg-type]
    expected = read_batches(frames, 1, size, preprocessing=used)
    assert proof.frames is not None
    assert proof.frames.images.equal(expected.images)


@pytest.mark.parametrize("option", ["--mean", "--std"])
def test_a_normalisation_without_images_is_refused(run: Path, option: str) -> None:
    words = ("--model", MODEL, option, "0.5")
    result = segprune_("verify", str(run / "first.safetensors"), *words)
    assert result.exit_code != 0
    assert "--data" in result.output


def test_verify_proves_a_file_and_compares_numbers_with_the_dense_weights(run: Path) -> None:
    file = str(run / "first.safetensors")
    assert "not compared" in done("verify", file, "--model", MODEL)
    assert "and equal" in done("verify", file, "--model", MODEL, "--weights", "w.pt")
    words = ("--weights", "w.pt", "--trained")
    assert "not compared" in done("verify", file, "--model", MODEL, *words)


def test_verify_fails_where_numbers_are_not_the_dense_ones(run: Path) -> None:
    network = sys.modules["tiny_nets"].Net()
    torch.save(network.state_dict(), "others.pt")
    words = ("--model", MODEL, "--weights", "others.pt")
    result = segprune_("verify", str(run / "first.safetensors"), *words)
    assert result.exit_code == 1
    assert "value" in result.stdout
    assert "wide.weight" in result.stdout


def test_other_commands_say_that_a_file_is_of_torch(run: Path) -> None:
    torch.save(sys.modules["tiny_nets"].Net().state_dict(), "dense.pt")
    result = segprune_("verify", "dense.pt", "--model", MODEL)
    assert result.exit_code == 2
    assert "found a file of torch.save" in " ".join(result.output.split())
