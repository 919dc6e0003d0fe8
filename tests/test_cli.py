"""The command line on tiny networks: what it says, what it writes, and what it refuses."""

from __future__ import annotations

import errno
import json
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import typer
from PIL import Image
from typer.testing import CliRunner, Result

import segprune
from segprune.cli import app
from segprune.cli.guard import DEBUG, guarded
from segprune.cli.parsing import parse_budget, parse_input, parse_shares
from segprune.cli.words import amount, percent, reasons_for_speed, size_of
from segprune.pipeline import PruneRecord
from segprune.records import read_record
from segprune.speed import Pair, summarise

NETWORKS = '''
import torch
from torch import nn


class Net(nn.Module):
    """4 classes; a residual, a depthwise convolution, and nothing that must stay."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU())
        self.depth = nn.Conv2d(16, 16, 3, padding=1, groups=16)
        self.wide = nn.Conv2d(16, 48, 3, padding=1)
        self.head = nn.Conv2d(48, 4, 1)

    def forward(self, x):
        x = self.stem(x)
        return self.head(torch.relu(self.wide(x + self.depth(x))))


class Literal(Net):
    def forward(self, x):
        x = self.stem(x)
        x = x.view(-1, 16, x.shape[2], x.shape[3])
        return self.head(torch.relu(self.wide(x + self.depth(x))))


class Space:
    Net = Net


def needs(width):
    return Net()


def number():
    return 3


def fails():
    raise OSError("no such disk\\nin two lines")


instance = Net()
'''
MODEL = "tiny_nets:Net"
SIZE = ("--input", "1x3x32x64")
QUICK = (*SIZE, "--no-measure")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder to work in, with a module of networks; the process is left as it was."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "tiny_nets.py").write_text(NETWORKS)
    (folder / "broken_nets.py").write_text("import no_such_package\n")
    before, path = Path.cwd(), sys.path[:]
    os.chdir(folder)
    yield folder
    os.chdir(before)
    sys.path[:] = path
    for name in ("tiny_nets", "broken_nets"):
        sys.modules.pop(name, None)


def segprune_(*words: str, **variables: str) -> Result:
    """Run a command as if in a terminal of 100 columns."""
    return CliRunner().invoke(app, list(words), env={"COLUMNS": "100", **variables})


def done(*words: str) -> str:
    """What a command that must succeed prints, on one line per line that was meant."""
    result = segprune_(*words)
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.split())


def runs(folder: Path) -> list[str]:
    """Everything below runs/, hidden files too."""
    return sorted(os.listdir(folder / "runs")) if (folder / "runs").exists() else []


@pytest.fixture(scope="module")
def run(place: Path) -> Path:
    """The folder of a run with weights and measurement."""
    torch.manual_seed(1)
    module = __import__("tiny_nets") if str(place) in sys.path else _imported(place)
    network = module.Net()
    torch.save({"state_dict": {f"module.{k}": v for k, v in network.state_dict().items()}}, "w.pt")
    segprune_output = done(
        "prune", MODEL, *SIZE, "--weights", str(place / "w.pt"), "--name", "first", "--pairs", "6"
    )
    assert "proved" in segprune_output
    return place / "runs" / "first"


def _imported(place: Path) -> Any:
    sys.path.insert(0, str(place))
    return __import__("tiny_nets")


@pytest.fixture(scope="module")
def frames(place: Path) -> Path:
    """Images with labels of 4 classes, in the layout of data sets."""
    rng = np.random.default_rng(0)
    for number in range(5):
        for kind, mode, suffix in (("images", "RGB", "jpg"), ("labels", "L", "png")):
            shape = (20, 30, 3) if mode == "RGB" else (20, 30)
            pixels = rng.integers(0, 255 if mode == "RGB" else 4, shape, dtype=np.uint8)
            path = place / "frames" / kind / "drive" / f"{number}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
    return place / "frames"


# ---------------------------------------------------------------- prune


def test_a_run_leaves_an_artefact_a_plan_and_a_record(run: Path) -> None:
    assert sorted(os.listdir(run)) == ["first.safetensors", "plan.json", "record.json"]
    plan = segprune.PrunePlan.from_json((run / "plan.json").read_text())
    record = read_record(PruneRecord, run / "record.json")
    assert segprune.read_header(run / "first.safetensors").plan == plan
    assert record.plan == plan.digest
    assert record.violations == ()
    assert record.speed is not None
    assert record.speed.pairs == 6
    assert record.environment.torch == torch.__version__


