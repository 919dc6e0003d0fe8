"""Records of a sweep: cells of one plan share its name, and a file says what it was measured on."""

from __future__ import annotations

import dataclasses
import json

import pytest

from records.committed import committed, stays_as_it_is
from reporting.records import cell
from segprune.errors import ArtifactError
from segprune.records.io import from_json, to_json
from segprune.records.speed import SpeedInput
from segprune.records.sweep import RECOVERIES, CellRecord, SpeedRecord, plan_name


def test_the_name_of_a_plan_says_what_decides_its_channels_and_not_how_it_is_recovered() -> None:
    assert plan_name("icnet", {"macs": 0.5}, "lamp", "local") == "icnet-macs50-lamp-local"
    names = {
        cell(recovery=recovery, seed=seed).plan_name for recovery in RECOVERIES for seed in (0, 1)
    }
    assert len(names) == 1
    others = (cell("icnet"), cell(budget=0.3), cell(importance="lamp"), cell(scope="local"))
    assert len(names | {one.plan_name for one in others}) == 5


def test_a_cell_comes_back_whether_or_not_it_came_to_an_end() -> None:
    for record in (cell(), cell(miou=None, failure="no channels left")):
        assert stays_as_it_is(CellRecord, to_json(record)) == record


def test_a_committed_speed_is_written_as_it_was_read() -> None:
    for path in committed(SpeedRecord):
        record = stays_as_it_is(SpeedRecord, path.read_text("utf-8"))
        assert record.at == SpeedInput(record.input, record.memory_format)


def test_a_memory_format_that_does_not_exist_is_refused() -> None:
    content = json.loads(committed(SpeedRecord)[0].read_text("utf-8"))
    content["memory_format"] = "channels_first"
    with pytest.raises(ArtifactError, match="memory_format: expected one of contiguous"):
        from_json(SpeedRecord, json.dumps(content))
    assert dataclasses.fields(SpeedRecord)[-1].name == "memory_format"
