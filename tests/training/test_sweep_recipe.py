"""Sweep recipes: what is refused, and that nothing is lost on the way to disk and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from segprune.training.sweep_recipe import read_bases, read_sweep
from segprune.training.toml import to_toml
from segprune.workflows.sweep.cells import expand

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks" / "sweeps").glob("*.toml")))
def test_committed_sweeps_are_read_and_lose_nothing_on_disk(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    sweep = read_sweep(path)
    assert sweep.name == path.stem
    (tmp_path / "again.toml").write_text(to_toml(sweep), encoding="utf-8")
    assert read_sweep(tmp_path / "again.toml") == sweep
    cells = expand(sweep, read_bases(sweep))
    assert len({cell.name for cell in cells}) == len(cells) > 0
