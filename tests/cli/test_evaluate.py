"""`segprune eval` on three tiny images: what it says, what it writes, and what it refuses."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from typer.testing import CliRunner, Result

import segprune
from segprune.cli import app
from segprune.data.classes import CAMVID
from segprune.data.opening import open_dataset
from segprune.errors import ArtifactError, InputError
from segprune.evaluation.evaluate import evaluate_images
from segprune.evaluation.matrices import read_matrices
from segprune.records.evaluation import EvaluationRecord
from segprune.records.io import read_record
from segprune.records.preprocessing import Preprocessing

MODULE = '''
from torch import nn


class Net(nn.Sequential):
    """11 classes."""

    def __init__(self):
        super().__init__(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 11, 1))


class Four(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 4, 1))


class Broken(Net):
    def forward(self, x):
        return super().forward(x) * float("nan")
'''
SIZE = (32, 64)
USED = Preprocessing(mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4), size=SIZE)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder to work in, with images in CamVid's layout, and a module of networks."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "tiny_eval_nets.py").write_text(MODULE)
    draw = np.random.default_rng(0)
    for split, count in (("val", 3), ("test", 2)):
        for part in ("images", "labels"):
            (folder / "camvid" / split / part).mkdir(parents=True)
        for number in range(count):
            pixels = draw.integers(256, size=(40, 80, 3), dtype=np.uint8)
            label = draw.integers(10, size=(40, 80)).astype(np.uint8)  # no bicyclist
            label[:4] = 255
            for part, array in (("images", pixels), ("labels", label)):
                Image.fromarray(array).save(folder / f"camvid/{split}/{part}/0001_{number}.png")
    before, path = Path.cwd(), sys.path[:]
    os.chdir(folder)
    yield folder
    os.chdir(before)
    sys.path[:] = path
    sys.modules.pop("tiny_eval_nets", None)


Small = tuple[nn.Module, segprune.PrunePlan]


def pruned(network: nn.Module) -> Small:
    plan = segprune.make_plan(network.eval(), torch.rand(1, 3, *SIZE), budget={"channels": 0.5})
    return segprune.prune(network, plan), plan


@pytest.fixture(scope="module")
def small() -> Small:
    torch.manual_seed(0)
    return pruned(segprune.build("bisenetv2", num_classes=11, width=0.25))


@pytest.fixture(scope="module")
def artifact(place: Path, small: Small) -> Path:
    """A pruned BiSeNetV2 that says how it was trained."""
    facts = {"preprocessing": USED.as_metadata(), "classes": list(CAMVID.names), "data": "camvid"}
    return segprune.save(place / "small.safetensors", *small, metadata=facts)


@pytest.fixture(scope="module")
def own(place: Path) -> Path:
    """A pruned network of the user's own, which says nothing."""
    sys.path.insert(0, str(place))
    torch.manual_seed(0)
    return segprune.save(place / "own.safetensors", *pruned(__import__("tiny_eval_nets").Net()))


def eval_(*words: object) -> Result:
    return CliRunner().invoke(app, ["eval", *map(str, words)], env={"COLUMNS": "100"})


def done(*words: object) -> str:
    result = eval_(*words)
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.split())


def refused(*words: object) -> str:
    before = sorted(Path("runs").glob("*")) if Path("runs").exists() else []
    result = eval_(*words)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert (sorted(Path("runs").glob("*")) if Path("runs").exists() else []) == before
    return " ".join(result.stderr.split())


def record_of(name: str) -> EvaluationRecord:
    return read_record(EvaluationRecord, Path("runs") / name / "evaluation.json")


# -- what it does ----------------------------------------------------------------------------------


def test_an_artefact_brings_its_data_set_size_and_normalisation(artifact: Path) -> None:
    said = done(artifact, "--root", "camvid", "--name", "first")
    record = record_of("first")
    dataset = open_dataset("camvid", "camvid", size=SIZE)
    found = evaluate_images(segprune.load(artifact), dataset, preprocessing=USED)
    assert record.score == found.score
    assert record.predictions == found.predictions
    assert record.preprocessing == USED
    assert "BiSeNetV2, camvid val, 3 images at 32×64" in said
    assert f"mIoU {100 * found.score.miou:.1f}" in said
    assert f"pixels {100 * found.score.pixel_accuracy:.1f} % right" in said
    assert all(name in said for name in CAMVID.names)
    assert "note" not in said