def test_the_numbers_of_a_record_are_those_of_the_networks(run: Path) -> None:
    record = read_record(PruneRecord, run / "record.json")
    dense = sys.modules["tiny_nets"].Net()
    small = segprune.load(run / "first.safetensors", dense)
    image = torch.rand(1, 3, 32, 64)
    for network, size in ((dense, record.dense), (small, record.pruned)):
        assert size.params == sum(p.numel() for p in network.parameters())
        assert size.macs == segprune.cost(network, image).macs
    assert 0.49 < record.pruned.macs / record.dense.macs <= 0.5
    assert record.pruned.file_bytes == (run / "first.safetensors").stat().st_size
    assert record.difference < 1e-5


def test_the_artefact_holds_the_weights_that_were_given(run: Path) -> None:
    weights = torch.load("w.pt", weights_only=True)["state_dict"]
    small = segprune.load(run / "first.safetensors", sys.modules["tiny_nets"].Net())
    kept = list(segprune.read_header(run / "first.safetensors").plan.kept["wide.bias"][0])
    assert torch.equal(small.wide.bias, weights["module.wide.bias"][kept])


def test_a_record_holds_no_path_and_no_host_name(run: Path, place: Path) -> None:
    text = (run / "record.json").read_text()
    assert str(place) not in text
    assert "--weights" in text
    assert len(platform.node()) < 5 or platform.node() not in text


def test_the_first_line_says_that_weights_are_random(place: Path) -> None:
    first = segprune_("prune", "bisenetv2", "--input", "0x3").stdout.splitlines()
    assert first == []  # a bad option comes before
    for model in ("bisenetv2", MODEL):
        line = segprune_("prune", model, "--name", "a/b").stdout.splitlines()[0]
        assert "random" in line
        assert model in line
    line = segprune_("prune", MODEL, "--name", "a/b", "--weights", "w.pt").stdout.splitlines()[0]
    assert "weights are random" not in line


@pytest.mark.slow
def test_a_built_in_network_is_pruned_and_verified_without_its_heads(place: Path) -> None:
    words = ("--input", "1x3x64x64", "--no-measure", "--deploy", "--half", "--name", "deployed")
    said = done("prune", "bisenetv2", *words, "--classes", "5", "--budget", "params=0.6")
    assert "half precision, no auxiliary heads" in said
    file = place / "runs" / "deployed" / "deployed.safetensors"
    assert not any("aux" in name for name in segprune.load(file).state_dict())
    record = read_record(PruneRecord, place / "runs" / "deployed" / "record.json")
    dense = segprune.build("bisenetv2", num_classes=5, aux=False)
    assert record.dense.params == sum(p.numel() for p in dense.parameters())
    assert 0.59 < record.pruned.params / record.dense.params <= 0.6
    assert "proved" in done("verify", str(file))
    assert "aux" not in done("inspect", str(file)).replace("aux=False", "")


def test_frames_are_looked_at_and_proved_on(place: Path, frames: Path) -> None:
    said = done(
        "prune", MODEL, *QUICK, "--data", str(frames), "--importance", "taylor", "--name", "taylor"
    )
    assert "on 5 frames" in said
    record = read_record(PruneRecord, place / "runs" / "taylor" / "record.json")
    assert record.frames == 5
    assert record.frames_digest is not None
    assert record.command[-2:] == ("--data", "frames") or "frames" in record.command


def test_what_must_stay_is_told_with_the_users_line(place: Path) -> None:
    said = done("prune", "tiny_nets:Literal", *QUICK, "--name", "literal")
    assert "must stay" in said
    assert "tiny_nets.py:" in said
    assert "can be removed" in said


def test_layers_are_pruned_by_name(place: Path) -> None:
    done("prune", MODEL, *QUICK, "--layer", "wide=0.25", "--name", "layers", "--ignore", "stem")
    record = read_record(PruneRecord, place / "runs" / "layers" / "record.json")
    assert record.shares == {"wide": 0.25}
    plan = segprune.PrunePlan.from_json((place / "runs" / "layers" / "plan.json").read_text())
    assert len(plan.kept["wide.weight"][0]) == 12
    assert "stem.0.weight" not in plan.kept


