"""The command line says which layers keep another share of their channels than was asked for."""

from __future__ import annotations

import json
from pathlib import Path

from cli.runner import MODEL, QUICK, done


def test_a_share_that_a_step_of_widths_forbids_is_printed_and_recorded(place: Path) -> None:
    said = done(
        "prune", MODEL, *QUICK, "--layer", "wide=0.3", "--round-to", "8", "--name", "stepped"
    )
    assert "wide keeps" in said
    assert "(30 %)" in said
    record = json.loads((place / "runs" / "stepped" / "record.json").read_text("utf-8"))
    assert record["missed_shares"]["wide"]["asked"] == 0.3
    assert "wide keeps" in done("inspect", "runs/stepped/record.json")
    assert "other shares" not in done("prune", MODEL, *QUICK, "--layer", "wide=0.5")
