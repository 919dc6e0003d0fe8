"""Both networks in a table, and why a smaller network is not faster."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from segprune.cli.render.prune import reasons_for_speed
from segprune.records.io import read_record
from segprune.records.prune import PruneRecord
from segprune.speed import Pair, summarise


@pytest.mark.parametrize("speedup", [1.0, 0.8])
def test_smaller_but_not_faster_is_said_with_reasons(
    run: Path, monkeypatch: pytest.MonkeyPatch, speedup: float
) -> None:
    import dataclasses

    from segprune.cli.render.prune import show_result

    record = read_record(PruneRecord, run / "record.json")
    pairs = [Pair(10 * speedup, 10.0, True)] * 10
    slow = summarise(pairs, 0.95, batch=1, threads=1, device="cpu")
    changed = dataclasses.replace(
        record, speed=slow, widths=(9, 1), depthwise=(3, 4),
        pruned=dataclasses.replace(
            record.pruned, activation_bytes=record.dense.activation_bytes
        ),
    )  # fmt: skip
    reasons = " ".join(reasons_for_speed(changed))
    assert "--round-to 8" in reasons
    assert "memory" in reasons
    assert "depthwise" in reasons
    assert reasons_for_speed(dataclasses.replace(changed, widths=(9, 9), round_to=8)) != reasons
    said = CliRunner()
    monkeypatch.setenv("COLUMNS", "100")
    with said.isolation() as (out, _, _):
        show_result(changed, None)
        sys.stdout.flush()
        text = " ".join(out.getvalue().decode().split())
    assert "smaller but not faster" in text
    assert ("it is slower" in text) == (speedup < 1)
