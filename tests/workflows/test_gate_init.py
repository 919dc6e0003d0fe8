"""`segprune gate init` writes gates that run as they are, and changes nothing that is there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from typer.testing import CliRunner

import segprune
from segprune.cli import app
from segprune.core.modules import digest_of
from segprune.errors import InputError
from segprune.workflows.gate_init import run_gate_init
from segprune.workflows.jobs import GateJob

NETWORKS = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 16, 3, padding=1)
        self.last = nn.Conv2d(16, 3, 1)

    def forward(self, images):
        return self.last(torch.relu(self.first(images)))
"""
SIZE = (1, 3, 16, 32)
CHECKPOINTS = Path(__file__).parents[2] / "benchmarks" / "checkpoints"
FILES = ("test_half.py", "policy.toml", ".github/workflows/gates-half.yml")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository with a network, its pruned artefact, and four images with labels."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "road_nets.py").write_text(NETWORKS)
    names: dict[str, Any] = {}
    exec(NETWORKS, names)
    torch.manual_seed(0)
    dense = names["Net"]()
    torch.save(dense.state_dict(), tmp_path / "dense.pt")
    plan = segprune.make_plan(dense, torch.zeros(SIZE), budget={"macs": 0.5})
    small = segprune.prune(dense, plan)
    segprune.save(tmp_path / "half.safetensors", small, plan, metadata={"input": list(SIZE)})
    draw = np.random.default_rng(0)
    for number in range(4):
        for kind, shape, most in (("images", (16, 32, 3), 256), ("labels", (16, 32), 3)):
            pixels = draw.integers(0, most, shape, dtype=np.uint8)
            path = tmp_path / "frames" / "val" / kind / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
    (tmp_path / "frames" / "classes.toml").write_text('names = ["road", "car", "sky"]\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "road_nets", raising=False)
    return tmp_path


def job(folder: Path, **other: Any) -> GateJob:
    given: dict[str, Any] = {
        "artifact": folder / "half.safetensors", "dense": folder / "dense.pt",
        "model": "road_nets:Net", "data": "folder", "root": folder / "frames", "out": folder,
    }  # fmt: skip
    return GateJob(**{**given, **other})


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the written gates as a user would, in a process of their own."""
    hidden = ("PYTEST_", "SEGPRUNE_", "CI", "BUILD_NUMBER")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    environment["PYTHONPATH"] = str(Path(segprune.__file__).parents[1])
    command = [sys.executable, "-m", "pytest", "-W", "error", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def marker(module: Path) -> Any:
    """Return the marker that a written module declares."""
    names: dict[str, Any] = {"__file__": str(module)}
    exec(module.read_text(), names)
    return names["pytestmark"].mark, names


# ---------------------------------------------------------------- what is written runs


def test_the_written_gates_run_and_ask_for_a_baseline(repository: Path) -> None:
    run_gate_init(job(repository))
    result = run_pytest(repository)
    assert result.returncode == pytest.ExitCode.TESTS_FAILED
    assert "3 failed, 1 deselected" in result.stdout
    assert "half, accuracy: NOT_COMPARABLE" in result.stdout
    assert "pytest --segprune-accept" in result.stdout


@pytest.mark.slow
def test_they_are_green_once_a_baseline_was_accepted(repository: Path) -> None:
    """The commands are those of the written workflow; the numbers of the policy are edited."""
    run_gate_init(job(repository))
    policy = repository / "policy.toml"
    text = re.sub(r"(?m)^miou_loss = \S+", "miou_loss = 10", policy.read_text())
    text = re.sub(r"(?m)^class_loss = \S+", "class_loss = 100", text)
    policy.write_text(re.sub(r"(?m)^speedup = \S+", "speedup = 0.01", text))
    accepted = run_pytest(repository, "--segprune-accept")
    assert accepted.returncode == pytest.ExitCode.TESTS_FAILED  # on purpose
    assert "half: written to half.json" in accepted.stdout, accepted.stdout
    workflow = yaml.safe_load((repository / FILES[2]).read_text())
    commands = [step.get("run", "") for step in workflow["jobs"]["gates"]["steps"]]
    correctness = next(command for command in commands if command.startswith("pytest"))
    green = run_pytest(repository, *correctness.split()[1:])
    assert green.returncode == 0, green.stdout
    assert "3 passed" in green.stdout
    assert (repository / "gates" / "segprune.md").exists()


def test_the_command_says_what_it_wrote_and_what_comes_next(repository: Path) -> None:
    words = [
        "gate", "init", "--model", "road_nets:Net", "--artifact", "half.safetensors", "--dense",
        "dense.pt", "--data", "folder", "--root", "frames",
    ]  # fmt: skip
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    for file in FILES:
        assert (repository / file).is_file()
        assert file in result.stdout
    assert "next: pytest --segprune-accept" in result.stdout
    again = CliRunner().invoke(app, words)
    assert again.exit_code == 2
    assert "is not overwritten" in " ".join(again.stderr.split())
    missing = CliRunner().invoke(app, ["gate", "init", "--artifact", "nosuch.safetensors"])
    assert missing.exit_code == 2
    assert "nosuch.safetensors: expected a file, found none" in missing.stderr


# ---------------------------------------------------------------- what is written says


def test_the_policy_asks_for_the_size_that_the_artefact_has(repository: Path) -> None:
    """Counted by hand: 16 of 16 and 3 of 3 channels before, K of 16 after, of one network."""
    run_gate_init(job(repository))
    kept = segprune.load("half.safetensors", __import__("road_nets").Net()).first.out_channels
    dense, small = (3 * 9 * n + 3 * n for n in (16, kept))
    text = (repository / "policy.toml").read_text()
    macs = float(re.search(r"(?m)^macs = (\S+)", text).group(1))  # type: ignore[union-attr]
    assert 0 <= macs - small / dense <= 0.001
    dense, small = ((3 * 9 + 1) * n + (n + 1) * 3 for n in (16, kept))
    params = float(re.search(r"(?m)^params = (\S+)", text).group(1))  # type: ignore[union-attr]
    assert 0 <= params - small / dense <= 0.001


def test_a_folder_of_its_own_finds_the_network_and_has_its_workflow_at_the_top(
    repository: Path,
) -> None:
    (repository / "gates").mkdir()
    files = run_gate_init(job(repository, out=repository / "gates", name="road-half"))
    assert files.test == repository / "gates" / "test_road_half.py"
    assert files.workflow == repository / ".github" / "workflows" / "gates-road_half.yml"
    workflow = yaml.safe_load(files.workflow.read_text())
    assert workflow["jobs"]["gates"]["defaults"]["run"]["working-directory"] == "gates"
    before = sys.path[:]
    mark, _ = marker(files.test)
    added, sys.path[:] = [path for path in sys.path if path not in before], before
    assert [Path(path).resolve() for path in added] in ([repository], [])
    assert 'sys.path.insert(0, str(Path(__file__).parent / ".."))' in files.test.read_text()
    assert mark.args == ("road-half",)
    for name, file in (("artifact", "half.safetensors"), ("weights", "dense.pt")):
        assert (files.test.parent / mark.kwargs[name]).resolve() == repository / file
    assert (files.test.parent / mark.kwargs["root"]).resolve() == repository / "frames"


def test_images_that_are_not_with_the_repository_may_be_missing(
    repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A path of one machine is not written down."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (repository / "frames").rename(elsewhere / "frames")
    files = run_gate_init(job(repository, root=elsewhere / "frames"))
    mark, _ = marker(files.test)
    assert mark.kwargs["skip_without_data"] is True
    assert "root" not in mark.kwargs
    written = "".join(path.read_text() for path in (files.test, files.policy, files.workflow))
    assert str(elsewhere) not in written
    assert "SEGPRUNE_DATA: folder=" in files.workflow.read_text()


def test_a_built_in_network_needs_no_factory(repository: Path) -> None:
    """Its dense file may rebuild it, or hold weights alone: then the module builds it."""
    for name in ("dense", "macs50"):
        shutil.copy(CHECKPOINTS / f"icnet-streets-{name}.safetensors", f"{name}.safetensors")
    dense = segprune.load("dense.safetensors")
    torch.save(dense.state_dict(), "built.pt")
    built = {"artifact": Path("macs50.safetensors"), "model": None, "data": "streets", "root": None}
    whole = run_gate_init(job(repository, **built, dense=Path("dense.safetensors"), name="whole"))
    mark, _ = marker(whole.test)
    assert mark.kwargs["dense"] == "dense.safetensors"
    assert "weights" not in mark.kwargs
    whole.policy.unlink()
    weights = run_gate_init(job(repository, **built, dense=Path("built.pt")))
    mark, names = marker(weights.test)
    assert mark.kwargs["weights"] == "built.pt"
    assert mark.kwargs["dense"] is names["make_dense"]
    assert digest_of(names["make_dense"]()) == digest_of(dense)


def test_the_size_of_an_image_is_asked_for_where_no_file_says_it(repository: Path) -> None:
    header = segprune.artifacts.read_header("half.safetensors")
    network = __import__("road_nets").Net()
    segprune.save("plain.safetensors", segprune.load("half.safetensors", network), header.plan)
    plain = {"artifact": Path("plain.safetensors")}
    with pytest.raises(InputError, match="pass --input"):
        run_gate_init(job(repository, **plain))
    files = run_gate_init(job(repository, **plain, input=SIZE))
    assert marker(files.test)[0].kwargs["input"] == SIZE


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize("taken", FILES)
def test_nothing_is_overwritten_and_nothing_else_is_written(repository: Path, taken: str) -> None:
    (repository / taken).parent.mkdir(parents=True, exist_ok=True)
    (repository / taken).write_text("mine")
    with pytest.raises(InputError, match=re.escape(Path(taken).name)):
        run_gate_init(job(repository))
    assert (repository / taken).read_text() == "mine"
    assert [file for file in FILES if (repository / file).exists()] == [taken]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no network": ({"model": None}, "model: expected package.module:factory of the dense Net"),
    "a built-in name": ({"model": "icnet"}, "found icnet; pass --model"),
    "a strange name": ({"name": "../half"}, "name: expected up to 100 letters"),
    "no images": ({"root": Path("nowhere")}, "nowhere"),
    "an unknown data set": ({"data": "roads", "root": None}, "roads"),
    "no folder": ({"out": Path("nowhere")}, "out: expected a folder"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_cannot_be_gated_is_refused_by_name(repository: Path, wrong: str) -> None:
    change, says = WRONG[wrong]
    with pytest.raises(InputError, match=re.escape(says)):
        run_gate_init(job(repository, **change))
    assert not any((repository / file).exists() for file in FILES)


def test_another_dense_network_is_refused_before_anything_is_written(repository: Path) -> None:
    text = NETWORKS.replace("16", "20")
    (repository / "road_nets.py").write_text(text)
    names: dict[str, Any] = {}
    exec(text, names)
    torch.save(names["Net"]().state_dict(), "dense.pt")
    with pytest.raises(InputError, match="pruned from another"):
        run_gate_init(job(repository))
    assert not any((repository / file).exists() for file in FILES)


def test_a_file_that_ci_does_not_check_out_is_refused(
    repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "half.safetensors"
    (repository / "half.safetensors").rename(outside)
    with pytest.raises(InputError, match="which CI checks out"):
        run_gate_init(job(repository, artifact=outside))
