"""Old spellings are accepted for one version, with a note that names the new one."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.runner import MODEL, QUICK, SIZE, segprune_
from segprune.records.io import read_record
from segprune.records.prune import PruneRecord


def test_a_folder_given_as_data_is_taken_for_frames(run: Path, frames: Path) -> None:
    words = ("prune", MODEL, *QUICK, "--weights", "w.pt")
    for option, name in (("--data", "old"), ("--frames", "new")):
        result = segprune_(*words, option, str(frames), "--name", name)
        assert result.exit_code == 0, result.output
        noted = f"--frames {frames}" in " ".join(result.stderr.split())
        assert noted == (option == "--data"), result.stderr
    old, new = (read_record(PruneRecord, Path("runs", n, "record.json")) for n in ("old", "new"))
    assert (old.frames, old.frames_digest) == (new.frames, new.frames_digest)
    assert old.plan == new.plan
    assert old.command[3:] == new.command[3:]
    assert "--frames" in new.command


@pytest.mark.parametrize("command", ["verify", "sensitivity"])
def test_each_command_that_took_a_folder_as_data_takes_it_still(
    run: Path, frames: Path, command: str
) -> None:
    words = {
        "verify": (str(run / "first.safetensors"), "--model", MODEL),
        "sensitivity": (MODEL, *SIZE, "--layers", "wide"),
    }[command]
    result = segprune_(command, *words, "--data", str(frames))
    assert result.exit_code == 0, result.output
    assert f"--frames {frames}" in " ".join(result.stderr.split())


def test_number_of_classes_and_timing_by_their_old_names(place: Path) -> None:
    result = segprune_("prune", "bisenetv2", "--classes", "3", "--no-measure", "--input", "0x0")
    said = " ".join(result.stderr.split())
    assert "--classes: the old name of --num-classes" in said
    assert "--no-measure: the old name of --no-speed" in said


@pytest.mark.parametrize("command", ["prune", "verify", "sensitivity"])
def test_old_names_are_not_in_the_help(command: str) -> None:
    said = segprune_(command, "--help").stdout
    assert "--classes" not in said
    assert "--measure" not in said
    assert "--no-measure" not in said
    assert "--frames" in said


def test_frames_beside_a_data_set_and_a_root_without_one_are_refused(frames: Path) -> None:
    both = segprune_("prune", MODEL, *QUICK, "--frames", str(frames), "--data", "streets")
    assert both.exit_code == 2
    assert "--data: expected no frames beside streets" in both.stderr
    alone = segprune_("prune", MODEL, *QUICK, "--root", str(frames))
    assert alone.exit_code == 2
    assert "--root: expected the name of a data set beside it" in alone.stderr
