"""A user's repository before and after its baseline was accepted."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gates.repository import Repository


@pytest.fixture(scope="session")
def accepted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first test that needs it leaves the accepted baseline for the others."""
    return tmp_path_factory.mktemp("accepted") / "baselines"


@pytest.fixture
def fresh(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Nothing accepted yet."""
    # The inner session is none of the outer one's workers, should that run under xdist.
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    repository = Repository(pytester, monkeypatch)
    repository.write_artifact()
    return repository


@pytest.fixture
def repository(fresh: Repository, accepted: Path) -> Repository:
    """Accepted and green."""
    if not accepted.exists():
        fresh.run("--segprune-accept")
        shutil.copytree(fresh.path / "baselines", accepted)
    shutil.copytree(accepted, fresh.path / "baselines", dirs_exist_ok=True)
    return fresh
