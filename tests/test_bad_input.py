"""What is wrong is refused with one root of errors, in words, and nothing is half-written."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

import segprune
from networks import Construct, Network
from networks.whole import NamedInputs, UNet
from segprune.errors import (
    ArtifactError,
    BudgetError,
    InputError,
    PlanError,
    SegpruneError,
    TraceError,
)


@functools.cache
def unet() -> tuple[nn.Module, Any, Any, Any, nn.Module]:
    network, example = Construct("UNet", UNet).build()
    graph = segprune.trace(network, example)
    plan = segprune.make_plan(network, graph, budget={"macs": 0.5})
    return network, example, graph, plan, segprune.prune(network, plan)


def planned(**options: Any) -> Any:
    network, _, graph, _, _ = unet()
    return segprune.make_plan(network, graph, **options)


class Raises(Network):
    def forward(self, x: Tensor) -> Tensor:
        raise RuntimeError("the user's own failure")


class ReturnsNothing(Network):
    def forward(self, x: Tensor) -> None:  # type: ignore[override]
        self.stem(x)


class AsksForValues(Network):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x * float(x.sum().item() > 0))


def words_of(error: BaseException) -> str:
    return str(error).lower()


def refuses(
    action: Callable[[], Any], *words: str, error: type[SegpruneError] = SegpruneError
) -> None:
    """The action raises `error`, whose message holds every word and says what to do."""
    with pytest.raises(error) as caught:
        action()
    message = words_of(caught.value)
    missing = [word for word in words if word.lower() not in message]
    assert not missing, (missing, message)
    assert len(message.split()) >= 8, f"too short to name thing, expectation and remedy: {message}"


# ---------------------------------------------------------------- networks and examples

EXAMPLES: dict[str, tuple[Any, tuple[str, ...]]] = {
    "too few dimensions": (torch.zeros(3, 32), ("example",)),
    "wrong channels": (torch.zeros(1, 4, 32, 32), ("[1, 4, 32, 32]",)),
    "too many tensors": ((torch.zeros(1, 3, 32, 32),) * 2, ("example",)),
    "no tensor": ("image.png", ("str",)),
    "none": (None, ("none",)),
    "an empty tuple": ((), ("example",)),
    "integers": (torch.zeros(1, 3, 32, 32, dtype=torch.int64), ("int64",)),
    "another name": ({"image": torch.zeros(1, 3, 32, 32)}, ("image",)),
}


@pytest.mark.parametrize("case", EXAMPLES)
def test_wrong_example_inputs_are_refused(case: str) -> None:
    example, words = EXAMPLES[case]
    refuses(lambda: segprune.trace(unet()[0], example), *words)


def test_a_missing_keyword_argument_is_named() -> None:
    network, example = Construct("NamedInputs", NamedInputs).build()
    refuses(lambda: segprune.trace(network, {"image": example["image"]}), "depth")


def test_what_is_no_module_is_refused() -> None:
    refuses(lambda: segprune.trace(lambda x: x, torch.zeros(1, 3, 8, 8)), "module")


def test_a_forward_that_raises_is_refused_with_its_own_words() -> None:
    refuses(
        lambda: segprune.trace(Raises(), torch.zeros(1, 3, 32, 32)),
        "the user's own failure", "Raises", error=TraceError,
    )  # fmt: skip


def test_a_network_without_outputs_is_refused() -> None:
    refuses(lambda: segprune.trace(ReturnsNothing(), torch.zeros(1, 3, 32, 32)), "output")


def test_a_network_that_looks_at_values_is_refused_or_proved() -> None:
    network, example = AsksForValues().eval(), torch.ones(1, 3, 32, 32)
    with contextlib.suppress(SegpruneError):
        graph = segprune.trace(network, example)
        plan = segprune.make_plan(network, graph, budget={"macs": 0.5})
        assert segprune.verify(network, segprune.prune(network, plan), plan, graph) == ()


def test_a_missing_traced_method_is_named() -> None:
    network = UNet()
    network.traced_methods = ("forward", "forward_twice")  # type: ignore[assignment]
    refuses(lambda: segprune.trace(network, torch.zeros(1, 3, 32, 32)), "forward_twice")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused_by_name(value: float) -> None:
    network, example = Construct("UNet", UNet).build()
    network.deep[0].weight.data[3, 2, 1, 1] = value
    refuses(
        lambda: segprune.make_plan(network, example, budget={"macs": 0.5}), "deep.0.weight"
    )  # fmt: skip


# ---------------------------------------------------------------- plans

BUDGETS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "zero": ({"macs": 0.0}, ("0.0",)),
    "negative": ({"macs": -0.5}, ("-0.5",)),
    "above one": ({"macs": 1.5}, ("1.5",)),
    "a percentage": ({"params": 50}, ("50",)),
    "not a number": ({"macs": float("nan")}, ("nan",)),
    "a word": ({"macs": "half"}, ("half",)),
    "an unknown unit": ({"flops": 0.5}, ("flops", "macs", "params", "channels")),
    "empty": ({}, ("macs",)),
    "two units": ({"macs": 0.5, "params": 0.5}, ("params",)),
    "no mapping": (0.5, ("0.5",)),
}


@pytest.mark.parametrize("case", BUDGETS)
def test_malformed_budgets_are_refused(case: str) -> None:
    budget, words = BUDGETS[case]
    refuses(lambda: planned(budget=budget), *words)


@pytest.mark.parametrize("unit", ["macs", "params", "channels"])
def test_a_budget_out_of_reach_names_the_smallest_reachable(unit: str) -> None:
    with pytest.raises(BudgetError) as caught:
        planned(budget={unit: 0.0001})
    message = words_of(caught.value)
    assert unit in message
    numbers = [word.strip(".,;:()%") for word in message.split()]
    reachable = [float(n) for n in numbers if n.replace(".", "", 1).isdigit()]
    assert any(0.0001 < number < 1 or 1 < number < 100 for number in reachable), message


def test_the_smallest_reachable_budget_that_a_refusal_names_can_be_reached() -> None:
    with pytest.raises(BudgetError) as caught:
        planned(budget={"params": 0.0001})
    tokens = [word.strip(".,;:()%") for word in words_of(caught.value).split()]
    numbers = [float(t) for t in tokens if t.replace(".", "", 1).isdigit()]
    smallest = min(n for n in numbers if 0.0001 < n < 1)
    assert not planned(budget={"params": min(1.0, smallest + 0.012)}).is_empty


OPTIONS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "unknown importance": ({"importance": "magic"}, ("magic", "magnitude")),
    "unknown scope": ({"scope": "universal"}, ("universal", "global", "local")),
    "unknown layer": ({"ignored_layers": ("no.such.layer",)}, ("no.such.layer",)),
    "a stranger's layer": ({"ignored_layers": (nn.Conv2d(3, 3, 1),)}, ("conv2d",)),
    "a scope's glob without layers": (
        {"scope": {"nothing.*": 0.5}, "budget": None}, ("nothing.*",),
    ),
    "a scope's share above one": ({"scope": {"deep.0": 1.5}, "budget": None}, ("1.5",)),
    "a scope and a budget": ({"scope": {"deep.0": 0.5}}, ("budget", "mapping")),
    "rounding to zero": ({"round_to": 0}, ("round_to", "0")),
    "rounding to a fraction": ({"round_to": 1.5}, ("round_to", "1.5")),
    "floor above one": ({"floor": 2.0}, ("floor", "2.0")),
    "negative floor": ({"floor": -0.1}, ("floor", "-0.1")),
    "negative minimum": ({"min_channels": -1}, ("min_channels", "-1")),
    "unknown normalisation": ({"normalize": "sideways"}, ("sideways",)),
    "taylor without images": ({"importance": "taylor"}, ("taylor", "calibration")),
    "activation without images": ({"importance": "activation"}, ("activation", "calibration")),
    "no calibration batch": ({"importance": "activation", "calibration": []}, ("calibration",)),
    "calibration of another form": (
        {"importance": "activation", "calibration": [torch.zeros(2, 7, 16, 16)]}, ("calibration",),
    ),
    "calibration of words": (
        {"importance": "activation", "calibration": ["image.png"]}, ("calibration", "str"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", OPTIONS)
def test_unknown_options_are_refused_by_name(case: str) -> None:
    options, words = OPTIONS[case]
    refuses(lambda: planned(**({"budget": {"macs": 0.5}} | options)), *words)


def test_a_graph_of_another_network_is_refused() -> None:
    graph = unet()[2]
    other = Construct("NamedInputs", NamedInputs).build()[0]
    refuses(lambda: segprune.make_plan(other, graph, budget={"macs": 0.5}), "network")


@pytest.mark.parametrize("action", ["prune", "mask", "verify"])
def test_a_plan_for_another_network_is_refused(action: str) -> None:
    _, _, _, plan, _ = unet()
    other, example = Construct("Network", Network).build()
    actions = {
        "prune": lambda: segprune.prune(other, plan),
        "mask": lambda: segprune.mask(other, plan),
        "verify": lambda: segprune.verify(other, other, plan, example),
    }
    refuses(actions[action], "network")


def test_a_plan_is_not_applied_twice() -> None:
    _, _, _, plan, pruned = unet()
    refuses(lambda: segprune.prune(pruned, plan), "network", error=SegpruneError)


def test_plans_that_do_not_follow_each_other_are_not_composed() -> None:
    _, _, _, plan, _ = unet()
    refuses(lambda: plan.then(plan), "network", error=PlanError)


def changed(text: str, **entries: Any) -> str:
    return json.dumps(json.loads(text) | entries)


def test_plan_texts_that_are_not_plans_are_refused() -> None:
    text = unet()[3].to_json()
    for wrong in ("", "{", "[]", "null", "{}", text[: len(text) // 2]):
        refuses(lambda wrong=wrong: segprune.PrunePlan.from_json(wrong), "plan", error=PlanError)


def test_a_plan_of_an_unknown_schema_version_is_refused() -> None:
    text = unet()[3].to_json()
    field = next(name for name in json.loads(text) if "schema" in name or "version" in name)
    wrong = changed(text, **{field: 999})
    refuses(lambda: segprune.PrunePlan.from_json(wrong), "999", "schema", error=PlanError)


def test_a_plan_whose_indices_were_edited_is_refused() -> None:
    network, _, _, plan, _ = unet()
    document = json.loads(plan.to_json())
    name, dims = next(iter(document["kept"].items()))
    dim = next(iter(dims))
    for wrong in ([9999], [-1], [0, 0], []):
        document["kept"][name][dim] = wrong
        text = json.dumps(document)
        refuses(lambda text=text: segprune.prune(network, segprune.PrunePlan.from_json(text)))


# ---------------------------------------------------------------- files


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "small.safetensors"
    _, _, _, plan, pruned = unet()
    segprune.save(path, pruned, plan)
    return path


def load(path: Path) -> Any:
    return segprune.load(path, UNet())


def test_truncated_files_are_refused(file: Path) -> None:
    content = file.read_bytes()
    for length in (0, 1, 7, 8, 100, len(content) // 2, len(content) - 1):
        file.write_bytes(content[:length])
        refuses(lambda: load(file), file.name, error=ArtifactError)
        refuses(lambda: segprune.read_header(file) and load(file), file.name, error=ArtifactError)


def test_a_flipped_byte_anywhere_is_refused(file: Path) -> None:
    content = file.read_bytes()
    places = sorted({*range(0, len(content), len(content) // 40), 9, 30, len(content) - 1})
    for place in places:
        wrong = bytearray(content)
        wrong[place] ^= 0x01
        file.write_bytes(bytes(wrong))
        refuses(lambda: load(file), file.name, error=ArtifactError)


def test_appended_bytes_are_refused(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"more")
    refuses(lambda: load(file), file.name, error=ArtifactError)


@pytest.mark.parametrize("kind", ["text", "noise", "safetensors", "torch", "missing", "folder"])
def test_foreign_files_are_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "foreign.bin"
    if kind == "text":
        path.write_text("not a network\n" * 100)
    elif kind == "noise":
        path.write_bytes(hashlib.sha512(b"seed").digest() * 64)
    elif kind == "safetensors":
        safetensors.torch.save_file({"weight": torch.zeros(3)}, path, metadata={"by": "others"})
    elif kind == "torch":
        torch.save({"weight": torch.zeros(3)}, path)
    elif kind == "folder":
        path.mkdir()
    refuses(lambda: load(path), path.name, error=ArtifactError)
    refuses(lambda: segprune.read_header(path), path.name, error=ArtifactError)


def test_a_file_of_an_unknown_schema_version_is_refused(file: Path) -> None:
    """Rewrites the header as a later version of this package would write it."""
    content = file.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    metadata = header["__metadata__"]
    text = json.dumps(metadata)
    assert "schema" in text
    for key, value in metadata.items():
        if "schema" in key:
            metadata[key] = "999"
        elif value.startswith("{") and "schema" in value:
            document = json.loads(value)
            found = [name for name in document if "schema" in name]
            metadata[key] = json.dumps(document | dict.fromkeys(found, 999))
    again = json.dumps(header).encode()
    file.write_bytes(len(again).to_bytes(8, "little") + again + content[8 + size :])
    refuses(lambda: load(file), file.name, error=ArtifactError)


def test_a_users_network_is_not_loaded_without_its_dense_instance(file: Path) -> None:
    refuses(lambda: segprune.load(file), "model", error=ArtifactError)


def test_a_file_is_not_loaded_into_another_network(file: Path) -> None:
    refuses(lambda: segprune.load(file, Network()), "network")


def test_a_network_that_does_not_fit_its_plan_is_not_saved(tmp_path: Path) -> None:
    network, _, _, plan, _ = unet()
    path = tmp_path / "wrong.safetensors"
    refuses(lambda: segprune.save(path, network, plan))
    assert os.listdir(tmp_path) == []


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, _, plan, pruned = unet()
    before = file.read_bytes()

    def fail(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises((SegpruneError, OSError)):
        segprune.save(file, pruned, plan)
    assert file.read_bytes() == before
    assert os.listdir(file.parent) == [file.name]


def test_a_folder_that_does_not_exist_is_refused_or_made(tmp_path: Path) -> None:
    _, _, _, plan, pruned = unet()
    path = tmp_path / "new" / "small.safetensors"
    with contextlib.suppress(SegpruneError):
        segprune.save(path, pruned, plan)
        assert path.is_file()


def test_unknown_built_in_names_and_options_are_refused() -> None:
    refuses(lambda: segprune.build("resnet"), "resnet", "icnet", "bisenetv2")
    refuses(lambda: segprune.build("icnet", num_classes=0), "num_classes", "0")
    refuses(lambda: segprune.build("bisenetv2", colour="red"), "colour")


def test_cost_of_a_wrong_example_is_refused() -> None:
    refuses(lambda: segprune.cost(unet()[0], torch.zeros(1, 4, 32, 32)), "[1, 4, 32, 32]")


def test_all_errors_have_one_root() -> None:
    kinds = [getattr(segprune.errors, name) for name in segprune.errors.__all__]
    assert all(issubclass(kind, segprune.SegpruneError) for kind in kinds)
    assert issubclass(InputError, segprune.SegpruneError)
