"""`segprune sweep` refuses options that exclude each other before a recipe is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.runner import segprune_


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "sweep.toml"
    path.write_text('name = "small"\n', encoding="utf-8")
    return path


def test_only_speed_without_speed_is_refused(recipe: Path) -> None:
    result = segprune_("sweep", str(recipe), "--only", "speed", "--no-speed")
    assert result.exit_code == 2
    assert "--no-speed: expected it or --only speed, found both" in result.stderr


@pytest.mark.parametrize(("option", "value"), [("--only", "plots"), ("--workers", "0")])
def test_values_that_mean_nothing_are_refused(recipe: Path, option: str, value: str) -> None:
    assert segprune_("sweep", str(recipe), option, value).exit_code == 2


def test_a_recipe_without_networks_is_an_error_that_names_the_field(recipe: Path) -> None:
    result = segprune_("sweep", str(recipe), "--dry-run")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: {recipe}: networks: expected a value")
    assert [path.name for path in recipe.parent.iterdir()] == ["sweep.toml"]
