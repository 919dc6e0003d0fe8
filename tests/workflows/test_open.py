"""One door to a network: whatever names it, the same network comes out, and what is known of it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import segprune
from segprune.errors import ArtifactError, InputError, ModelError
from segprune.workflows.open import open_file

SIZE = (1, 3, 32, 64)
SELF = "workflows.test_open:Own"


class Own(nn.Module):
    """Four classes at half of the size."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 16, 3, 2, 1), nn.Conv2d(16, 4, 1)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.last(torch.relu(self.first(images)))
        return logits


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Own:
    """A network, with its weights in three forms and its pruned form in an artefact."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(3)
    network = Own().eval()
    state = network.state_dict()
    torch.save(state, "plain.pt")
    prefixed = {f"model.{name}": tensor for name, tensor in state.items()}
    torch.save({"state_dict": prefixed, "epoch": 3}, "last.ckpt")
    plan = segprune.make_plan(network, torch.rand(SIZE), budget={"macs": 0.5})
    facts = {
        "input": list(SIZE), "classes": list("abcd"), "data": "folder",
        "preprocessing": {"size": [32, 64], "mean": [0.5] * 3, "std": [0.25] * 3},
    }  # fmt: skip
    segprune.save("small.safetensors", segprune.prune(network, plan), plan, metadata=facts)
    return network


def same(one: nn.Module, other: nn.Module) -> bool:
    """Whether two networks have the same tensors under the same names."""
    ours, theirs = one.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[n], theirs[n]) for n in ours)


def digest(name: str) -> str:
    return hashlib.sha256(Path(name).read_bytes()).hexdigest()


@pytest.mark.parametrize("file", ["plain.pt", "last.ckpt"])
@pytest.mark.parametrize("model", [SELF, "instance"])
def test_weights_in_any_form_fill_the_network_that_is_named(
    trained: Own, file: str, model: str
) -> None:
    given = Own() if model == "instance" else model
    before = None if isinstance(given, str) else given.first.weight.clone()
    opened = segprune.open_network(given, weights=file)
    assert same(opened.network, trained)
    assert opened.dense is opened.network
    assert opened.is_dense
    assert not opened.network.training
    assert (opened.weights, opened.artifact, opened.digest) == (digest(file), None, digest(file))
    assert (opened.header, opened.plan, opened.classes) == (None, None, None)
    assert opened.normalisation.is_assumed
    if not isinstance(given, str) and before is not None:
        assert torch.equal(given.first.weight, before)  # the user's network is not changed


def test_an_artefact_says_all_that_is_known_of_its_network(trained: Own) -> None:
    opened = segprune.open_network(SELF, artifact="small.safetensors")
    assert same(opened.network, segprune.load("small.safetensors", Own()))
    assert opened.plan == segprune.read_header("small.safetensors").plan
    assert not opened.is_dense
    assert opened.name == "small"
    assert opened.digest == opened.artifact == digest("small.safetensors")
    assert (opened.classes, opened.data, opened.size) == (("a", "b", "c", "d"), "folder", (32, 64))
    assert opened.preprocessing.mean == (0.5, 0.5, 0.5)
    assert opened.preprocessing.size == (32, 64)
    assert opened.normalisation.source == "of the artefact"


def test_weights_beside_an_artefact_are_those_of_its_dense_network(trained: Own) -> None:
    opened = segprune.open_network(SELF, weights="plain.pt", artifact="small.safetensors")
    assert same(opened.dense, trained)
    assert opened.plan is not None
    assert same(opened.network, segprune.prune(opened.dense, opened.plan))
    assert (opened.weights, opened.artifact) == (digest("plain.pt"), digest("small.safetensors"))


def test_a_file_of_either_kind_is_opened_as_what_it_holds(trained: Own) -> None:
    assert open_file(Path("plain.pt"), SELF).is_dense
    assert open_file(Path("plain.pt"), SELF).name == "plain"
    assert not open_file(Path("small.safetensors"), SELF).is_dense


def test_a_built_in_artefact_needs_no_model_and_no_other_model_is_passed_over(
    trained: Own, tmp_path: Path
) -> None:
    network = segprune.build("bisenetv2", num_classes=5, width=0.25, aux=False).eval()
    plan = segprune.make_plan(network, torch.rand(1, 3, 64, 64), budget={"channels": 1.0})
    segprune.save("own.safetensors", network, plan)
    for model in (None, "bisenetv2"):
        opened = segprune.open_network(model, artifact="own.safetensors")
        assert same(opened.network, network)
        assert opened.is_dense
    for model in ("icnet", SELF):
        with pytest.raises(ArtifactError, match="expected"):
            segprune.open_network(model, artifact="own.safetensors")
    with pytest.raises(ArtifactError, match="expected an artefact of bisenetv2"):
        segprune.open_network("bisenetv2", artifact="small.safetensors")


def test_random_weights_depend_on_the_seed_alone() -> None:
    torch.manual_seed(1)
    one = segprune.open_network(SELF, seed=4)
    torch.manual_seed(2)
    assert same(one.network, segprune.open_network(SELF, seed=4).network)
    assert not same(one.network, segprune.open_network(SELF, seed=5).network)
    assert one.digest is None


def test_what_cannot_be_opened_is_refused_with_what_to_pass(trained: Own) -> None:
    with pytest.raises(InputError, match="expected a model or an artifact"):
        segprune.open_network()
    with pytest.raises(ArtifactError, match=r"pass model='package\.module:factory'"):
        segprune.open_network(weights="plain.pt")
    with pytest.raises(ArtifactError, match=r"the dense Own that it is rebuilt from"):
        segprune.open_network(artifact="small.safetensors")
    with pytest.raises(ModelError, match="num_classes: expected none"):
        segprune.open_network(SELF, artifact="small.safetensors", num_classes=3)
    with pytest.raises(ModelError, match="num_classes: expected none"):
        segprune.open_network(Own(), num_classes=3)
    with pytest.raises(ArtifactError, match="nosuch"):
        segprune.open_network(SELF, weights="nosuch.pt")
    with pytest.raises(ArtifactError, match="nosuch"):
        segprune.open_network(artifact="nosuch.safetensors")
