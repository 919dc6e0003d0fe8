"""Other people's networks, torch-pruning as a differential oracle, and ONNX Runtime."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import oracle
import segprune
from foreign import PAIRS, QUICK, Foreign, every
from networks import Construct, constructs

TABLE = Path(__file__).with_name("free_shares.json")


@dataclass(frozen=True)
class Traced:
    foreign: Foreign
    network: nn.Module
    graph: Any


PARAMS = [
    pytest.param(f, id=f.name, marks=() if f.name in QUICK else pytest.mark.slow) for f in every()
]


@pytest.fixture(scope="module", params=PARAMS)
def traced(request: pytest.FixtureRequest) -> Traced:
    foreign: Foreign = request.param
    network = oracle.randomise(foreign.build())
    return Traced(foreign, network, segprune.trace(network, foreign.example()))


def test_a_foreign_network_is_pruned_to_half_of_its_macs_and_verified(traced: Traced) -> None:
    network, graph, example = traced.network, traced.graph, traced.foreign.example()
    plan = segprune.make_plan(network, graph, budget={"macs": 0.5})
    pruned = segprune.prune(network, plan)
    dense, left = (oracle.counted_macs(net, example) for net in (network, pruned))
    assert 0.49 * dense < left <= 0.5 * dense
    assert oracle.distance_in_float64(network, pruned, plan.kept, example) < 10 * oracle.EXACT
    assert oracle.untruths(pruned) == oracle.untruths(network)
    assert segprune.verify(network, pruned, plan, graph) == ()


def test_the_free_share_of_a_foreign_network_is_not_below_the_committed_one(
    traced: Traced, request: pytest.FixtureRequest
) -> None:
    table = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    name, share = traced.foreign.name, round(traced.graph.free_share, 4)
    if request.config.getoption("--update-free-shares"):
        table[name] = {"free_share": share, "frozen": reasons(traced.graph)}
        TABLE.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n")
        pytest.fail(f"{name}: {TABLE.name} was rewritten; look at the difference and run again")
    assert name in table, f"{name} is not in {TABLE.name}: run with --update-free-shares"
    committed = table[name]
    assert share >= committed["free_share"], (committed["frozen"], reasons(traced.graph))


def reasons(graph: Any) -> list[dict[str, Any]]:
    """What is frozen, in words; without paths, which differ from machine to machine."""
    return [
        {"channels": frozen.channels, "layers": len(frozen.layers), "reason": frozen.reason}
        for frozen in graph.frozen
    ]


def test_there_are_forty_pairs_and_each_is_in_the_table() -> None:
    assert len(set(PAIRS)) >= 40
    assert set(json.loads(TABLE.read_text())) == {foreign.name for foreign in every()}


# ---------------------------------------------------------------- torch-pruning

SUPPORTED = (
    "Plain", "Biased", "Factorised", "Depthwise", "Transposed", "PReLUMany", "BatchNormPlain",
    "Residual", "InvertedResidual", "GateMany", "SqueezeExcite", "FlattenLinear", "StripPooling",
    "PyramidPooling", "NestedConcat", "DenseLayers", "UNet", "TwoInputs", "ListOutput",
)  # fmt: skip


def cut_by_torch_pruning(network: nn.Module, example: Any, kept: dict[str, Any]) -> nn.Module:
    """The same channels, handed to torch-pruning layer by layer; its graph finds the rest."""
    import torch_pruning as tp

    examples = example if isinstance(example, tuple) else (example,)
    modules = dict(network.named_modules())
    for name, module in modules.items():
        dims = kept.get(f"{name}.weight", {})
        transposed = isinstance(module, nn.ConvTranspose2d)
        rows = dims.get(1 if transposed else 0)
        if rows is None or not isinstance(module, nn.modules.conv._ConvNd | nn.Linear):
            continue
        weight = module.weight
        size = weight.shape[1] if transposed else weight.shape[0]
        if size == len(rows):  # went with an earlier group
            continue
        gone = sorted(set(range(size)) - set(rows))
        graph = tp.DependencyGraph().build_dependency(network, example_inputs=examples)
        prune = tp.prune_linear_out_channels
        if isinstance(module, nn.ConvTranspose2d):
            prune = tp.prune_conv_out_channels
        elif isinstance(module, nn.modules.conv._ConvNd):
            deep = module.groups == module.out_channels > 1
            prune = tp.prune_depthwise_conv_out_channels if deep else tp.prune_conv_out_channels
        graph.get_pruning_group(module, prune, idxs=gone).prune()
    return network


@pytest.mark.parametrize("name", SUPPORTED)
def test_torch_pruning_builds_the_same_network_from_the_same_channels(name: str) -> None:
    construct = next(c for c in constructs() if c.name == name)
    network, example, plan, pruned = pruned_to_half(construct)
    theirs = cut_by_torch_pruning(oracle.randomise(construct.build()[0]), example, dict(plan.kept))
    expected = {n: tuple(t.shape) for n, t in theirs.state_dict().items()}
    assert {n: tuple(t.shape) for n, t in pruned.state_dict().items()} == expected
    inputs = oracle.fresh(example)
    assert oracle.difference(oracle.run(pruned, inputs), oracle.run(theirs, inputs)) < 1e-6
    assert oracle.counted_macs(theirs, example) < oracle.counted_macs(network, example)


def pruned_to_half(construct: Construct) -> tuple[nn.Module, Any, Any, nn.Module]:
    network, example = construct.build()
    network = oracle.randomise(network)
    plan = segprune.make_plan(network, example, budget={"macs": 0.5}, importance="random")
    return network, example, plan, segprune.prune(network, plan)


# ---------------------------------------------------------------- ONNX


def exported(network: nn.Module, image: Tensor, path: Path) -> Path:
    torch.onnx.export(
        network, (image,), path, input_names=["image"], output_names=["logits"],
        dynamo=True, external_data=False, verbose=False,
    )  # fmt: skip
    return path


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # onnxscript and copyreg, upstream
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("name", ["icnet", "bisenetv2"])
def test_a_pruned_network_runs_in_onnx_runtime_with_equal_outputs_and_is_smaller(
    name: str, tmp_path: Path
) -> None:
    import onnxruntime

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = oracle.randomise(segprune.build(name, num_classes=19, aux=False)).eval()
    image = torch.randn(1, 3, 64, 128, generator=torch.Generator().manual_seed(0))
    plan = segprune.make_plan(network, image, budget={"macs": 0.5})
    pruned = segprune.prune(network, plan)
    large = exported(network, image, tmp_path / "dense.onnx")
    small = exported(pruned, image, tmp_path / "pruned.onnx")
    assert small.stat().st_size < 0.9 * large.stat().st_size
    session = onnxruntime.InferenceSession(small, providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {"image": image.numpy()})
    assert oracle.difference(torch.from_numpy(logits), oracle.run(pruned, image)) < 1e-4