def test_the_record_names_everything_by_its_digest(artifact: Path) -> None:
    done(artifact, "--root", "camvid", "--name", "digests", "--count", "2")
    record, folder = record_of("digests"), Path("runs/digests")
    assert record.artifact == hashlib.sha256(artifact.read_bytes()).hexdigest()
    assert record.matrices == hashlib.sha256((folder / "matrices.npz").read_bytes()).hexdigest()
    assert record.plan == segprune.read_header(artifact).plan.digest
    assert record.images_digest == open_dataset("camvid", "camvid", size=SIZE, count=2).digest()
    assert (record.data, record.split, record.score.images) == ("camvid", "val", 2)
    assert record.classes == CAMVID.names
    assert record.packages["torchvision"]
    assert sorted(path.name for path in folder.iterdir()) == ["evaluation.json", "matrices.npz"]


def test_inspect_shows_the_record(artifact: Path) -> None:
    done(artifact, "--root", "camvid", "--name", "looked-at")
    shown = CliRunner().invoke(app, ["inspect", "runs/looked-at/evaluation.json"])
    assert shown.exit_code == 0, shown.output
    said = " ".join(shown.stdout.split())
    assert f"mIoU {100 * record_of('looked-at').score.miou:.1f}" in said
    assert all(name in said for name in CAMVID.names)


def test_the_counts_of_every_image_lie_beside_the_record(artifact: Path) -> None:
    done(artifact, "--root", "camvid", "--name", "counts")
    names, matrix = read_matrices(Path("runs/counts/matrices.npz"), 11)
    assert names == ("0001_0", "0001_1", "0001_2")
    assert matrix.score() == record_of("counts").score
    assert matrix.per_image.shape == (3, 11, 12)
    assert (matrix.per_image.sum(axis=(1, 2)) == 36 * 80).all()


def test_scores_are_taken_at_the_size_of_the_labels_whatever_the_networks(artifact: Path) -> None:
    done(artifact, "--root", "camvid", "--size", "64x64", "--name", "large")
    assert record_of("large").preprocessing.size == (64, 64)
    _, matrix = read_matrices(Path("runs/large/matrices.npz"), 11)
    assert (matrix.per_image.sum(axis=(1, 2)) == 36 * 80).all()


def test_another_run_gives_the_same_digests(artifact: Path) -> None:
    for name in ("one", "other"):
        done(artifact, "--root", "camvid", "--name", name)
    one, other = record_of("one"), record_of("other")
    assert one == other
    assert record_of("one").matrices == record_of("other").matrices


def test_records_name_no_folder(artifact: Path, place: Path) -> None:
    done(artifact, "--root", place / "camvid", "--out", place / "runs", "--name", "portable")
    text = Path("runs/portable/evaluation.json").read_text(encoding="utf-8")
    assert str(place) not in text
    assert list(record_of("portable").command) == ["segprune", "eval", "small.safetensors"]


def test_another_split_is_in_the_name_of_the_folder(artifact: Path) -> None:
    said = done(artifact, "--root", "camvid", "--split", "test")
    assert "runs/eval-small-camvid-test/" in said
    assert record_of("eval-small-camvid-test").score.images == 2


def test_a_network_of_your_own_with_its_weights(own: Path) -> None:
    network = __import__("tiny_eval_nets").Net().eval()
    torch.save(network.state_dict(), "own.pt")
    words = ("tiny_eval_nets:Net", "--data", "camvid", "--root", "camvid", "--weights", "own.pt")
    said = done(*words, "--name", "mine")
    record = record_of("mine")
    assert record.score == segprune.evaluate(network, open_dataset("camvid", "camvid"))
    assert record.weights == hashlib.sha256(Path("own.pt").read_bytes()).hexdigest()
    assert (record.artifact, record.plan, record.preprocessing.size) == (None, None, None)
    assert "as they are stored" in said
    assert "note" not in said


def test_an_artefact_of_your_own_network(own: Path) -> None:
    words = (own, "--data", "camvid", "--root", "camvid", "--model", "tiny_eval_nets:Net")
    assert "ImageNet's mean and deviation are assumed" in done(*words, "--name", "own")
    network = segprune.load(own, __import__("tiny_eval_nets").Net())
    assert record_of("own").score == segprune.evaluate(network, open_dataset("camvid", "camvid"))


def test_random_weights_are_called_random() -> None:
    said = done(
        "bisenetv2", "--data", "camvid", "--root", "camvid", "--count", "1", "--size", "32x32"
    )
    assert "note random weights" in said
    own_ = done("tiny_eval_nets:Net", "--data", "camvid", "--root", "camvid", "--count", "1")
    assert "random unless the factory loads some" in own_


def test_classes_of_other_names_are_noted(place: Path, small: Small) -> None:
    facts = {"classes": [*CAMVID.names[:10], "cyclist"], "data": "camvid"}
    path = segprune.save(place / "renamed.safetensors", *small, metadata=facts)
    said = done(path, "--root", "camvid", "--size", "32x32", "--name", "renamed")
    assert "note class 10 is 'cyclist' in renamed and 'bicyclist' in camvid written" in said


