"""Speed is measured where it is asked for, and only there."""

from __future__ import annotations

import shutil
from pathlib import Path

from pytest_plugin.repository import Repository, table_row


def test_speed_is_measured_only_where_it_was_asked_for_and_the_summary_says_so(
    repository: Repository,
) -> None:
    bare = repository.run()
    bare.assert_outcomes(passed=3, deselected=1)
    assert bare.ret == 0
    assert "speed was not asked for: pytest --benchmark-only measures it" in bare.outlines
    assert "not measured" in table_row(bare)
    named = repository.run("test_gates.py")
    named.assert_outcomes(passed=4)
    only = repository.run("--benchmark-only")
    only.assert_outcomes(passed=1, skipped=3)
    assert "×2.01" in table_row(only)


def test_a_path_through_a_link_asks_for_speed_like_any_other(
    repository: Repository, tmp_path: Path
) -> None:
    inner = repository.path / "inner"
    inner.mkdir()
    for name in ("test_gates.py", "half.safetensors", "baselines"):
        shutil.move(repository.path / name, inner / name)
    (repository.path / "link").symlink_to(inner)
    result = repository.run("link/test_gates.py")
    result.assert_outcomes(passed=4)
