"""An error is one red sentence that names what was wrong and what was written before it."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import typer
from PIL import Image

import segprune
from cli.runner import MODEL, QUICK, SIZE, done, runs, segprune_
from segprune.cli.errors import DEBUG, guarded

SOURCE = str(Path(segprune.__file__).parent.parent)
TAYLOR = (MODEL, "--importance", "taylor", "--frames")
WRONG: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "an unknown network": (("resnet",), ("resnet", "bisenetv2", "package.module:factory")),
    "an unknown module": (("no_nets:make",), ("no_nets",)),
    "a path": (("nets/tiny.py:Net",), ("package.module:factory",)),
    "an unknown attribute": (("tiny_nets:Nett",), ("Nett", "did you mean Net")),
    "a module that fails": (("broken_nets:make",), ("no_such_package",)),
    "a factory with arguments": (("tiny_nets:needs",), ("without arguments", "width")),
    "a factory that fails": (("tiny_nets:fails",), ("no such disk",)),
    "a factory that ends the program": (("tiny_nets:ends",), ("SystemExit",)),
    "a network without numbers": (("tiny_nets:shapes",), ("meta device",)),
    "no module made": (("tiny_nets:number",), ("torch.nn.Module", "int")),
    "classes for an own network": ((MODEL, "--num-classes", "3"), ("factory",)),
    "no classes": (("icnet", "--num-classes", "0"), ("num_classes",)),
    "a percentage": ((MODEL, "--budget", "macs=50"), ("50 percent is 0.5",)),
    "a bare number": ((MODEL, "--budget", "0.5"), ("macs=SHARE",)),
    "an unknown kind": ((MODEL, "--budget", "flops=0.5"), ("flops",)),
    "a budget of nothing": ((MODEL, "--budget", "macs=0"), ("above 0",)),
    "a budget in words": ((MODEL, "--budget", "macs=half"), ("half",)),
    "a budget out of reach": ((MODEL, "--budget", "macs=0.001"), ("smallest reachable",)),
    "a budget and layers": ((MODEL, "--budget", "macs=0.5", "--layer", "a=0.5"), ("--budget",)),
    "a layer without a share": ((MODEL, "--layer", "wide"), ("GLOB=SHARE",)),
    "a layer twice": ((MODEL, "--layer", "wide=0.5", "--layer", "wide=0.7"), ("twice",)),
    "an unknown layer": ((MODEL, "--layer", "wid=0.5"), ("wid", "wide")),
    "an unknown importance": ((MODEL, "--importance", "magic"), ("magic", "magnitude")),
    "taylor without images": ((MODEL, "--importance", "taylor"), ("--frames", "--data")),
    "fisher without images": ((MODEL, "--importance", "fisher"), ("--frames", "--data")),
    "an ignored layer that is not": ((MODEL, "--ignored-layers", "headd"), ("headd", "head")),
    "a size of three": ((MODEL, "--input", "3x32x64"), ("1x3x512x1024",)),
    "a size in words": ((MODEL, "--input", "large"), ("large",)),
    "a size that does not fit": ((MODEL, "--input", "1x4x32x64"), ("(1, 4, 32, 64)",)),
    "a size beyond any memory": ((MODEL, "--input", "1x3x32x99999999999"), ("at most 2^31",)),
    "a name that is too long": ((MODEL, "--name", "a" * 300), ("at most 200 bytes",)),
    "a name with a slash": ((MODEL, "--name", "a/b"), ("--name",)),
    "no name": ((MODEL, "--name", ""), ("name",)),
    "weights that are not there": ((MODEL, "--weights", "none.pt"), ("none.pt",)),
    "weights of another kind": ((MODEL, "--weights", "tiny_nets.py"), ("state dict",)),
    "weights of another network": (("bisenetv2", "--weights", "w.pt"), ("missing", "unknown")),
    "a whole module as weights": ((MODEL, "--weights", "module.pt"), ("module.pt",)),
    "weights of a pruned network": (
        (MODEL, "--weights", "runs/first/first.safetensors"), ("shape", "dense"),
    ),
    "weights that are not numbers": ((MODEL, "--weights", "nan.pt"), ("wide.weight", "NaN")),
    "images that are not there": ((MODEL, "--data", "none"), ("none", "nothing")),
    "a folder without images": ((MODEL, "--frames", "empty"), ("empty",)),
    "a damaged image": ((MODEL, "--frames", "damaged"), ("damaged/a.jpg",)),
    "an image without its label": ((*TAYLOR, "unlabelled"), ("b.jpg", "b.png")),
    "labels in colour": ((*TAYLOR, "coloured"), ("a.png", "indices")),
    "labels of more classes": ((*TAYLOR, "classes"), ("below 4", "200")),
    "images for four channels": (
        (MODEL, "--frames", "frames", "--input", "1x4x32x64"), ("three channels",),
    ),
    "heads of an own network": ((MODEL, "--deploy"), ("deploy",)),
}  # fmt: skip


@pytest.fixture(scope="module")
def bad_files(run: Path, place: Path, frames: Path) -> None:
    """Files that the table of wrong input names."""
    network = sys.modules["tiny_nets"].Net()
    torch.save(network, "module.pt")
    network.wide.weight.data[0, 0, 0, 0] = float("nan")
    torch.save(network.state_dict(), "nan.pt")
    (place / "empty").mkdir()
    (place / "damaged").mkdir()
    (place / "damaged" / "a.jpg").write_bytes(b"\xff\xd8\xff\xe0 no image")
    good = Image.fromarray(np.zeros((20, 30, 3), np.uint8))
    for name in ("unlabelled", "coloured", "classes"):
        for kind in ("images", "labels"):
            (place / name / kind).mkdir(parents=True)
        good.save(place / name / "images" / "a.jpg")
        good.save(place / name / "labels" / "a.png")
    good.save(place / "unlabelled" / "images" / "b.jpg")
    Image.fromarray(np.full((20, 30), 200, np.uint8)).save(place / "classes" / "labels" / "a.png")


@pytest.mark.usefixtures("bad_files")
@pytest.mark.parametrize("case", WRONG)
def test_bad_input_is_one_red_sentence_and_leaves_nothing(place: Path, case: str) -> None:
    words, expected = WRONG[case]
    before = runs(place)
    size = () if "--input" in words else SIZE
    result = segprune_("prune", *words, *size, "--no-speed")
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    errors = result.stderr.splitlines()
    assert len(errors) == 1, errors
    assert errors[0].startswith("error: ")
    assert len(errors[0].split()) >= 8
    for word in expected:
        assert word in errors[0], (word, errors[0])
    assert runs(place) == before


@pytest.mark.usefixtures("bad_files")
@pytest.mark.parametrize("folder", ["unlabelled", "coloured", "classes"])
def test_labels_that_nothing_needs_are_not_read(place: Path, folder: str) -> None:
    assert "proved" in done(
        "prune", MODEL, *QUICK, "--frames", folder, "--importance", "activation"
    )


@pytest.mark.parametrize("command", ["inspect", "verify"])
@pytest.mark.parametrize("kind", ["missing", "folder", "text", "flipped", "json"])
def test_files_that_are_none_are_refused(
    run: Path, tmp_path: Path, command: str, kind: str
) -> None:
    path = tmp_path / "wrong.safetensors"
    if kind == "folder":
        path = run
    elif kind == "text":
        path.write_text("no network\n" * 50)
    elif kind == "flipped":
        content = bytearray((run / "first.safetensors").read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
    elif kind == "json":
        path = tmp_path / "plan.json"
        path.write_text('{"schema": "segprune.plan/999"}')
    result = segprune_(command, str(path))
    assert result.exit_code == 2, result.output
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("error: ")


def test_a_users_file_is_not_verified_without_its_network(run: Path) -> None:
    result = segprune_("verify", str(run / "first.safetensors"))
    assert result.exit_code == 2
    assert "--model" in result.stderr


def test_an_unexpected_error_is_one_line_with_the_way_to_more(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("by [bold]zero[/bold]\nin two lines")

    monkeypatch.setattr("segprune.workflows.prune.trace", fail)
    result = segprune_("prune", MODEL, *QUICK)
    assert result.exit_code == 70
    assert result.stderr.count("\n") == 1
    assert "[bold]zero[/bold] in two lines" in result.stderr
    assert DEBUG in result.stderr
    shown = segprune_("prune", MODEL, *QUICK, **{DEBUG: "1"})
    assert isinstance(shown.exception, ZeroDivisionError)


def test_a_full_disk_is_a_sentence_and_no_surprise(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "runs/x/overlays")

    monkeypatch.setattr("segprune.workflows.prune.trace", fail)
    result = segprune_("prune", MODEL, *QUICK)
    assert result.exit_code == 2
    assert "runs/x/overlays: expected a place that can be written" in result.stderr
    assert "No space left on device" in result.stderr


def interrupt(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.usefixtures("place")
def test_an_interruption_before_anything_is_written_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("segprune.workflows.prune.save", interrupt)
    result = segprune_("prune", MODEL, *QUICK, "--name", "early")
    assert result.exit_code == 130
    assert "interrupted: nothing was written." in result.stderr


def test_an_interruption_after_results_were_written_names_them(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segprune.cli.render.prune.show_result", interrupt)
    result = segprune_("prune", MODEL, *QUICK, "--name", "late")
    assert result.exit_code == 130
    assert (place / "runs" / "late" / "late.safetensors").is_file()
    assert "nothing" not in result.stderr
    assert f"interrupted: written before that: {Path('runs', 'late')}." in result.stderr


def test_an_error_after_results_were_written_names_them(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise ValueError("no such colour")

    monkeypatch.setattr("segprune.cli.render.prune.show_result", fail)
    result = segprune_("prune", MODEL, *QUICK, "--name", "failed-late")
    assert result.exit_code == 70
    assert f"written before that: {Path('runs', 'failed-late')}." in result.stderr


def test_a_command_does_not_name_what_an_earlier_one_wrote(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done("prune", MODEL, *QUICK, "--name", "earlier")
    monkeypatch.setattr("segprune.workflows.prune.save", interrupt)
    assert "nothing was written" in segprune_("prune", MODEL, *QUICK).stderr


def test_a_request_to_end_that_python_dropped_is_noticed_by_the_next_step(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = runs(place)
    monkeypatch.setattr("segprune.cli.errors._END_REQUESTED", [True])
    result = segprune_("prune", MODEL, *QUICK)
    assert result.exit_code == 143
    assert "terminated: nothing was written." in result.stderr
    assert runs(place) == before


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM to send")
def test_a_killed_command_says_that_nothing_was_written(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "segprune", "prune", "bisenetv2", "--pairs", "1000000"]
    process = subprocess.Popen(
        [*command, *SIZE, "--out", str(tmp_path / "runs")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": SOURCE},
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()  # work has begun
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 143
    assert "terminated: nothing was written." in said


@pytest.mark.parametrize(("package", "extra"), [("torchvision", "train"), ("matplotlib", "report")])
def test_a_package_that_is_missing_is_named_with_the_extra_that_brings_it(
    package: str, extra: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def command() -> None:
        raise ModuleNotFoundError(f"No module named '{package}'", name=f"{package}.transforms")

    with pytest.raises(typer.Exit) as ended:
        guarded(command)()
    assert ended.value.exit_code == 2
    assert f"pip install 'segprune[{extra}]'" in capsys.readouterr().err
