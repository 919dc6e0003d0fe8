"""Laws about the source: who imports whom, what an import drags in, what must not be written."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "segprune"

TIDY = range(60, 301)
"""Lines of a module with one idea; a guide, so modules outside are listed and not refused."""
TOO_LONG = 400

HEAVY = (
    "matplotlib", "onnx", "onnxruntime", "pandas", "PIL", "psutil", "pydantic",
    "pytorch_lightning", "rich", "segmentation_models_pytorch", "torchmetrics", "torchvision",
    "typer",
)  # fmt: skip
TOP_FOLDERS = ("home", "root", "Users", "work", "mnt", "opt", "srv", "tmp", "private")
OF_ONE_MACHINE = re.compile(rf"(?<![\w.:/~-])/(?:{'|'.join(TOP_FOLDERS)})/\w|[A-Z]:\\\w")
OF_ONE_REGISTRY = re.compile(r"--(?:extra-)?index-url|--find-links|--trusted-host|pypi\.org/simple")


def test_imports_go_downward_only(capsys: pytest.CaptureFixture[str]) -> None:
    status = lint_imports(str(ROOT / "pyproject.toml"), no_cache=True)
    assert status == EXIT_STATUS_SUCCESS, capsys.readouterr().out


def test_the_core_may_import_errors_alone() -> None:
    contracts = {c["id"]: c for c in settings()["tool"]["importlinter"]["contracts"]}
    folders = {f"segprune.{path.name}" for path in PACKAGE.iterdir() if path.is_dir()}
    others = {name for name in folders if not name.endswith(("core", "__pycache__"))}
    assert others <= set(contracts["core"]["forbidden_modules"])


def test_records_are_read_without_torch() -> None:
    modules = [f"segprune.records.{path.stem}" for path in (PACKAGE / "records").glob("*.py")]
    script = f"import sys, importlib\nfor m in {modules}: importlib.import_module(m)\n"
    command = [sys.executable, "-W", "error", "-c", f"{script}print('torch' in sys.modules)"]
    found = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert found.split() == ["False"]


def settings() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def test_importing_segprune_imports_nothing_heavy() -> None:
    use = "for name in segprune.__all__: getattr(segprune, name)"  # names are imported when used
    script = f"import sys, segprune\n{use}\nprint(*[m for m in {HEAVY} if m in sys.modules])"
    command = [sys.executable, "-W", "error", "-c", script]
    found = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert found.split() == []


def test_no_module_is_endless(record_property: pytest.RecordProperty) -> None:
    lines = {
        path.relative_to(ROOT).as_posix(): len(path.read_text("utf-8").splitlines())
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.name != "__init__.py"
    }
    untidy = {name: count for name, count in lines.items() if count not in TIDY}
    record_property("modules_outside_60_to_300_lines", untidy)
    print("modules outside 60 to 300 lines:", untidy)  # shown by `pytest -rP`
    assert {name: count for name, count in lines.items() if count > TOO_LONG} == {}


def test_no_file_names_a_machine_or_a_registry() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in texts()
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if OF_ONE_MACHINE.search(line) or OF_ONE_REGISTRY.search(line)
    ]
    assert found == []


@pytest.mark.parametrize("line", ["open('/home/me/x')", "cd /srv/job/main", r"C:\data", "=/tmp/x"])
def test_a_machine_path_would_be_found(line: str) -> None:
    assert OF_ONE_MACHINE.search(line)


@pytest.mark.parametrize("line", ["https://host/home/x", "a/tmp/b", "~/srv/x"])
def test_other_paths_are_left_alone(line: str) -> None:
    assert not OF_ONE_MACHINE.search(line)


@pytest.mark.parametrize("folder", TOP_FOLDERS)
def test_a_folder_of_that_name_elsewhere_is_no_machine_path(folder: str) -> None:
    assert OF_ONE_MACHINE.search(f"cd /{folder}/x")
    assert not OF_ONE_MACHINE.search(f"cd runs/{folder}/x")


def texts() -> list[Path]:
    """Text files that git would carry, without this one and notebooks.

    The escapes of a notebook's JSON look like paths; `test_notebook.py` reads what is in one.
    """
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    paths = [ROOT / name for name in listed.stdout.splitlines()]
    return [p for p in paths if p.is_file() and is_plain(p) and is_text(p)]


def is_plain(path: Path) -> bool:
    return path != Path(__file__).resolve() and path.suffix != ".ipynb"


def is_text(path: Path) -> bool:
    return b"\0" not in path.read_bytes()[:4096]


def test_every_tested_version_is_within_its_range() -> None:
    project = settings()["project"]
    extras = project["optional-dependencies"]
    tested = dict(pins())
    for text in (*project["dependencies"], *(r for extra in extras.values() for r in extra)):
        wanted = Requirement(text)
        assert wanted.specifier.contains(tested[canonicalize_name(wanted.name)]), text


def pins() -> list[tuple[str, str]]:
    """Names and versions, nothing else."""
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pinned = [line for line in lines if line and not line.startswith("#")]
    for line in pinned:
        assert re.fullmatch(r"[\w.-]+==[\w.]+", line), line
    return [
        (canonicalize_name(name), version)
        for name, _, version in (p.partition("==") for p in pinned)
    ]
