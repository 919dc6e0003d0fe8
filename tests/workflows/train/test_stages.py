"""Stages of a run: the best of them is kept."""

from __future__ import annotations

import pytest

from segprune.models.weights import file_digest
from workflows.train.runs import record_of, recovered
from workflows.train.test_outcome import RUIN, scored


def test_the_stage_that_a_training_made_worse_is_kept_and_named() -> None:
    said: list[str] = []
    result = recovered(RUIN, "name=ruined", say=said.append)
    record = record_of(result)
    assert record.best is not None
    better, worse = record.scores[record.best.stage].miou, record.scores["result"].miou
    assert better > worse
    assert better == max(s.miou for stage, s in record.scores.items() if stage != "start")
    kept = result.folder / record.best.file
    assert kept.name == f"ruined-best-{record.best.stage}.safetensors"
    assert file_digest(kept) == record.best.artifact != record.artifact
    assert scored(kept) == pytest.approx(better, abs=5e-3)  # its weights were rounded
    assert scored(result.folder / "ruined.safetensors") == worse
    (sentence,) = [line for line in record.warnings if "earlier stage" in line]
    assert record.best.file in sentence
    assert f"warning: {sentence}" in said


def test_a_result_that_is_the_best_stage_has_no_other_beside_it() -> None:
    result = recovered("training.epochs=0", "name=plain")
    record = record_of(result)
    assert record.best is None
    assert [path.name for path in result.folder.glob("*.safetensors")] == ["plain.safetensors"]
    assert not any("earlier stage" in line for line in record.warnings)
