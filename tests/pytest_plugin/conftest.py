"""A user's repository before and after its baseline was accepted."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pytest_plugin.repository import Repository


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first test that needs them leaves networks and the baseline for the others."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
def fresh(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, kept: Path) -> Repository:
    """Nothing accepted yet."""
    # pytest-benchmark believes the variable, should the outer session be a worker's.
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    repository = Repository(pytester, monkeypatch)
    files = [kept / name for name in ("dense.pt", "half.safetensors")]
    if not all(path.exists() for path in files):
        repository.write_dense()
        repository.write_artifact()
        for path in files:
            shutil.copy(repository.path / path.name, path)
    for path in files:
        shutil.copy(path, repository.path)
    return repository


@pytest.fixture
def repository(fresh: Repository, kept: Path) -> Repository:
    """Accepted and green."""
    if not (kept / "baselines").exists():
        fresh.run("--segprune-accept")
        shutil.copytree(fresh.path / "baselines", kept / "baselines")
    shutil.copytree(kept / "baselines", fresh.path / "baselines", dirs_exist_ok=True)
    return fresh
