"""A small repository of a user's: a network, its pruned artefact, and gates; with a made-up clock.

`Repository` writes it into a folder and runs pytest there, in this process. Speeds come from a
script instead of a clock: dense takes `ratio` times as long as pruned.

Everything that the inner session imports is imported here first: pytester forgets what came in
within, and torchvision cannot be loaded twice.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import segprune.core.verification.verify
import segprune.data.streets
import segprune.pytest_plugin.json_report  # noqa: F401
from segprune.gates.speed import gate_speed
from segprune.pytest_plugin import gate_speed as gate_module
from segprune.speed import Pair, SpeedComparison, summarise
from segprune.speed.statistics import LOOKS

__all__ = [
    "CASE",
    "GREEN",
    "LEFT_OUT",
    "POLICY",
    "RED",
    "REFUSED",
    "UNJUDGED",
    "Repository",
    "another_case",
    "below",
    "output",
    "settings",
    "table_row",
    "with_another_test",
    "without_tests",
]

GREEN, RED, REFUSED = (
    pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.USAGE_ERROR,
)  # fmt: skip

CASE = "mine-half"
UNJUDGED = f"{CASE}.json: expected a test that judges this baseline, found none"
LEFT_OUT = "left out by the command line of this run: "
BUDGET = '{"miou_loss": 12, "class_loss": 99, "speedup": 1.5, "macs": 0.6}'

POLICY = """
schema = "segprune.policy/1"
[budgets.macs50]
macs = 0.6
miou_loss = 12
class_loss = 99
speedup = 1.0
"""

NETWORKS = """
import pathlib
import torch
from torch import nn
import segprune, segprune.records.preprocessing

