"""The record of a pruning agrees with the networks themselves."""

from __future__ import annotations

from pathlib import Path

import segprune
from segprune.workflows.prune import run_prune
from workflows.small import four, job, macs


def test_its_figures_are_those_of_both_networks(tmp_path: Path) -> None:
    result = run_prune(job(tmp_path))
    record, folder = result.record, result.folder
    assert record is not None
    assert folder is not None
    dense, small = four(), segprune.load(folder / "half.safetensors", model=four())
    first, second = small.first.out_channels, small.second.out_channels
    for found, network, widths in (
        (record.dense, dense, (8, 12)), (record.pruned, small, (first, second))
    ):  # fmt: skip
        assert found.params == sum(p.numel() for p in network.parameters())
        assert found.macs == macs(*widths)
    assert record.dense.file_bytes == sum(t.nbytes for t in dense.state_dict().values())
    assert record.pruned.file_bytes == (folder / "half.safetensors").stat().st_size
    narrowed = [width for width, whole in ((first, 8), (second, 12)) if width < whole]
    assert record.widths == (len(narrowed), sum(width % 8 == 0 for width in narrowed))
    assert record.depthwise == (0, 3)
    assert record.difference < 1e-5
    assert (record.speed, record.pairs) == (None, 0)


def test_it_has_no_score_without_labels(tmp_path: Path) -> None:
    record = run_prune(job(tmp_path)).record
    assert record is not None
    assert (record.mious, record.frames, record.preprocessing) == ({}, 0, None)