def test_a_run_without_a_name_takes_one_that_is_free(place: Path) -> None:
    for _ in range(2):
        done("prune", MODEL, *QUICK, "--out", "other", "--budget", "channels=0.8")
    assert sorted(os.listdir("other")) == [
        "Net-channels-0.8-magnitude", "Net-channels-0.8-magnitude-2",
    ]  # fmt: skip


def test_a_name_that_is_taken_is_replaced_only_when_asked_for(run: Path, place: Path) -> None:
    words = ("prune", MODEL, *QUICK, "--name", "twice")
    done(*words)
    refused = segprune_(*words)
    assert refused.exit_code == 2
    assert "--replace" in refused.stderr
    done(*words, "--replace", "--seed", "7")
    assert read_record(PruneRecord, place / "runs" / "twice" / "record.json").seed == 7


@pytest.mark.parametrize("model", ["tiny_nets:instance", "tiny_nets:Space.Net"])
def test_a_reference_may_name_an_instance_or_go_through_dots(place: Path, model: str) -> None:
    assert "proved" in done("prune", model, *QUICK)


def test_a_network_that_is_only_masked_fails_and_leaves_nothing(
    run: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = runs(place)
    monkeypatch.setattr("segprune.pipeline.prune.prune", segprune.mask)
    result = segprune_("prune", MODEL, *QUICK, "--name", "masked")
    assert result.exit_code == 1
    assert "masked" in result.stdout
    assert "Nothing was written" in result.stdout
    assert result.stdout.count("expected (") == len(_changed(run))  # every wrong shape is listed
    assert runs(place) == before


def _changed(run: Path) -> list[str]:
    return list(segprune.PrunePlan.from_json((run / "plan.json").read_text()).kept)


@pytest.mark.parametrize(
    ("error", "status"),
    [(KeyboardInterrupt(), 130), (OSError(28, "No space left"), 2), (SystemExit(143), 143)],
)
@pytest.mark.parametrize("step", ["save", "write_atomic", "write_record", "verify"])
def test_an_interruption_at_any_step_leaves_nothing(
    place: Path, monkeypatch: pytest.MonkeyPatch, step: str, error: BaseException, status: int
) -> None:
    before = runs(place)

    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(f"segprune.pipeline.prune.{step}", fail)
    result = segprune_("prune", MODEL, *QUICK, "--name", "interrupted")
    assert result.exit_code == status
    assert "Traceback" not in result.output
    assert runs(place) == before


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM to send")
def test_a_killed_run_leaves_nothing(place: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "segprune", "prune", MODEL, "--pairs", "1000000", "--out"]
    source = Path(segprune.__file__).parent.parent
    process = subprocess.Popen(
        [*command, str(tmp_path / "runs"), *SIZE],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env={**os.environ, "PYTHONPATH": str(source)},
    )  # fmt: skip
    assert process.stdout is not None
    with process.stdout:
        process.stdout.readline()  # work has begun
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=120) == 128 + signal.SIGTERM
    assert not list(tmp_path.rglob("*.*"))


# ---------------------------------------------------------------- inspect, verify, sensitivity


def test_inspect_shows_every_layer_and_the_digests(run: Path) -> None:
    plan = segprune.PrunePlan.from_json((run / "plan.json").read_text())
    for file in ("first.safetensors", "plan.json"):
        said = done("inspect", str(run / file))
        assert f"wide 48 {len(plan.kept['wide.weight'][0])}" in said
        assert "head 4 4 100 %" in said
        assert plan.digest[:40] in said.replace(" ", "")
    assert "MACs" in done("inspect", str(run / "record.json"))


def test_inspect_reads_files_that_were_saved_from_python(place: Path, tmp_path: Path) -> None:
    model, image = sys.modules["tiny_nets"].Net(), torch.rand(1, 3, 32, 64)
    plan = segprune.make_plan(model, image)
    segprune.save(tmp_path / "own.safetensors", segprune.prune(model, plan), plan)
    assert "wide ? " in done("inspect", str(tmp_path / "own.safetensors"))


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


def test_sensitivity_measures_every_layer_alone(place: Path, frames: Path) -> None:
    said = done("sensitivity", MODEL, *SIZE, "--data", str(frames), "--name", "sense")
    assert "wide 48 → 24" in said
    record = json.loads((place / "runs" / "sense" / "sensitivity.json").read_text())
    errors = [row["error"] for row in record["layers"]]
    assert errors == sorted(errors)
    assert all(0 < row["macs"] < 1 and 0 < row["params"] < 1 for row in record["layers"])
    tied = next(row for row in record["layers"] if "stem.0" in row["layers"])
    assert tied["layers"] == ["stem.0", "depth"]
    shown = done("inspect", str(place / "runs" / "sense" / "sensitivity.json"))
    assert all(row["layers"][0] in shown for row in record["layers"])
    assert "stem.0 (+1 tied)" in shown


