"""README.md is true: its Python runs, its figures are recorded, its commands are those of CI."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from benchmarks import readme
from report.records import training

README = readme.README.read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.S)
COMMANDS = re.findall(r"```bash\n(.*?)```", README, flags=re.S)


FIGURE = re.compile(
    r"(?<![\d×])×\s?\d[\d.]*"
    r"|\d[\d.,]*\s*(?:%|per cent\b|points?\b|ms\b|FPS\b|mIoU\b|images/s|steps/s|G?MACs\b)"
    r"|\bmIoU\b[^.|]{0,20}?\d[\d.]*"
)
"""What somebody measured or counted: mIoU, percent, ×, ms, FPS."""

ALLOWED = {
    "21.5 of its 38.4 GMACs": "counted exactly, from the published implementation; no measurement",
}
"""Figures in prose, each with the reason why it needs no record."""


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


def loose_figures(text: str) -> list[str]:
    """Figures outside code and generated sections that nobody has allowed."""
    prose = re.sub(r"^```.*?^```|<!-- begin .*?<!-- end \w+ -->", "", text, flags=re.S | re.M)
    prose = " ".join(re.sub(r"`[^`]*`", "", prose).split())
    for allowed in ALLOWED:
        prose = prose.replace(allowed, "")
    return FIGURE.findall(prose)


def test_no_figure_stands_in_prose_without_a_record_or_a_reason() -> None:
    assert loose_figures(README) == [], "generate it in benchmarks/readme.py, or give a reason"


def test_no_reason_outlives_its_figure() -> None:
    prose = " ".join(README.split())
    assert [figure for figure in ALLOWED if figure not in prose] == []


@pytest.mark.parametrize(
    "line",
    [
        "It is ×1.7 faster.", "mIoU 71.2", "an mIoU of 71.2", "loses 0.3 points", "12.5 ms",
        "60 FPS", "half: 50 %", "6.48 GMACs", "120 images/s",
    ],
)  # fmt: skip
def test_a_figure_in_prose_would_be_found(line: str) -> None:
    assert loose_figures(line) != []


@pytest.mark.parametrize(
    "line", ["at 512×1024", "1×3×128×256", "Python 3.11", "`macs=0.5` at 60 frames", "16 frames"]
)
def test_sizes_and_versions_are_no_figures(line: str) -> None:
    assert loose_figures(line) == []


def test_the_results_are_empty_without_records_and_a_table_with_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from segprune.records.io import write_record

    monkeypatch.setattr(readme, "RECORDS", tmp_path)
    assert readme.results_table() == ""
    write_record(tmp_path / "dense.json", training(miou=0.7123))
    assert "| bisenetv2 | dense ◆ | one seed | 60 |" in readme.results_table()
    assert "71.23" in readme.results_table()
