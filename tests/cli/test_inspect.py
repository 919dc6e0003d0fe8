"""segprune inspect: every layer of a plan, digests, and what a file of weights is good for."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import segprune
from cli.runner import MODEL, SIZE, done, segprune_
from segprune.models.weights import file_digest


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


def built() -> nn.Module:
    module = __import__("tiny_nets")
    network: nn.Module = module.Net()
    return network


@pytest.mark.parametrize("kind", ["plain", "lightning", "safetensors"])
def test_weights_are_described_and_the_commands_that_take_them_are_named(
    run: Path, kind: str
) -> None:
    state = built().state_dict()
    path = Path(f"{kind}.safetensors" if kind == "safetensors" else f"{kind}.pt")
    if kind == "safetensors":
        from safetensors.torch import save_file

        save_file(state, path)
    elif kind == "plain":
        torch.save(state, path)
    else:
        wrapped = {f"model.{name}": tensor for name, tensor in state.items()}
        torch.save({"pytorch-lightning_version": "2.0", "epoch": 3, "state_dict": wrapped}, path)
    result = segprune_("inspect", str(path))
    said = " ".join(result.output.split())
    assert result.exit_code == 2
    assert f"{len(state)} tensors" in said
    for command in ("segprune prune", "segprune eval"):
        assert f"{command} package.module:factory --weights {path}" in said


def test_each_digest_has_a_label_that_is_true(run: Path) -> None:
    artifact = run / "first.safetensors"
    result = segprune_("inspect", str(artifact), COLUMNS="200")
    lines = {line.split()[0]: line for line in result.output.splitlines() if "sha256" in line}
    assert file_digest(artifact) in lines["file"]
    assert segprune.read_header(artifact).payload in lines["contents"]
    assert "tensors sha256" not in " ".join(result.output.split())


def test_the_report_of_doctor_is_shown_as_doctor_shows_it(place: Path) -> None:
    shown = done("doctor", MODEL, *SIZE, "--json", "doctor.json")
    assert f"{done('inspect', 'doctor.json')} written doctor.json" == shown


def test_a_json_file_that_is_no_record_is_refused_as_a_plan(place: Path) -> None:
    (place / "other.json").write_text('{"schema": "segprune.predictions"}')
    result = segprune_("inspect", "other.json")
    assert result.exit_code == 2
    assert "other.json" in result.stderr or "plan" in result.stderr