class Mine(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 16, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(16)
        self.last = nn.Conv2d(16, 11, 1)

    def forward(self, images):
        return self.last(torch.relu(self.norm(self.first(images))))

def make_network():
    network = Mine().eval()
    network.load_state_dict(torch.load(pathlib.Path(__file__).with_name("dense.pt")))
    return network

def fit_network(path):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Mine().eval()
    # The last layer by least squares, so that it tells the sky from the road.
    rows, wanted = [], []
    for sample in scenes():
        image = segprune.records.preprocessing.Preprocessing()(sample.image[None])
        rows.append(torch.relu(network.norm(network.first(image)))[0].flatten(1).T.detach())
        wanted.append(torch.eye(11)[sample.label[::2, ::2].long().clamp(max=10)].flatten(0, 1))
    inputs = torch.nn.functional.pad(torch.cat(rows), (0, 1), value=1.0).double()
    found = torch.linalg.lstsq(inputs, torch.cat(wanted).double()).solution.float()
    with torch.no_grad():
        network.last.weight.copy_(found[:-1].T[..., None, None])
        network.last.bias.copy_(found[-1])
    torch.save(network.state_dict(), path)

def scenes():
    return segprune.open_dataset("streets", count=24, size=(32, 64), cache=True)

def write_artifact(path="half.safetensors", budget=0.5):
    example = torch.zeros(1, 3, 32, 64)
    plan = segprune.make_plan(make_network(), example, budget={"macs": budget})
    small = segprune.prune(make_network(), plan)
    metadata = {"input": [1, 3, 32, 64]}
    return segprune.save(path, small, plan, metadata=metadata)
"""

GATES = f'''
import pytest
from my_networks import make_network, scenes

pytestmark = pytest.mark.segprune(
    "{CASE}", dense=make_network, artifact="half.safetensors", data=scenes, budget={BUDGET},
)

def test_size(segprune_gate):
    segprune_gate.size()

def test_proof(segprune_gate):
    segprune_gate.proof()

def test_accuracy(segprune_gate):
    segprune_gate.accuracy()

def test_speed(segprune_speed):
    segprune_speed()
'''


class Repository:
    """Such a repository, in pytester's folder."""

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pytester, self.path = pytester, pytester.path
        self.ratio = 2.0
        monkeypatch.setattr(
            gate_module, "gate_speed",
            lambda *nets, **options: gate_speed(*nets, **options, compare=self._compare),
        )  # fmt: skip
        for name in ("CI", "BUILD_NUMBER"):  # under either pytest's own summary says more
            monkeypatch.delenv(name, raising=False)
        monkeypatch.syspath_prepend(self.path)
        (self.path / "my_networks.py").write_text(NETWORKS)
        (self.path / "test_gates.py").write_text(GATES)

    @property
    def baseline(self) -> Path:
        return self.path / "baselines" / f"{CASE}.json"

    def run(self, *arguments: str) -> pytest.RunResult:
        """Run pytest there; warnings are errors, as in the project itself."""
        return self.pytester.runpytest_inprocess("-W", "error", *arguments)

    def write_dense(self) -> None:
        """The dense network's weights."""
        self._networks["fit_network"](self.path / "dense.pt")

    def write_artifact(self, budget: float = 0.5, name: str = "half.safetensors") -> None:
        """The pruned network's file; its weights are what is left of the dense network's."""
        self._networks["write_artifact"](self.path / name, budget)

    @property
    def _networks(self) -> dict[str, Any]:
        networks: dict[str, Any] = {"__file__": str(self.path / "my_networks.py")}
        exec((self.path / "my_networks.py").read_text(), networks)
        return networks

    def edit(self, old: str, new: str, name: str = "test_gates.py") -> None:
        """Replace text in one of the repository's files."""
        content = (self.path / name).read_text()
        assert old in content
        (self.path / name).write_text(content.replace(old, new))

    def change(self, change: Callable[[dict[str, Any]], Any]) -> None:
        """Edit the baseline as a hand would."""
        content = json.loads(self.baseline.read_text())
        change(content)
        self.baseline.write_text(json.dumps(content))

    def _compare(self, reference: Any, candidate: Any, inputs: Any, **options: Any) -> Any:
        draw = random.Random(0)
        samples: list[Pair] = []
        for look in LOOKS:
            while len(samples) < look.pairs:
                drift = draw.uniform(0.98, 1.02)
                samples.append(Pair(10 * self.ratio * drift, 10 / drift, draw.random() < 0.5))
            found: SpeedComparison = summarise(
                samples, 0.985, batch=1, threads=1, device="cpu", at_this_look=1 - look.error
            )
            if options["stop"](found):
                break
        return found


def without_tests(module: Path, *names: str) -> None:
    """Delete tests of a module."""
    for name in names:
        before, _, rest = module.read_text().partition(f"def test_{name}(")
        after = rest.partition("\ndef ")
        module.write_text(before + after[1].lstrip("\n") + after[2])


def output(result: pytest.RunResult) -> str:
    """All that was written to the terminal."""
    return "\n".join(result.outlines + result.errlines)


def table_row(result: pytest.RunResult) -> str:
    """The case's row in the summary."""
    return next(line for line in result.outlines if line.startswith(f" {CASE} "))


def another_case(repository: Repository) -> Path:
    """A second module with a case of its own, accepted and green; returns the module."""
    module = repository.path / "test_other.py"
    module.write_text((repository.path / "test_gates.py").read_text().replace(CASE, "other-half"))
    text = repository.baseline.read_text().replace(CASE, "other-half")
    repository.baseline.with_name("other-half.json").write_text(text)
    return module


def settings(repository: Repository, *lines: str) -> None:
    """Write a pytest.ini with these lines."""
    (repository.path / "pytest.ini").write_text("\n".join(("[pytest]", *lines, "")))


def below(repository: Repository, folder: str) -> None:
    """Move the gates and all of their files to a folder; beside it is another test."""
    settings(repository)
    (repository.path / folder).mkdir()
    for name in ("test_gates.py", "baselines", "half.safetensors"):
        shutil.move(repository.path / name, repository.path / folder / name)
    (repository.path / "test_else.py").write_text("def test_ok():\n    pass\n")


def with_another_test(repository: Repository) -> None:
    """Give the session something to run besides gates."""
    (repository.path / "test_else.py").write_text("def test_ok():\n    pass\n")
