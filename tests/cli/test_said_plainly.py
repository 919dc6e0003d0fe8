"""What a newcomer reads: files that are no artefacts, random weights, and help that is not torn."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import torch
from torch import nn

import segprune
from cli.runner import MODEL, QUICK, SIZE, done, runs, segprune_
from segprune.models.weights import file_digest
from segprune.records.io import read_record
from segprune.records.prune import PruneRecord

COMMANDS = (
    (), ("prune",), ("inspect",), ("verify",), ("sensitivity",), ("train",), ("recover",),
    ("eval",), ("sweep",), ("speed",), ("predict",), ("report",), ("data",), ("data", "check"),
)  # fmt: skip


def built() -> nn.Module:
    module = __import__("tiny_nets")
    network: nn.Module = module.Net()
    return network


# -- inspect ---------------------------------------------------------------------------------------


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


def test_other_commands_say_that_a_file_is_of_torch(run: Path) -> None:
    torch.save(built().state_dict(), "dense.pt")
    result = segprune_("verify", "dense.pt", "--model", MODEL)
    assert result.exit_code == 2
    assert "found a file of torch.save" in " ".join(result.output.split())


def test_each_digest_has_a_label_that_is_true(run: Path) -> None:
    artifact = run / "first.safetensors"
    result = segprune_("inspect", str(artifact), COLUMNS="200")
    lines = {line.split()[0]: line for line in result.output.splitlines() if "sha256" in line}
    assert file_digest(artifact) in lines["file"]
    assert segprune.read_header(artifact).payload in lines["contents"]
    assert "tensors sha256" not in " ".join(result.output.split())


# -- prune and sensitivity -------------------------------------------------------------------------


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
        ("pruned", segprune.load("runs/scored/scored.safetensors", built())),
    ):
        matrix = segprune.ConfusionMatrix(4)
        for image, label in zip(images, labels, strict=True):
            matrix.update(*_seen(network, image, label))
        matrices[name] = matrix.score().miou
        assert f"{100 * matrices[name]:.1f} {name}" in said
    assert record.mious == pytest.approx(matrices)


def _trained() -> nn.Module:
    network = built()
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


def test_random_weights_are_a_warning_of_a_sensitivity(run: Path) -> None:
    without = done("sensitivity", MODEL, *SIZE)
    assert "warning the weights are random, unless the factory loads trained ones" in without
    assert "warning" not in done("sensitivity", MODEL, *SIZE, "--weights", "w.pt")


def test_a_skipped_layer_is_said_in_words_of_the_command_line(run: Path) -> None:
    from segprune.data.source import ImageSource
    from segprune.workflows.dense import on_images
    from segprune.workflows.open import open_network
    from segprune.workflows.sensitivity import run_sensitivity

    class Shared(nn.Module):
        """A half of the channels of `first` has to stay."""

        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(3, 16, 1)
            self.last = nn.Conv2d(24, 4, 1)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            x = self.first(images)
            return self.last(torch.cat([x, x[:, :8].softmax(1)], 1))

    dense = on_images(open_network(Shared()), (1, 3, 16, 16), ImageSource())
    (reason,) = run_sensitivity("shared", dense, keep=0.25).skipped
    assert "scope" not in reason
    assert "[" not in reason
    assert "pass --keep 0.562 or more" in reason  # 9 of 16


# -- help ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("width", [80, 120])
def test_no_line_of_a_help_page_is_torn(command: tuple[str, ...], width: int) -> None:
    """A line is folded where the next word does not fit, and nowhere else."""
    page = segprune_(*command, "--help", COLUMNS=str(width)).output
    text = page.partition("╭")[0].splitlines()
    for line, following in itertools.pairwise(text):
        one, other = line.strip(), following.strip()
        if not one or not other or one == "Examples" or line.startswith("   "):
            continue
        assert len(line.rstrip()) + 1 + len(other.split()[0]) > width - 1, (one, other)
    examples = [line.strip() for line in text if line.startswith("   ")]
    assert not [line for line in examples if line.startswith("--")]


def test_nothing_else_was_written(run: Path) -> None:
    assert not [name for name in runs(Path.cwd()) if name.startswith(".")]
