"""A module that moved is found under its old name, with a warning that names the new one."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from segprune.moved import MOVED


@pytest.mark.parametrize("old", sorted(MOVED))
def test_an_old_name_is_the_new_module(old: str) -> None:
    wanted = importlib.import_module(f"segprune.{MOVED[old]}")
    sys.modules.pop(f"segprune.{old}", None)
    with pytest.warns(DeprecationWarning, match=rf"segprune\.{MOVED[old]} now") as caught:
        found = importlib.import_module(f"segprune.{old}")
    sys.modules.pop(f"segprune.{old}", None)
    assert found is wanted
    assert len(caught) == 1
    assert wanted.__name__ == f"segprune.{MOVED[old]}" == wanted.__spec__.name


def test_the_line_that_imports_is_named() -> None:
    script = "import segprune\nfrom segprune.importance import Evidence\nprint(Evidence.__module__)"
    command = [sys.executable, "-W", "always::DeprecationWarning:__main__", "-c", script]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["segprune.core.planning.evidence"]
    assert "<string>:2: DeprecationWarning: segprune.importance is called" in run.stderr


def test_a_module_that_never_was_is_not_found() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"segprune\.nothing"):
        importlib.import_module("segprune.nothing")
