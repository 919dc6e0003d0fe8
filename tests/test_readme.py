"""README.md and docs/ are true: code runs, figures are recorded, commands are those of CI."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import pytest
import torch

import pages
from benchmarks import readme
from reporting.records import training

README = readme.README.read_text("utf-8")
PAGES = readme.pages()
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.S)
COMMANDS = re.findall(r"```bash\n(.*?)```", README, flags=re.S)

NOT_RUN = {
    r"pip install|python3 -m venv|\. \.venv/|git clone": "the stages `install` and `wheel` of CI",
    r"^pre-commit ": "needs a git checkout of its own",
    r"^(\.ci/run|tox|pytest|mypy|ruff|lint-imports|zensical)\b": "the stages of CI",
    r"^cd tests && python -m power\.trials": "takes hours; its record is committed",
    r"recover benchmarks/recipes/quick\.toml": "minutes; tests/training runs recoveries",
    r"^segprune sweep ": "hours; tests/sweep runs sweeps",
    r"^segprune report": "rewrites the committed page; tests/reporting runs it",
}
"""Commands of pages that no page test runs, each with what covers it."""

SLOW = {"choose.md", "gate.md", "index.md", "prune.md"}
"""Pages whose Python takes many seconds; it runs with the page's commands, in the slow tests."""

SHORTENED = {
    "segprune train": "--set training.epochs=1 --set training.accelerator=cpu",
    "segprune recover": "--set training.epochs=1 --set training.accelerator=cpu --poor-start",
    "segprune prune": "--no-speed",
}
"""What a test adds to a page's command, so that it takes seconds and needs no trained network."""


def text_of(page: Path) -> str:
    return page.read_text("utf-8")


def bash_of(page: Path) -> list[pages.Block]:
    return [block for block in pages.blocks_of(page) if block.language == "bash"]


FIGURE = re.compile(
    r"(?<![\d×])×\s?\d[\d.]*"
    r"|\d[\d.,]*\s*(?:%|per cent\b|points?\b|ms\b|FPS\b|mIoU\b|images/s|steps/s|G?MACs\b)"
    r"|\bmIoU\b[^.|]{0,20}?\d[\d.]*"
)
"""What somebody measured or counted: mIoU, percent, ×, ms, FPS."""

ALLOWED = {
    "21.5 of its 38.4 GMACs": "counted exactly, from the published implementation; no measurement",
    "95 % interval": "the confidence of an interval, which the user chooses; no measurement",
}
"""Figures in prose, each with the reason why it needs no record."""


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.name not in SLOW], ids=lambda page: page.name
)
def test_the_python_of_a_page_runs_as_it_stands(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow(page, tmp_path, monkeypatch, commands=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    "page",
    [p for p in PAGES if p.name in SLOW or any(block.commands for block in bash_of(p))],
    ids=lambda page: page.name,
)
def test_the_commands_of_a_page_run_in_order_with_its_python(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow(page, tmp_path, monkeypatch, commands=True)


@pytest.mark.slow
def test_the_hugging_face_example_runs_where_transformers_is_installed() -> None:
    pytest.importorskip("transformers")  # no part of the tests' environment
    (page,) = (page for page in PAGES if page.name == "prune.md")
    (block,) = (b for b in pages.blocks_of(page) if b.title == "hugging_face.py")
    exec(compile(block.body, block.title, "exec"), {})


def follow(page: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, *, commands: bool) -> None:
    """Do what a reader of a page does, in an empty folder: write its files and run its blocks."""
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    blocks = pages.blocks_of(page)
    if not commands and not any(pages.python_of(blocks)):
        return
    pages.prepare(page, folder)
    for block in blocks:  # modules that another page has under the same name
        if block.title.endswith(".py"):
            for name in (Path(block.title).stem, Path(block.title).parts[0]):
                monkeypatch.delitem(sys.modules, name, raising=False)
            monkeypatch.delitem(
                sys.modules, ".".join(Path(block.title).with_suffix("").parts), raising=False
            )
    torch.manual_seed(0)
    namespace: dict[str, object] = {"__name__": page.stem}
    for block in blocks:
        if block.title:
            pages.write_file(block, folder)
        elif block.language == "python":
            padding = "\n" * block.line  # so that a traceback names the line of the page
            exec(compile(padding + block.body, str(page), "exec"), namespace)
        elif block.language == "bash" and commands:
            for command in block.commands:
                run_line(command, folder)


def run_line(command: str, folder: Path) -> None:
    """Run a command of a page, shortened, unless something else covers it."""
    if any(re.search(pattern, command) for pattern in NOT_RUN):
        return
    for start, more in SHORTENED.items():
        if command.startswith(start):
            command = f"{command} {more}"
    done = pages.run_command(command, folder)
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"


def test_there_are_blocks_to_run() -> None:
    assert len(BLOCKS) >= 2
    assert len(COMMANDS) >= 3
    assert len(PAGES) >= 15


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_says_its_language_and_parses(page: Path) -> None:
    text = page.read_text("utf-8")
    assert len(re.findall(r"^```", text, flags=re.M)) == 2 * len(pages.blocks_of(page))
    for block in pages.blocks_of(page):
        assert block.language in pages.LANGUAGES, block
        if block.language == "toml":
            tomllib.loads(block.body)
        elif block.language in ("python", "py"):
            compile(block.body, f"{page.name}:{block.line}", "exec")


def test_no_reason_not_to_run_a_command_outlives_it() -> None:
    every = [command for page in PAGES for block in bash_of(page) for command in block.commands]
    assert [p for p in NOT_RUN if not any(re.search(p, command) for command in every)] == []


def test_readme_is_short() -> None:
    assert len(README.splitlines()) <= 200


def test_every_quoted_figure_stands_in_a_committed_record() -> None:
    assert list(readme.outdated()) == [], "run: python benchmarks/readme.py"


@pytest.mark.parametrize("name", ["README.md", "results.md"])
def test_a_changed_figure_is_noticed(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (page,) = (page for page in PAGES if page.name == name)
    text = page.read_text("utf-8")
    forged = re.sub(r"\| (\d\d)\.(\d\d) ", r"| \1.\g<2>1 ", text, count=1)
    assert forged != text
    path = tmp_path / name
    path.write_text(forged, "utf-8")
    if page == readme.README:
        monkeypatch.setattr(readme, "README", path)
    else:
        monkeypatch.setattr(readme, "pages", lambda: (path,))
    assert name in list(readme.outdated())


def test_every_block_that_is_made_stands_on_a_page_and_no_other_does() -> None:
    begin = re.compile(r"^<!-- begin (\w+) -->$", flags=re.M)
    found = {name for page in PAGES for name in begin.findall(text_of(page))}
    assert found == set(readme.BLOCKS)
    with pytest.raises(SystemExit, match="found stale"):
        readme.rewritten("<!-- begin stale -->\n<!-- end stale -->", readme.README)


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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_figure_stands_in_prose_without_a_record_or_a_reason(page: Path) -> None:
    found = loose_figures(text_of(page))
    assert found == [], "generate it in benchmarks/readme.py, or give a reason"


def test_no_reason_outlives_its_figure() -> None:
    prose = " ".join(" ".join(text_of(page) for page in PAGES).split())
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
