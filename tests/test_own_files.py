"""Files that users have: state dicts in place of artefacts, records, a report of their own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from typer.testing import CliRunner, Result

import segprune
from benchmarks.readme import ROOT
from segprune.artifacts import is_artifact
from segprune.cli import app
from segprune.training.recipe import parse_recipe
from segprune.workflows.train.start import load_artifact

RECORDS = ROOT / "benchmarks" / "records"
EXAMPLE = torch.rand(1, 3, 32, 64)


class Own(nn.Module):
    """Eleven classes at half of the size."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 16, 3, 2, 1), nn.Conv2d(16, 11, 1)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.last(torch.relu(self.first(images)))
        return logits


def own() -> Own:
    """For options: `test_own_files:own`."""
    return Own()


MODEL = ("--model", "test_own_files:own")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With `dense.pt`, a state dict, and `half.safetensors`, pruned from it."""
    monkeypatch.chdir(tmp_path)
    dense = own().eval()
    torch.save(dense.state_dict(), tmp_path / "dense.pt")
    plan = segprune.make_plan(dense, EXAMPLE, budget={"macs": 0.5})
    metadata = {"input": [1, 3, 32, 64], "classes": list("abcdefghijk")}
    segprune.save("half.safetensors", segprune.prune(dense, plan), plan, metadata=metadata)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def said(result: Result) -> str:
    return " ".join(result.output.split())


def refused(*arguments: str) -> str:
    """What a command says that ends with a user's error."""
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    return said(result)


def test_weights_of_others_are_told_from_artefacts(folder: Path) -> None:
    assert is_artifact(folder / "half.safetensors")
    assert not is_artifact(folder / "dense.pt")
    (folder / "torn.safetensors").write_bytes(b"torn")
    assert is_artifact(folder / "torn.safetensors")  # so that reading it says what is wrong


def test_speed_takes_a_state_dict_of_the_dense_network(folder: Path) -> None:
    result = run("speed", "dense.pt", "half.safetensors", *MODEL, "--pairs", "6")
    assert result.exit_code == 0, result.output
    error = refused("speed", "dense.pt", "half.safetensors", "--pairs", "6")
    assert "dense.pt: expected an artefact of segprune, found weights" in error


def test_speed_wants_an_artefact_in_second_place_before_it_measures(folder: Path) -> None:
    error = refused("speed", "half.safetensors", "dense.pt", *MODEL)
    assert "dense.pt: expected the artefact of a pruned network in second place" in error


def test_weights_do_not_say_what_their_images_are_and_that_is_said(folder: Path) -> None:
    result = run("predict", "dense.pt", "streets", "--count", "1", *MODEL, "--name", "weights")
    assert result.exit_code == 0, result.output
    assert "ImageNet's, assumed" in result.output
    assert (folder / "runs" / "weights" / "record.json").exists()
    error = refused("predict", "dense.pt", "streets", "--count", "1")
    assert "dense.pt: expected an artefact of segprune, found weights" in error
    given = run("predict", "dense.pt", "streets", "--count", "1", *MODEL, "--mean", "0.5",
                "--std", "0.5", "--name", "given")  # fmt: skip
    assert "(given)" in given.output


def test_speed_at_a_size_that_does_not_run_is_a_sentence(folder: Path) -> None:
    error = refused("speed", "dense.pt", "half.safetensors", *MODEL, "--input", "2x5x32x64")
    assert "input: expected a size that dense.pt runs at, found 2x5x32x64" in error


def test_pictures_are_compared_with_a_state_dict(folder: Path) -> None:
    arguments = ("predict", "half.safetensors", "streets", "--count", "1", "--no-labels", *MODEL)
    result = run(*arguments, "--against", "dense.pt")
    assert result.exit_code == 0, result.output
    assert "pixels that differ" in said(result)


def test_labels_of_other_classes_are_not_scored(folder: Path) -> None:
    error = refused("predict", "half.safetensors", "streets", "--count", "1", *MODEL)
    assert "expected labels of the classes of half.safetensors (a, b, c ...)" in error


def test_a_data_set_that_is_none_is_refused(folder: Path) -> None:
    error = refused("predict", "half.safetensors", "streets", "--data", "foo", *MODEL)
    assert "data: expected one of" in error
    assert "found 'foo'" in error


