"""Long work says where it is: a live line in a terminal, and a line now and then in a log."""

from __future__ import annotations

import pytest

from segprune.cli import progress


def test_a_log_has_lines_about_long_work_and_none_about_short(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 0.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    with progress.Steps() as steps:
        for epoch in range(61):
            now = 4.0 * epoch
            steps("train", epoch, 60)
        steps("overlays", 0, 1)
        now += 31
        steps("evaluate", 0, 1)
    *lines, took = capsys.readouterr().err.splitlines()
    # Half a minute is seven and a half of these epochs.
    assert lines[:3] == ["train 8 of 60", "train 16 of 60", "train 24 of 60"]
    assert len(lines) == 8
    assert lines[-1] == "evaluate"
    assert took.startswith("took: train")