def test_sensitivity_agrees_with_pruning_by_hand(place: Path) -> None:
    words = ("--layers", "wide", "--weights", "w.pt", "--name", "one")
    torch.save(sys.modules["tiny_nets"].Net().state_dict(), "w2.pt")
    done("sensitivity", MODEL, *SIZE, *words[:2], "--weights", "w2.pt", *words[4:])
    (row,) = json.loads((place / "runs" / "one" / "sensitivity.json").read_text())["layers"]
    model = sys.modules["tiny_nets"].Net().eval()
    model.load_state_dict(torch.load("w2.pt", weights_only=True))
    image = torch.randn(1, 3, 32, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        wanted = model(image)
        norms = model.wide.weight.flatten(1).norm(dim=1)
        gone = norms.argsort()[:24]
        model.head.weight[:, gone] = 0
        found = model(image)
    error = (found - wanted).norm() / wanted.norm()
    assert row["error"] == pytest.approx(error.item(), rel=1e-4)
    changed = (found.argmax(1) != wanted.argmax(1)).double().mean().item()
    assert row["changed"] == pytest.approx(changed, abs=1e-6)


# ---------------------------------------------------------------- bad input

TAYLOR = (MODEL, "--importance", "taylor", "--data")
WRONG: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "an unknown network": (("resnet",), ("resnet", "bisenetv2", "package.module:factory")),
    "an unknown module": (("no_nets:make",), ("no_nets",)),
    "a path": (("nets/tiny.py:Net",), ("package.module:factory",)),
    "an unknown attribute": (("tiny_nets:Nett",), ("Nett", "did you mean Net")),
    "a module that fails": (("broken_nets:make",), ("no_such_package",)),
    "a factory with arguments": (("tiny_nets:needs",), ("without arguments", "width")),
    "a factory that fails": (("tiny_nets:fails",), ("no such disk",)),
    "no module made": (("tiny_nets:number",), ("torch.nn.Module", "int")),
    "classes for an own network": ((MODEL, "--classes", "3"), ("factory",)),
    "no classes": (("icnet", "--classes", "0"), ("num_classes",)),
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
    "taylor without images": ((MODEL, "--importance", "taylor"), ("--data",)),
    "an ignored layer that is not": ((MODEL, "--ignore", "headd"), ("headd", "head")),
    "a size of three": ((MODEL, "--input", "3x32x64"), ("1x3x512x1024",)),
    "a size in words": ((MODEL, "--input", "large"), ("large",)),
    "a size that does not fit": ((MODEL, "--input", "1x4x32x64"), ("(1, 4, 32, 64)",)),
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
    "a folder without images": ((MODEL, "--data", "empty"), ("empty",)),
    "a damaged image": ((MODEL, "--data", "damaged"), ("damaged/a.jpg",)),
    "an image without its label": ((*TAYLOR, "unlabelled"), ("b.jpg", "b.png")),
    "labels in colour": ((*TAYLOR, "coloured"), ("a.png", "indices")),
    "labels of more classes": ((*TAYLOR, "classes"), ("below 4", "200")),
    "images for four channels": (
        (MODEL, "--data", "frames", "--input", "1x4x32x64"), ("three channels",),
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
    result = segprune_("prune", *words, *size, "--no-measure")
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
    assert "proved" in done("prune", MODEL, *QUICK, "--data", folder, "--importance", "activation")


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


def test_layers_that_match_nothing_are_refused(place: Path) -> None:
    result = segprune_("sensitivity", MODEL, *SIZE, "--layers", "nothing.*")
    assert result.exit_code == 2
    assert "nothing.*" in result.stderr


def test_an_unexpected_error_is_one_line_with_the_way_to_more(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("by [bold]zero[/bold]\nin two lines")

    monkeypatch.setattr("segprune.pipeline.prune.trace", fail)
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

    monkeypatch.setattr("segprune.pipeline.prune.trace", fail)
    result = segprune_("prune", MODEL, *QUICK)
    assert result.exit_code == 2
    assert "runs/x/overlays: expected a place that can be written" in result.stderr
    assert "No space left on device" in result.stderr


# ---------------------------------------------------------------- words


@pytest.mark.parametrize("command", [[], ["prune"], ["inspect"], ["verify"], ["sensitivity"]])
def test_help_teaches_by_examples_that_can_be_parsed(command: list[str]) -> None:
    result = segprune_(*command, "--help")
    assert result.exit_code == 0
    examples = [line.split() for line in result.stdout.splitlines() if "  segprune " in line]
    assert examples
    known = {c.name or c.callback.__name__ for c in app.registered_commands if c.callback}
    assert {words[1] for words in examples} <= known


def test_the_version_is_that_of_the_package() -> None:
    assert segprune_("--version").stdout.startswith("segprune ")


@pytest.mark.parametrize("speedup", [1.0, 0.8])
def test_smaller_but_not_faster_is_said_with_reasons(
    run: Path, monkeypatch: pytest.MonkeyPatch, speedup: float
) -> None:
    import dataclasses

    from segprune.cli.show import show_result

    record = read_record(PruneRecord, run / "record.json")
    pairs = [Pair(10 * speedup, 10.0, True)] * 10
    slow = summarise(pairs, 0.95, batch=1, threads=1, device="cpu")
    changed = dataclasses.replace(
        record, speed=slow, widths=(9, 1), depthwise=(3, 4),
        pruned=dataclasses.replace(
            record.pruned, activation_bytes=record.dense.activation_bytes
        ),
    )  # fmt: skip
    reasons = " ".join(reasons_for_speed(changed))
    assert "--round-to 8" in reasons
    assert "memory" in reasons
    assert "depthwise" in reasons
    assert reasons_for_speed(dataclasses.replace(changed, widths=(9, 9), round_to=8)) != reasons
    said = CliRunner()
    monkeypatch.setenv("COLUMNS", "100")
    with said.isolation() as (out, _, _):
        show_result(changed, None)
        sys.stdout.flush()
        text = " ".join(out.getvalue().decode().split())
    assert "smaller but not faster" in text
    assert ("it is slower" in text) == (speedup < 1)


def test_numbers_in_words() -> None:
    assert [amount(n) for n in (7, 1500, 3_340_000, 10.6e9)] == ["7", "1.50 k", "3.34 M", "10.60 G"]
    assert amount(547_000_000, like=1.1e9) == "0.55 G"
    assert [size_of(n) for n in (512, 2**20)] == ["0.5 KiB", "1.0 MiB"]
    assert [percent(s) for s in (0, 0.0001, 0.5, 0.9999, 1, 1.312)] == [
        "0 %", "<0.1 %", "50 %", "99.9+ %", "100 %", "131.2 %",
    ]  # fmt: skip


def test_options_become_values() -> None:
    assert parse_budget("params=0.25") == {"params": 0.25}
    assert parse_input("2x3x64X128") == (2, 3, 64, 128)
    assert parse_input("64x128") == (1, 3, 64, 128)
    assert parse_shares(["a=b=0.5", "c.*=1"]) == {"a=b": 0.5, "c.*": 1.0}


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


@pytest.mark.parametrize("own", [None, "ACTIVE"])
def test_threads_wait_asleep_unless_told_otherwise(own: str | None) -> None:
    """OpenMP asks once, when torch is imported."""
    script = (
        "import os, sys\nimport segprune.cli as cli\n"
        "cli.app = lambda **_: print('torch' in sys.modules, os.environ['OMP_WAIT_POLICY'])\n"
        "cli.main()"
    )
    environment = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}
    if own is not None:
        environment["OMP_WAIT_POLICY"] = own
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", own or "PASSIVE"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks Linux for page faults")
@pytest.mark.parametrize("own", [None, "MALLOC_ARENA_MAX", "GLIBC_TUNABLES"])
def test_what_a_step_frees_the_next_one_takes_unless_told_otherwise(own: str | None) -> None:
    """The kernel counts the pages it hands out: in the end none, or those of every step."""
    script = (
        "import resource, segprune.cli.memory as memory\n"
        "faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "step = lambda: [bytearray(30_000_000) for _ in range(3)]\n"
        "memory.keep_memory()\n"
        "for _ in range(9): before = faults(); step()\n"
        "print(faults() - before)"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC", "GLIBC"))}
    if own is not None:
        environment[own] = "glibc.malloc.arena_max=2" if own == "GLIBC_TUNABLES" else "2"
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert (int(done.stdout) > 10_000) == (own is not None)