# -- what it refuses -------------------------------------------------------------------------------


def test_another_number_of_classes_is_refused_before_anything_is_evaluated(
    place: Path, own: Path
) -> None:
    four = pruned(__import__("tiny_eval_nets").Four())
    named, silent = place / "four.safetensors", place / "silent.safetensors"
    segprune.save(named, *four, metadata={"classes": list("abcd"), "data": "camvid"})
    segprune.save(silent, *four)
    words = ("--root", "camvid", "--model", "tiny_eval_nets:Four")
    found = refused(named, *words)
    assert (
        "expected the 4 of four (a, b, c, …), found 11 of camvid (sky, building, pole, …)" in found
    )
    found = refused(silent, "--data", "camvid", *words)
    assert "expected logits (1, 11, H, W)" in found
    assert "0001_0" in found


def test_the_same_classes_in_another_order_are_refused(place: Path, small: Small) -> None:
    names = list(CAMVID.names)
    names[2:4] = ["road", "pole"]
    facts = {"classes": names, "data": "camvid"}
    path = segprune.save(place / "shuffled.safetensors", *small, metadata=facts)
    assert "where 2 is 'road', found that of camvid, where it is 'pole'" in refused(
        path, "--root", "camvid"
    )


def test_what_is_missing_is_asked_for(artifact: Path, own: Path) -> None:
    assert "pass --root FOLDER" in refused(artifact)
    assert "nowhere: expected the folder of the data set, found nothing" in refused(
        artifact, "--root", "nowhere"
    )
    assert "pass --data NAME" in refused(own, "--model", "tiny_eval_nets:Net")
    assert "pass --model package.module:factory" in refused(own, "--data", "camvid")
    assert "no such file" in refused("runs/none/none.safetensors")
    assert "no such file" in refused("runs/none/none.pt")
    assert "expected bisenetv2, icnet or package.module:factory" in refused(
        "resnet", "--data", "camvid", "--root", "camvid"
    )


def test_weights_in_place_of_an_artefact_need_their_network(place: Path, own: Path) -> None:
    torch.save({"weight": torch.zeros(1)}, place / "best.pt")
    assert "best.pt: expected an artefact of segprune, found weights alone" in refused(
        "best.pt", "--root", "camvid", "--data", "camvid"
    )
    words = ("--root", "camvid", "--data", "camvid", "--model", "tiny_eval_nets:Net")
    assert "best.pt: expected the" in refused("best.pt", *words)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--weights", "own.pt"), "which has its own"),
        (("--size", "32"), "--size: expected HxW"),
        (("--size", "0x32"), "--size: expected HxW"),
        (("--device", "abacus"), "'abacus'"),
        (("--split", "night"), "night"),
        (("--data", "kitti"), "expected one of streets"),
        (("--name", "a/b"), "without slashes"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    artifact: Path, words: tuple[str, ...], said: str
) -> None:
    assert said in refused(artifact, "--root", "camvid", *words)


def test_a_model_beside_a_name_is_refused() -> None:
    words = ("--data", "camvid", "--root", "camvid", "--model", "tiny_eval_nets:Net")
    assert "it is for artefacts" in refused("bisenetv2", *words)


def test_a_name_that_is_taken_is_kept_unless_it_is_to_be_replaced(artifact: Path) -> None:
    done(artifact, "--root", "camvid", "--name", "taken")
    before = record_of("taken")
    assert "there already" in refused(
        artifact, "--root", "camvid", "--name", "taken", "--count", "1"
    )
    assert record_of("taken") == before
    done(artifact, "--root", "camvid", "--name", "taken", "--count", "1", "--replace")
    assert record_of("taken").score.images == 1


def test_a_network_that_gives_no_numbers_leaves_nothing(own: Path) -> None:
    assert own.exists()  # and with it the module that the network is in
    found = refused("tiny_eval_nets:Broken", "--data", "camvid", "--root", "camvid")
    assert "expected finite logits of 0001_0, found NaN" in found


def test_matrices_of_another_kind_are_refused(tmp_path: Path, artifact: Path) -> None:
    path = tmp_path / "matrices.npz"
    with pytest.raises(ArtifactError, match="evaluate again"):
        read_matrices(path, 11)
    path.write_bytes(b"no zip")
    with pytest.raises(ArtifactError, match="evaluate again"):
        read_matrices(path, 11)
    np.savez(path, names=np.array(["a"]))
    with pytest.raises(ArtifactError, match="evaluate again"):
        read_matrices(path, 11)
    done(artifact, "--root", "camvid", "--name", "kind")
    with pytest.raises(InputError, match="another evaluation"):
        read_matrices(Path("runs/kind/matrices.npz"), 5)
