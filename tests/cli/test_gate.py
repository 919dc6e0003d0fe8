"""segprune gate init asks for files that are there, before anything is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.runner import segprune_


@pytest.mark.parametrize("option", ["--artifact", "--dense"])
def test_a_file_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    monkeypatch.chdir(tmp_path)
    there = {"--artifact": "half.safetensors", "--dense": "dense.pt"}
    for key, name in there.items():
        if key != option:
            Path(name).touch()
    words = [word for pair in there.items() for word in pair]
    result = segprune_("gate", "init", *words, "--model", "my.nets:make")
    assert result.exit_code == 2
    assert there[option] in result.output
    assert {path.name for path in tmp_path.iterdir()} == set(there.values()) - {there[option]}


def test_help_shows_a_whole_command() -> None:
    assert "segprune gate init --model" in segprune_("gate", "init", "--help").output
