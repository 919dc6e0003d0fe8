"""A baseline that was changed by hand is refused, and the field that does not fit is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gates.baselines.made import baseline
from segprune.errors import ArtifactError
from segprune.gates.baselines.reading import read_baseline
from segprune.gates.baselines.writing import accept

Edit = Callable[[dict[str, Any]], object]


def put(path: str, change: Callable[[Any], Any]) -> Edit:
    """Return an edit that changes the value at a path such as "size.pruned.macs"."""

    def edit(content: dict[str, Any]) -> None:
        *folders, name = path.split(".")
        for folder in folders:
            content = content[folder]
        content[name] = change(content[name])

    return edit


EDITS: dict[str, Edit] = {
    "accuracy.score: expected what the counts": put("accuracy.score.miou", lambda v: v + 1e-6),
    "accuracy.per_image: expected counts of 2 images": put("data.images", lambda v: 2),
    "floors.class_iou: expected the classes": put("data.classes", lambda v: ["road", "bus"]),
    "speed.comparison.low: expected what its pairs give": put(
        "speed.comparison.low", lambda v: v * 1.001
    ),
    "speed.comparison.samples: expected at least 9 pairs": put(
        "speed.comparison.samples", lambda v: v[:8]
    ),
    "speed.comparison.confidence: expected 0.985": put(
        "speed.comparison.confidence", lambda v: 0.9
    ),
    "speed.comparison.threads: expected 1": put("speed.comparison.threads", lambda v: 2),
    "speed.input: expected": put("speed.input", lambda v: [1, 3, 8, 16]),
    "speed.fingerprint_digest: expected that": put("speed.fingerprint.cores", lambda v: v + 1),
    "accuracy.score.miou: expected at least its floor": put("floors.miou", lambda v: 0.99),
    "size.pruned.macs: expected at most its limit": put("floors.most_macs", lambda v: 899),
    "size: expected a pruned network smaller": put(
        "size", lambda v: {**v, "pruned": v["dense"], "dense": v["pruned"]}
    ),
    "floors.speedup: expected a number above 0": put("floors.speedup", lambda v: 0.0),
    "accepted: expected": put("accepted", lambda v: []),
    "expected a reason with what was lowered": put(
        "accepted", lambda v: [{**v[0], "lowered": ["mIoU from 90 to 80"]}]
    ),
}


def written(folder: Path, edit: Edit | None = None) -> Path:
    path = folder / "half.json"
    accept(path, baseline())
    if edit is not None:
        content = json.loads(path.read_text("utf-8"))
        edit(content)
        path.write_text(json.dumps(content), "utf-8")
    return path


def test_what_was_accepted_is_read_back(tmp_path: Path) -> None:
    found = read_baseline(written(tmp_path), "half")
    assert found.accuracy == baseline().accuracy


@pytest.mark.parametrize("says", EDITS)
def test_an_edited_baseline_is_refused(tmp_path: Path, says: str) -> None:
    with pytest.raises(ArtifactError) as refused:
        read_baseline(written(tmp_path, EDITS[says]), "half")
    assert says in str(refused.value)
    assert "pytest --segprune-accept" in str(refused.value)


def test_the_baseline_of_another_case_and_a_missing_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="the file was renamed or copied"):
        read_baseline(written(tmp_path), "other")
    with pytest.raises(ArtifactError, match="expected the baseline of half, found no such file"):
        read_baseline(tmp_path / "none.json", "half")
