"""The evaluation job: its score is that of a network run by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from segprune.data import open_dataset
from segprune.data.normalisation import Given
from segprune.errors import InputError
from segprune.workflows.evaluate import check_classes, run_evaluation
from segprune.workflows.jobs import EvaluationJob
from segprune.workflows.open import open_network
from workflows.small import eleven, keep


def by_hand(folder: Path) -> float:
    """Compute the mIoU of `eleven` on the images in a folder."""
    together = np.zeros(11)
    either = np.zeros(11)
    for path in sorted((folder / "val" / "images").iterdir()):
        pixels = np.asarray(Image.open(path)).astype(np.float32) / 255
        label = np.asarray(Image.open(folder / "val" / "labels" / path.name))
        with torch.no_grad():
            logits = eleven()(torch.from_numpy((pixels - 0.5) / 0.25).permute(2, 0, 1)[None])
        found = logits[0].numpy().argmax(axis=0)
        for index in range(11):
            together[index] += ((found == index) & (label == index)).sum()
            either[index] += ((found == index) | (label == index)).sum()
    return float((together[either > 0] / either[either > 0]).mean())


def test_the_score_is_that_of_a_loop_by_hand(camvid: Path, tmp_path: Path) -> None:
    given = Given((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    result = run_evaluation(
        EvaluationJob("workflows.small:eleven", "camvid", camvid, given=given, out=tmp_path)
    )
    assert result.folder == tmp_path / "eval-eleven-camvid-val"
    assert result.record.score.miou == pytest.approx(by_hand(camvid), abs=1e-6)
    assert result.record.score.images == 5
    assert any("random" in doubt for doubt in result.doubts)


def test_classes_in_another_order_are_refused_and_other_names_are_a_doubt(
    camvid: Path, tmp_path: Path
) -> None:
    dataset = open_dataset("camvid", camvid, split="val")
    names = list(dataset.classes.names)
    swapped = [names[1], names[0], *names[2:]]
    for classes, expected in ((names, 0), (["sea", *names[1:]], 1)):
        file = keep(tmp_path / "a.safetensors", eleven(), classes=classes)
        doubts = check_classes(open_network(eleven(), artifact=file), dataset)
        assert len(doubts) == expected
    file = keep(tmp_path / "b.safetensors", eleven(), classes=swapped)
    with pytest.raises(InputError, match=r"expected the order of b, where 0 is"):
        check_classes(open_network(eleven(), artifact=file), dataset)


def test_what_is_needed_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="data: expected the name of a data set"):
        run_evaluation(EvaluationJob("workflows.small:eleven"))
    with pytest.raises(InputError, match="model: expected none beside icnet"):
        run_evaluation(EvaluationJob("icnet", "streets", model="workflows.small:eleven"))
