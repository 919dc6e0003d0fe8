"""segprune prune: what it says and writes, and that it leaves nothing when it is stopped."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import segprune
from cli.runner import MODEL, QUICK, SIZE, done, runs, segprune_
from segprune.records.io import read_record
from segprune.records.prune import PruneRecord


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
    words = ("--input", "1x3x64x64", "--no-speed", "--deploy", "--half", "--name", "deployed")
    said = done("prune", "bisenetv2", *words, "--num-classes", "5", "--budget", "params=0.6")
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
        "prune",
        MODEL,
        *QUICK,
        "--frames",
        str(frames),
        "--importance",
        "taylor",
        "--name",
        "taylor",
    )
    assert "on 5 frames" in said
    record = read_record(PruneRecord, place / "runs" / "taylor" / "record.json")
    assert record.frames == 5
    assert record.frames_digest is not None
    assert record.command[-2:] == ("--frames", "frames") or "frames" in record.command


def test_what_must_stay_is_named_with_the_users_line(place: Path) -> None:
    said = done("prune", "tiny_nets:Literal", *QUICK, "--name", "literal")
    assert "must stay" in said
    assert "tiny_nets.py:" in said
    assert "can be removed" in said


def test_layers_are_pruned_by_name(place: Path) -> None:
    words = ("--layer", "wide=0.25", "--name", "layers", "--ignored-layers", "stem")
    done("prune", MODEL, *QUICK, *words)
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
    monkeypatch.setattr("segprune.workflows.prune.prune", segprune.mask)
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

    monkeypatch.setattr(f"segprune.workflows.prune.{step}", fail)
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


def test_deploy_is_refused_before_the_work_where_a_network_cannot_have_it(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = runs(place)
    monkeypatch.setattr("segprune.workflows.prune.trace", None)  # the work
    result = segprune_("prune", MODEL, *QUICK, "--deploy")
    assert result.exit_code == 2
    assert "--deploy" in result.stderr
    assert "Net" in result.stderr
    assert runs(place) == before


@pytest.mark.usefixtures("place")
def test_a_timing_that_ends_at_its_limit_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    import segprune.speed.comparison as comparison

    ticks = iter(range(0, 10_000, 100))
    real = comparison.measure
    monkeypatch.setattr(
        "segprune.workflows.prune.measure",
        lambda *args, **options: real(*args, **options, clock=lambda: float(next(ticks))),
    )
    said = done("prune", MODEL, *SIZE, "--name", "limited", "--pairs", "30", "--max-seconds", "5")
    assert "timing ended at its limit of 5 s (--max-seconds), before all 30 pairs" in said
    assert "6 pairs in turn" in said
    assert "timing ended" in done("inspect", "runs/limited/record.json")


@pytest.mark.usefixtures("place")
def test_a_budget_that_was_met_from_below_is_named() -> None:
    said = done("prune", MODEL, *QUICK, "--budget", "macs=0.5", "--round-to", "16")
    assert "50 % of the MACs were asked for" in said
    assert "the nearest share above is" in said
    assert "were asked for" not in done("prune", MODEL, *QUICK, "--budget", "macs=0.5")


def test_both_networks_are_scored_where_labels_are_read(run: Path, frames: Path) -> None:
    said = done(
        "prune", MODEL, *QUICK, "--weights", "w.pt", "--frames", str(frames), "--importance",
        "taylor", "--name", "scored",
    )  # fmt: skip
    record = read_record(PruneRecord, Path("runs", "scored", "record.json"))
    labels, images = sorted((frames / "labels").rglob("*.png")), sorted(frames.rglob("*.jpg"))
    matrices = {}
    for name, network in (
        ("dense", _trained()),
        ("pruned", segprune.load("runs/scored/scored.safetensors", sys.modules["tiny_nets"].Net())),
    ):
        matrix = segprune.ConfusionMatrix(4)
        for image, label in zip(images, labels, strict=True):
            matrix.update(*_seen(network, image, label))
        matrices[name] = matrix.score().miou
        assert f"{100 * matrices[name]:.1f} {name}" in said
    assert record.mious == pytest.approx(matrices)


def _trained() -> nn.Module:
    network = sys.modules["tiny_nets"].Net()
    state = torch.load("w.pt")["state_dict"]
    network.load_state_dict({k.removeprefix("module."): v for k, v in state.items()})
    return network.eval()


def _seen(network: nn.Module, image: Path, label: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Classes and labels at 32×64, computed with Pillow and torch alone."""
    import numpy as np
    from PIL import Image

    pixels = np.asarray(Image.open(image).convert("RGB").resize((64, 32), Image.Resampling(2)))
    classes = np.asarray(Image.open(label).resize((64, 32), Image.Resampling(0)))
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    batch = ((torch.tensor(pixels) / 255 - mean) / std).permute(2, 0, 1)[None]
    with torch.no_grad():
        return network(batch).argmax(1), torch.tensor(classes).long()[None]


def test_without_labels_prune_says_how_to_score_both(run: Path) -> None:
    said = done("prune", MODEL, *QUICK, "--weights", "w.pt", "--name", "unscored")
    assert "mIoU not measured" in said
    assert "segprune eval runs/unscored/unscored.safetensors --data folder" in said
    assert f"segprune eval {MODEL} --weights FILE" in said


def test_nothing_else_was_written(run: Path) -> None:
    assert not [name for name in runs(Path.cwd()) if name.startswith(".")]


def test_a_share_that_a_step_of_widths_forbids_is_printed_and_recorded(place: Path) -> None:
    said = done(
        "prune", MODEL, *QUICK, "--layer", "wide=0.3", "--round-to", "8", "--name", "stepped"
    )
    assert "wide keeps" in said
    assert "(30 %)" in said
    record = json.loads((place / "runs" / "stepped" / "record.json").read_text("utf-8"))
    assert record["missed_shares"]["wide"]["asked"] == 0.3
    assert "wide keeps" in done("inspect", "runs/stepped/record.json")
    assert "other shares" not in done("prune", MODEL, *QUICK, "--layer", "wide=0.5")
