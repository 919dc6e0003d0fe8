"""The record of `segprune prune`: committed files stay as they are, and sizes have one form."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

import segprune
from records.committed import committed, stays_as_it_is
from segprune.records.io import from_json, to_json
from segprune.records.prune import PruneRecord, Size, frozen_groups

PATHS = committed(PruneRecord)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_committed_run_is_written_as_it_was_read(path: Path) -> None:
    record = stays_as_it_is(PruneRecord, path.read_text("utf-8"))
    assert record.pruned.file_bytes > 0


def test_bytes_of_a_file_are_written_where_there_is_a_file_and_only_there() -> None:
    content = json.loads(PATHS[0].read_text("utf-8"))
    assert json.loads(to_json(from_json(PruneRecord, json.dumps(content))))["dense"] == {
        **content["dense"], "file_bytes": content["dense"]["file_bytes"],
    }  # fmt: skip
    del content["dense"]["file_bytes"]
    found = from_json(PruneRecord, json.dumps(content))
    assert found.dense.file_bytes == 0
    assert "file_bytes" not in json.loads(to_json(found))["dense"]
    assert Size(1, 2, 3) == Size(1, 2, 3, 0)


def test_channels_that_a_softmax_mixes_stay_and_the_record_says_why() -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Softmax(1)).eval()
    (group,) = frozen_groups(segprune.trace(network, torch.zeros(1, 3, 8, 8)))
    assert (group.layers, group.channels) == (("0",), 8)
    assert "softmax" in group.reason