def test_a_recipe_takes_a_state_dict_wherever_it_names_a_dense_file(folder: Path) -> None:
    recipe = parse_recipe(
        {"name": "x", "network": {"model": "test_own_files:own"}, "data": {"name": "streets"},
         "training": {"epochs": 1}}, "test",
    )  # fmt: skip
    network = load_artifact(folder / "dense.pt", recipe, 11)
    stored = torch.load(folder / "dense.pt", weights_only=True)
    assert all(torch.equal(value, stored[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("icnet-streets-macs50.json", "BatchNorm recalibrated"),
        ("icnet-streets-macs50-speed.json", "faster"),
    ],
)
def test_inspect_shows_records(name: str, says: str) -> None:
    result = run("inspect", str(RECORDS / name))
    assert result.exit_code == 0, result.output
    assert says in said(result)


def test_a_report_needs_neither_a_policy_nor_a_folder(folder: Path) -> None:
    (folder / "records").mkdir()
    shutil.copy(RECORDS / "icnet-streets-dense.json", folder / "records")
    result = run("report", "--records", "records", "--out", "new/page", "--no-plots")
    assert result.exit_code == 0, result.output
    assert "icnet" in (folder / "new/page/RESULTS.md").read_text()
    missing = run("report", "--records", "records", "--policy", "other.toml", "--out", "page")
    assert missing.exit_code == 2


def test_inspect_knows_the_widths_of_a_recovered_network_of_ones_own(folder: Path) -> None:
    recipe = RECIPE.replace("MORE", "[pruning]\nbudget = { macs = 0.5 }\nbatches = 1\n")
    (folder / "small.toml").write_text(recipe.replace("NAME", "small").replace("INIT", INIT))
    result = run("recover", "small.toml")
    assert result.exit_code == 0, result.output
    assert "segprune speed dense.pt runs/small/small.safetensors --model test_own_files:own" in (
        said(result)
    )
    shown = run("inspect", "runs/small/small.safetensors")
    assert "?" not in said(shown)
    assert "first 16 8 50 %" in said(shown)
    assert "1 of 2 layers are narrower" in said(shown)


def test_inspect_shows_the_layers_of_a_trained_network_of_ones_own(folder: Path) -> None:
    text = RECIPE.replace("MORE", "").replace("NAME", "whole").replace("INIT", "")
    (folder / "whole.toml").write_text(text)
    assert run("train", "whole.toml").exit_code == 0
    shown = run("inspect", "runs/whole/whole.safetensors")
    assert "first 16 16 100 %" in said(shown)


def test_a_recovery_is_compared_with_the_dense_run_that_it_began_with(folder: Path) -> None:
    """Whatever the two are called."""
    whole = RECIPE.replace("MORE", "").replace("NAME", "whole").replace("INIT", "")
    (folder / "whole.toml").write_text(whole)
    assert run("train", "whole.toml").exit_code == 0
    init = 'init_from = "runs/whole/whole.safetensors"'
    more = "[pruning]\nbudget = { macs = 0.5 }\nbatches = 1\n"
    small = RECIPE.replace("MORE", more).replace("NAME", "small").replace("INIT", init)
    (folder / "small.toml").write_text(small)
    assert run("recover", "small.toml").exit_code == 0
    assert run("report", "--records", "r", "--adopt", "runs/whole", "runs/small").exit_code == 0
    assert run("report", "--records", "r", "--out", "page", "--no-plots").exit_code == 0
    page = (folder / "page/RESULTS.md").read_text()
    assert "no dense network is recorded" not in page
    row = next(line for line in page.splitlines() if line.startswith("| own | small |"))
    assert row.split("|")[7].strip() != "–"


INIT = 'init_from = "dense.pt"'
RECIPE = """
name = "NAME"
[network]
model = "test_own_files:own"
poor_start = true  # two steps teach nothing
INIT
[data]
name = "streets"
size = [32, 64]
count = 4
val_count = 2
[augmentation]
crop = [32, 64]
MORE
[training]
epochs = 1
batch_size = 2
[recalibration]
batches = 1
"""


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "they were not given (--weights)"),
        (("--weights", "dense.pt", "--trained"), "trained since it was pruned"),
    ],
)
def test_verify_says_why_numbers_were_not_compared(
    folder: Path, arguments: tuple[str, ...], why: str
) -> None:
    result = run("verify", "half.safetensors", *MODEL, *arguments)
    assert result.exit_code == 0, result.output
    assert f"not compared with the dense ones, for {why}" in said(result) or why in said(result)


def test_speed_of_a_network_of_ones_own_asks_for_its_factory(folder: Path) -> None:
    error = refused("speed", "half.safetensors", "half.safetensors", "--pairs", "6")
    assert "--model package.module:factory" in error
