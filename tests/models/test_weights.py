"""Networks and weights inside wrappers are opened, or refused with a remedy."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn

import segprune
from segprune.errors import ArtifactError, ModelError, SegpruneWarning
from segprune.models.weights import load_weights, read_weights

IMAGES = torch.rand(1, 3, 16, 16)


def network() -> nn.Sequential:
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 4, 1)]
    return nn.Sequential(*layers).eval()


@pytest.fixture
def group(tmp_path: Path) -> Iterator[None]:
    """Open a process group of this process alone."""
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/meet", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.usefixtures("group")
def test_a_distributed_network_is_refused_with_the_way_to_what_it_holds() -> None:
    wrapped = nn.parallel.DistributedDataParallel(network())
    calls = (segprune.trace, segprune.make_plan)
    for call in calls:
        with pytest.raises(ModelError, match=r"DistributedDataParallel.*\(\.module\)"):
            call(wrapped, IMAGES)
    inside = nn.ModuleDict({"backbone": wrapped})
    with pytest.raises(ModelError, match=r"backbone.*\(backbone\.module\)"):
        segprune.trace(inside, IMAGES)
    plan = segprune.make_plan(wrapped.module, IMAGES)
    assert segprune.verify(wrapped.module, segprune.prune(wrapped.module, plan), plan, IMAGES) == ()


def test_a_compiled_part_is_refused_with_the_way_to_what_it_holds() -> None:
    compiled = torch.compile(network(), backend="eager")
    with pytest.raises(ModelError, match=r"compiled.*\(\._orig_mod\)"):
        segprune.trace(compiled, IMAGES)
    whole = nn.Sequential()
    whole.add_module("body", compiled)
    with pytest.raises(ModelError, match=r"body.*compiled.*\(body\._orig_mod\)"):
        segprune.trace(whole, IMAGES)


def test_a_network_compiled_in_place_is_pruned_as_it_is() -> None:
    model = network()
    model.compile(backend="eager")
    plan = segprune.make_plan(model, IMAGES)
    assert not plan.is_empty
    assert segprune.verify(model, segprune.prune(model, plan), plan, IMAGES) == ()


class Around(nn.Module):
    """What a training framework puts around a network: `model.`, and a loss with weights."""

    def __init__(self, loss: nn.Module | None = None) -> None:
        super().__init__()
        self.model = network()
        if loss is not None:
            self.criterion = loss

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


def changed(model: nn.Module) -> nn.Module:
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1.0)
    return model


def test_weights_with_a_framework_s_prefix_are_read() -> None:
    trained, fresh = changed(Around()), network()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing is left out, so there is no warning
        load_weights(fresh, trained.state_dict(), "last.ckpt")
    for name, tensor in fresh.state_dict().items():
        assert torch.equal(tensor, trained.model.state_dict()[name]), name


def test_what_lies_beside_the_network_in_its_file_is_left_out_and_named() -> None:
    trained = changed(Around(nn.CrossEntropyLoss(weight=torch.ones(4))))
    fresh = network()
    with pytest.warns(SegpruneWarning, match=r"'model\.'; left out.*criterion\.weight"):
        load_weights(fresh, trained.state_dict(), "last.ckpt")
    assert torch.equal(fresh[0].weight, trained.model[0].weight)


def test_two_sets_of_weights_in_one_file_are_refused() -> None:
    state = Around().state_dict()
    both = state | {name.replace("model.", "ema."): tensor for name, tensor in state.items()}
    with pytest.raises(ModelError, match=r"found 2, under 'model\.' and 'ema\.'"):
        load_weights(network(), both, "last.ckpt")


def test_weights_that_lack_a_tensor_below_their_prefix_are_refused_and_nothing_changes() -> None:
    state = Around().state_dict()
    del state["model.3.bias"]
    fresh = network()
    before = copy.deepcopy(fresh.state_dict())
    with pytest.raises(ModelError, match="missing"):
        load_weights(fresh, state, "last.ckpt")
    assert all(torch.equal(tensor, before[name]) for name, tensor in fresh.state_dict().items())


def test_a_checkpoint_of_lightning_is_read(tmp_path: Path) -> None:
    import pytorch_lightning as pl

    class Lit(pl.LightningModule):
        def __init__(self, rate: float = 0.1) -> None:
            super().__init__()
            self.save_hyperparameters()
            self.model = network()

    lit = changed(Lit())
    path = tmp_path / "last.ckpt"
    content = {
        "epoch": 3,
        "state_dict": lit.state_dict(),
        "hyper_parameters": dict(lit.hparams),
        "pytorch-lightning_version": pl.__version__,
    }
    torch.save(content, path)
    fresh = network()
    load_weights(fresh, read_weights(path), str(path))
    assert torch.equal(fresh[3].weight, lit.model[3].weight)


class Settings:
    """What users put into a checkpoint beside tensors."""


def test_a_checkpoint_with_other_objects_is_refused_with_the_way_to_its_tensors(
    tmp_path: Path,
) -> None:
    path = tmp_path / "last.ckpt"
    torch.save({"state_dict": network().state_dict(), "settings": Settings()}, path)
    with pytest.raises(ArtifactError, match=r"weights_only=False\)\['state_dict'\]"):
        read_weights(path)


def test_two_sets_of_weights_under_keys_of_their_own_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    state = network().state_dict()
    for first, second in (("model", "ema"), ("state_dict", "state_dict_ema"), ("net", "teacher")):
        torch.save({first: state, second: state, "epoch": 3}, path)
        with pytest.raises(ArtifactError, match=f"found two, '{first}' and '{second}'"):
            read_weights(path)


def test_one_set_of_weights_is_read_under_any_key_and_what_is_left_out_is_named(
    tmp_path: Path,
) -> None:
    path = tmp_path / "last.pt"
    state = network().state_dict()
    for content in ({"net": state}, {"model": {"state_dict": state}}, {"state_dict": state}):
        torch.save({**content, "epoch": 3}, path)
        assert read_weights(path).keys() == state.keys()
    torch.save({"model": state, "loss": {"weight": torch.ones(4)}}, path)
    with pytest.warns(SegpruneWarning, match="taken from 'model'; left out: 'loss'"):
        assert read_weights(path).keys() == state.keys()


@pytest.mark.parametrize("kind", [torch.int32, torch.complex64])
def test_weights_of_another_kind_of_number_are_refused(kind: torch.dtype) -> None:
    state = network().state_dict()
    state["3.weight"] = state["3.weight"].to(kind)
    with pytest.raises(ModelError, match=r"3\.weight in a type like torch\.float32"):
        load_weights(network(), state, "last.pt")
