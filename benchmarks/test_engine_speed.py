"""How long the engine takes, beside torch-pruning in the same run: `pytest --benchmark-only`.

Aims, on two cores: trace + plan + prune of a built-in network 3 s, verify 20 s, a network of 3,400
operators 30 s; importing segprune 0.3 s more than importing torch. Nothing here asserts a time.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor, nn

import segprune
from lite_hrnet import LiteHRNet

HALF = 0.5
NETWORKS = ("icnet", "bisenetv2")
CLASSES = 19


@dataclass(frozen=True)
class Subject:
    """A network with what earlier steps made of it, so that each step is timed alone."""

    network: nn.Module
    image: Tensor
    graph: Any
    plan: Any
    pruned: nn.Module


@pytest.fixture(scope="module", params=NETWORKS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def subject(name: str) -> Subject:
    return prepare(segprune.build(name, num_classes=CLASSES), torch.rand(1, 3, 512, 1024))


def prepare(network: nn.Module, image: Tensor, share: float = HALF) -> Subject:
    graph = segprune.trace(network.eval(), image)
    plan = segprune.make_plan(network, graph, budget={"macs": share})
    return Subject(network, image, graph, plan, segprune.prune(network, plan))


def everything(network: nn.Module, image: Tensor, share: float = HALF) -> nn.Module:
    graph = segprune.trace(network, image)
    return segprune.prune(network, segprune.make_plan(network, graph, budget={"macs": share}))


# ---------------------------------------------------------------- segprune


def test_trace(benchmark: BenchmarkFixture, subject: Subject, name: str) -> None:
    benchmark.group = f"{name}: what depends on what"
    graph = benchmark(segprune.trace, subject.network, subject.image)
    benchmark.extra_info["free_share"] = graph.free_share


def test_plan(benchmark: BenchmarkFixture, subject: Subject, name: str) -> None:
    benchmark.group = f"{name}: steps"
    benchmark(segprune.make_plan, subject.network, subject.graph, budget={"macs": HALF})


def test_prune(benchmark: BenchmarkFixture, subject: Subject, name: str) -> None:
    benchmark.group = f"{name}: steps"
    benchmark(segprune.prune, subject.network, subject.plan)


def test_verify(benchmark: BenchmarkFixture, subject: Subject, name: str) -> None:
    benchmark.group = f"{name}: proof"
    benchmark.extra_info["aim_s"] = 20
    parts = subject.network, subject.pruned, subject.plan, subject.graph
    assert benchmark(segprune.verify, *parts) == ()


def test_trace_plan_prune(benchmark: BenchmarkFixture, subject: Subject, name: str) -> None:
    benchmark.group = f"{name}: network to pruned network"
    benchmark.extra_info |= {"aim_s": 3, "memory_bytes": peak_memory(name)}
    benchmark(everything, subject.network, subject.image)


def peak_memory(name: str) -> dict[str, int]:
    """Of trace + plan + prune in a fresh process; at most 3× the model's and one activation set."""
    if not sys.platform.startswith("linux"):
        return {}
    found = json.loads(run(str(Path(__file__).with_name("peak_memory.py")), name))
    assert found["peak"] <= found["limit"], found
    return {key: int(value) for key, value in found.items()}


def run(*arguments: str) -> str:
    command = [sys.executable, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


# ---------------------------------------------------------------- torch-pruning


def test_torch_pruning_dependency_graph(
    benchmark: BenchmarkFixture, subject: Subject, name: str
) -> None:
    import torch_pruning

    benchmark.group = f"{name}: what depends on what"

    def build() -> None:
        torch_pruning.DependencyGraph().build_dependency(subject.network, subject.image)

    benchmark(build)


def test_torch_pruning_pruner(benchmark: BenchmarkFixture, name: str) -> None:
    """It prunes in place, so each round gets a network of its own, made outside the clock."""
    benchmark.group = f"{name}: network to pruned network"
    image = torch.rand(1, 3, 512, 1024)

    def fresh() -> tuple[tuple[nn.Module, Tensor], dict[str, Any]]:
        return (segprune.build(name, num_classes=CLASSES).eval(), image), {}

    try:
        prune_with_torch_pruning(*fresh()[0])
    except Exception as error:  # BiSeNetV2: depthwise convolution with a channel multiplier
        pytest.skip(f"torch-pruning cannot prune {name}: {type(error).__name__}: {error}")
    benchmark.pedantic(prune_with_torch_pruning, setup=fresh, rounds=3)


def prune_with_torch_pruning(network: nn.Module, image: Tensor) -> None:
    """Global L2 group importance, 30 % of the channels: about half of the MACs."""
    import torch_pruning

    heads = [m for m in network.modules() if getattr(m, "out_channels", None) == CLASSES]
    pruner = torch_pruning.pruner.BasePruner(
        network,
        image,
        importance=torch_pruning.importance.GroupMagnitudeImportance(p=2),
        global_pruning=True,
        pruning_ratio=0.3,
        ignored_layers=heads,
    )
    pruner.step()


# ---------------------------------------------------------------- size and import


MOST = 0.7
"""Shuffles and shortcuts tie two thirds of its channels to one another: half is out of reach."""


@pytest.fixture(scope="module")
def large() -> Subject:
    return prepare(LiteHRNet(), torch.rand(1, 3, 128, 256), MOST)


def test_trace_plan_prune_of_a_large_network(benchmark: BenchmarkFixture, large: Subject) -> None:
    benchmark.group = "Lite-HRNet: network to pruned network"
    benchmark.extra_info["aim_s"] = 30
    benchmark.pedantic(everything, (large.network, large.image, MOST), rounds=1)


def test_verify_a_large_network(benchmark: BenchmarkFixture, large: Subject) -> None:
    benchmark.group = "Lite-HRNet: proof"
    parts = large.network, large.pruned, large.plan, large.graph
    assert benchmark.pedantic(segprune.verify, parts, rounds=1) == ()


IMPORT = """
import time, torch
start = time.perf_counter()
import segprune
for name in segprune.__all__:
    getattr(segprune, name)  # names are imported when used
print(time.perf_counter() - start)
"""


def test_import(benchmark: BenchmarkFixture) -> None:
    """The whole process is timed; seconds that segprune adds to torch are in `extra_info`."""
    benchmark.group = "import"
    seconds: list[float] = []
    benchmark.pedantic(lambda: seconds.append(float(run("-c", IMPORT))), rounds=3)
    benchmark.extra_info |= {"aim_s": 0.3, "over_torch_s": sorted(seconds)[1]}
