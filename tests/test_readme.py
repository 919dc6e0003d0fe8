"""README.md is true: its Python runs, its figures are recorded, its commands are those of CI."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from benchmarks import readme

README = readme.README.read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.S)
COMMANDS = re.findall(r"```bash\n(.*?)```", README, flags=re.S)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_a_block_of_python_runs_as_it_stands(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    exec(compile(BLOCKS[number], f"README.md block {number}", "exec"), {})


def test_there_are_blocks_to_run() -> None:
    assert len(BLOCKS) >= 2
    assert len(COMMANDS) >= 3


def test_every_quoted_figure_stands_in_a_committed_record() -> None:
    assert list(readme.outdated()) == [], "run: python benchmarks/readme.py"


def test_a_changed_figure_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    forged = re.sub(r"\*\*(\d+) of", lambda found: f"**{int(found[1]) + 1} of", README)
    assert forged != README
    path = tmp_path / "README.md"
    path.write_text(forged, "utf-8")
    monkeypatch.setattr(readme, "README", path)
    assert "README.md" in list(readme.outdated())


def test_the_test_command_is_the_one_that_ci_runs() -> None:
    ci = (readme.ROOT / ".ci" / "run").read_text("utf-8")
    assert "pip install -e '.[test]' -c constraints.txt && pytest\n" in COMMANDS
    assert re.search(r"stage_tests\(\) \{ pytest; \}", ci)


def test_every_module_of_the_contract_is_in_the_diagram_with_its_purpose() -> None:
    diagram = readme.layer_diagram()
    modules = {path.stem for path in (readme.ROOT / "segprune").glob("*.py")} - {"__init__"}
    for module in modules:
        assert re.search(rf"─ {module} +\S", diagram), module
