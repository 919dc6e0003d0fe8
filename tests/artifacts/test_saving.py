"""What the file of a pruned network promises, beyond the refusals in bad_input."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import segprune
from artifacts.test_settings import Set, saved

X = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module", params=["icnet", "bisenetv2"])
def pruned(request: pytest.FixtureRequest) -> tuple[nn.Module, nn.Module, segprune.PrunePlan]:
    torch.manual_seed(0)
    model = segprune.build(request.param, num_classes=7, width=0.25)
    plan = segprune.make_plan(model, X)
    return model, segprune.prune(model, plan).eval(), plan


def output(model: nn.Module) -> Tensor:
    with torch.inference_mode():
        result: Tensor = model(X)
    return result


@pytest.mark.slow
def test_a_fresh_process_computes_the_same_bits(pruned: tuple, tmp_path: Path) -> None:
    _, small, plan = pruned
    segprune.save(tmp_path / "net.safetensors", small, plan)
    torch.save(X, tmp_path / "x.pt")
    script = (
        "import torch, segprune\n"
        "model = segprune.load('net.safetensors')\n"
        "with torch.inference_mode(): y = model(torch.load('x.pt', weights_only=True))\n"
        "torch.save(y, 'y.pt')\n"
    )
    # As many threads as here: another number may sum in another order.
    threads = f"import torch; torch.set_num_threads({torch.get_num_threads()})\n"
    subprocess.run([sys.executable, "-c", threads + script], cwd=tmp_path, check=True)
    assert torch.equal(torch.load(tmp_path / "y.pt", weights_only=True), output(small))


def test_loaded_tensors_are_aligned_like_any_other(pruned: tuple, tmp_path: Path) -> None:
    """Tensors left in the file's memory are not, and some kernels then round otherwise."""
    _, small, plan = pruned
    again = segprune.load(segprune.save(tmp_path / "net.safetensors", small, plan))
    assert {tensor.data_ptr() % 64 for tensor in again.state_dict().values()} == {0}


def test_a_deployed_file_has_no_auxiliary_heads_and_the_same_logits(
    pruned: tuple, tmp_path: Path
) -> None:
    _, small, plan = pruned
    again = segprune.load(segprune.save(tmp_path / "net.safetensors", small, plan, deploy=True))
    assert not [name for name in again.state_dict() if "aux" in name]
    assert any("aux" in name for name in small.state_dict())
    assert torch.equal(output(again), output(small))


def test_half_precision_keeps_statistics_and_whatever_would_overflow(
    pruned: tuple, tmp_path: Path
) -> None:
    from safetensors import safe_open

    model, _, plan = pruned
    small = segprune.prune(model, plan).eval()
    norm = next(m for m in small.modules() if isinstance(m, nn.BatchNorm2d))
    conv = next(m for m in small.modules() if isinstance(m, nn.Conv2d))
    with torch.no_grad():
        norm.running_var.fill_(7e4)
        conv.weight[0, 0, 0, 0] = 7e4
    path = segprune.save(tmp_path / "net.safetensors", small, plan, dtype=torch.float16)
    with safe_open(path, framework="pt") as file:
        types = {name: file.get_tensor(name).dtype for name in file.keys()}  # noqa: SIM118
    assert all(types[name] != torch.float16 for name in types if "running" in name)
    assert sum(dtype == torch.float16 for dtype in types.values()) > len(types) / 3
    again = segprune.load(path)
    for name, tensor in small.state_dict().items():
        loaded = again.state_dict()[name]
        assert loaded.dtype == tensor.dtype
        assert torch.isfinite(loaded.float()).all()
        torch.testing.assert_close(loaded, tensor, rtol=1e-3, atol=1e-6)


def test_half_precision_keeps_what_would_in_bulk_become_zero(pruned: tuple, tmp_path: Path) -> None:
    model, _, plan = pruned
    small = segprune.prune(model, plan).eval()
    tiny, usual = [m for m in small.modules() if isinstance(m, nn.Conv2d)][:2]
    with torch.no_grad():
        tiny.weight.mul_(1e-8)
        usual.weight[0, 0, 0, 0] = 1e-8  # one of many: the others are what counts
    again = segprune.load(
        segprune.save(tmp_path / "net.safetensors", small, plan, dtype=torch.float16)
    )
    loaded = [m for m in again.modules() if isinstance(m, nn.Conv2d)]
    assert torch.equal(loaded[0].weight, tiny.weight)
    assert torch.equal(loaded[1].weight, usual.weight.half().float())


def test_memory_format_survives_the_file(tmp_path: Path) -> None:
    model = segprune.build("bisenetv2", width=0.25).to(memory_format=torch.channels_last)
    plan = segprune.make_plan(model, X)
    small = segprune.prune(model, plan)
    again = segprune.load(segprune.save(tmp_path / "net.safetensors", small, plan))
    strides = {name: tensor.stride() for name, tensor in small.state_dict().items()}
    assert {name: tensor.stride() for name, tensor in again.state_dict().items()} == strides


def test_what_the_caller_adds_comes_back(pruned: tuple, tmp_path: Path) -> None:
    _, small, plan = pruned
    facts = {"mean": [0.5, 0.5, 0.5], "input": [64, 96]}
    path = segprune.save(tmp_path / "net.safetensors", small, plan, metadata=facts)
    header = segprune.read_header(path)
    assert header.metadata == facts
    assert header.plan == plan


def test_every_public_name_can_be_imported() -> None:
    code = "import segprune; [getattr(segprune, name) for name in segprune.__all__]"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    assert set(segprune._HOME) == set(segprune.__all__)


def test_importing_the_package_alone_imports_no_torch() -> None:
    code = "import sys, segprune; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


# -- the same tensors, another network -------------------------------------------------------------


def test_a_state_beside_the_tensors_is_refused_and_not_lost(tmp_path: Path) -> None:
    class Scaled(Set):
        def get_extra_state(self) -> dict[str, float]:
            return {"scale": 3.0}

        def set_extra_state(self, state: dict[str, float]) -> None:
            pass

    with pytest.raises(segprune.ArtifactError, match=r"Scaled\.get_extra_state"):
        saved(tmp_path, Scaled())


def test_a_name_that_safetensors_has_for_itself_is_refused(tmp_path: Path) -> None:
    model = Set()
    model.register_parameter("__metadata__", nn.Parameter(torch.zeros(1)))
    with pytest.raises(segprune.ArtifactError, match="rename it"):
        saved(tmp_path, model)
