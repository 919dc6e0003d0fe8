"""The recipe reference, the command reference and the troubleshooting page agree with the code."""

from __future__ import annotations

import ast
import re
import tomllib

import pytest

from benchmarks.readme import DOCS, ROOT
from segprune.cli import app
from segprune.training.recipe import Recipe

TROUBLES = re.findall(r"^### `(.+)`$", (DOCS / "troubleshooting.md").read_text("utf-8"), flags=re.M)


def test_the_default_of_a_field_on_the_page_is_the_default_of_the_code() -> None:
    page = (DOCS / "recipe.md").read_text("utf-8")
    base = {"name": "x", "network": {"model": "icnet"}, "data": {"name": "streets"}}
    recipe = Recipe.model_validate(base | {"training": {"epochs": 1}})
    training = page.partition("### `[training]`")[2].partition("\n### ")[0]
    rows = re.findall(r"^\| `(\w+)` \| .*? \| (\S[^|]*) \| ", training, flags=re.M)
    assert len(rows) == len(type(recipe.training).model_fields)
    for name, shown in rows:
        found = getattr(recipe.training, name)
        if shown == "required":
            assert name == "epochs"
        elif shown == "left out":
            assert found is None
        else:
            assert tomllib.loads(f"value = {shown.strip('`')}")["value"] == found, name


def test_every_command_and_each_of_its_options_is_on_the_page() -> None:
    page = (DOCS / "command-line.md").read_text("utf-8")
    names = [info.name or info.callback.__name__ for info in app.registered_commands]
    assert len(names) >= 12
    for name in names:
        assert f"\n## segprune {name}\n" in page
    for source in (ROOT / "segprune" / "cli").glob("*.py"):
        for option in re.findall(r'^ +"(--[a-z-]+)",$', source.read_text("utf-8"), flags=re.M):
            assert f"`{option}" in page, f"{source.name}: {option}"


def messages() -> list[str]:
    """Return every constant text of the package, f-strings joined around their values."""
    found = []
    for path in sorted((ROOT / "segprune").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = [p.value if isinstance(p, ast.Constant) else "\0" for p in node.values]
                found.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return found


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return messages()


def test_the_page_has_the_twenty_errors_that_users_meet() -> None:
    assert len(TROUBLES) >= 20


@pytest.mark.parametrize("title", TROUBLES)
def test_a_message_on_the_troubleshooting_page_is_one_of_the_package(
    title: str, texts: list[str]
) -> None:
    parts = [re.escape(part.strip()) for part in title.split("…") if part.strip(" ;:,")]
    pattern = re.compile(r"[\s\S]*?".join(parts))
    assert any(pattern.search(text) for text in texts), title


def test_a_message_that_no_code_has_would_be_noticed(texts: list[str]) -> None:
    assert not any("expected the moon, found" in text for text in texts)


def test_the_menu_of_the_site_lists_every_page_once() -> None:
    settings = (ROOT / "mkdocs.yml").read_text("utf-8")
    listed = re.findall(r": ([\w-]+\.md)$", settings, flags=re.M)
    assert sorted(listed) == sorted(path.name for path in DOCS.glob("*.md"))


def test_ci_and_tox_build_the_site_strictly() -> None:
    for path in (ROOT / ".ci" / "run", ROOT / "tox.ini"):
        assert "zensical build --strict" in path.read_text("utf-8"), path.name


def test_issue_templates_ask_for_the_report_of_doctor() -> None:
    templates = (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")
    asked = [p.name for p in templates if "segprune doctor" in p.read_text("utf-8")]
    assert sorted(asked) == ["bug.yml", "network.yml"]
