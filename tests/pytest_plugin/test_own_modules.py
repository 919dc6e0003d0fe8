"""A case is judged with the code beside its test, though Python keeps one module a name."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pytest_plugin.repository import CASE, GATES, NETWORKS, Repository, output, without_tests

SIZE = ("proof", "accuracy", "speed")


@pytest.fixture
def two(repository: Repository) -> Repository:
    """Make two folders that each have their own networks, as the README's networks.py."""
    text = GATES.replace("my_networks", "road_nets")
    (repository.path / "pytest.ini").write_text("[pytest]\n")
    for name in ("one", "two"):
        folder = repository.path / name
        shutil.copytree(repository.path / "baselines", folder / "baselines")
        for file in ("dense.pt", "half.safetensors"):
            shutil.copy(repository.path / file, folder)
        (folder / "road_nets.py").write_text(NETWORKS)
        tests = folder / f"test_{name}.py"
        tests.write_text(text)
        without_tests(tests, *SIZE)
    shutil.rmtree(repository.path / "baselines")
    (repository.path / "test_gates.py").unlink()
    renamed(repository, "two", CASE, "second-half")
    return repository


def renamed(repository: Repository, folder: str, old: str, new: str) -> None:
    """Give the case of a folder another name."""
    repository.edit(old, new, f"{folder}/test_{folder}.py")
    kept = repository.path / folder / "baselines" / f"{old}.json"
    kept.with_name(f"{new}.json").write_text(kept.read_text().replace(old, new))
    kept.unlink()


def verdicts(repository: Repository, *arguments: str) -> tuple[str, dict[str, str]]:
    """Run the gates of size, and return what was written, and the verdict on each case."""
    result = repository.run("-k", "size", *arguments)
    rows = [line.split() for line in result.outlines if line.startswith((f" {CASE}", " second-"))]
    return output(result), {row[0]: row[-2] if "(" in row[-1] else row[-1] for row in rows}


BOTH = {CASE: "PASS", "second-half": "NOT_COMPARABLE"}


def test_the_second_of_two_folders_is_not_judged_with_the_networks_of_the_first(
    two: Repository,
) -> None:
    said, found = verdicts(two)
    assert found == BOTH
    assert "module road_nets: expected two/road_nets.py, which lies beside its test, found" in said
    assert "found one/road_nets.py, which was loaded under the same name" in said
    assert "rename one of the two, or make packages of their folders" in said
    assert verdicts(two, "two")[1] == {"second-half": "PASS"}


@pytest.mark.parametrize("how", ["import road_nets", "append", "a conftest"])
def test_it_is_not_however_they_are_imported(two: Repository, how: str) -> None:
    arguments = ("--import-mode=append",) if how == "append" else ()
    for folder in ("one", "two"):
        tests = f"{folder}/test_{folder}.py"
        if how == "import road_nets":
            two.edit("from road_nets import make_network, scenes", "import road_nets", tests)
            two.edit("dense=make_network", "dense=lambda: road_nets.make_network()", tests)
            two.edit("data=scenes", "data=lambda: road_nets.scenes()", tests)
        elif how == "a conftest":  # which puts the folder above the tests into the search path
            inner = two.path / folder / "tests"
            inner.mkdir()
            moved = (two.path / tests).read_text().replace('fact="', 'fact="../')
            moved = moved.replace("budget=", 'baselines="../baselines", budget=')
            (inner / f"test_{folder}.py").write_text(moved)
            (two.path / tests).unlink()
            (two.path / folder / "conftest.py").write_text("")
    assert verdicts(two, *arguments)[1] == BOTH


def test_nor_with_what_the_networks_of_the_first_import(two: Repository) -> None:
    """The networks have names of their own; the layers that they are made of do not."""
    for folder in ("one", "two"):
        (two.path / folder / "road_nets.py").rename(two.path / folder / f"nets_{folder}.py")
        (two.path / folder / "layers.py").write_text("from torch import nn\n")
        two.edit("from road_nets", f"from nets_{folder}", f"{folder}/test_{folder}.py")
        two.edit("from torch import nn", "from layers import nn", f"{folder}/nets_{folder}.py")
    said, found = verdicts(two)
    assert found == BOTH
    assert "module layers: expected two/layers.py" in said


def test_nor_where_the_marker_names_them(two: Repository) -> None:
    """They are imported when the first gate runs; then the folder that came last is searched."""
    for folder in ("one", "two"):
        tests = f"{folder}/test_{folder}.py"
        two.edit("from road_nets import make_network, scenes", "", tests)
        two.edit("dense=make_network", 'dense="road_nets:make_network"', tests)
        two.edit("data=scenes", 'data="streets"', tests)
    assert verdicts(two)[1] == {CASE: "NOT_COMPARABLE", "second-half": "PASS"}


def test_nor_with_modules_that_are_imported_when_the_network_is_made(two: Repository) -> None:
    """The folder that was inserted last is searched first, so the first case would get its code."""
    for folder in ("one", "two"):
        (two.path / folder / "road_nets.py").rename(two.path / folder / f"nets_{folder}.py")
        (two.path / folder / "layers.py").write_text("")
        two.edit("from road_nets", f"from nets_{folder}", f"{folder}/test_{folder}.py")
        two.edit(
            "    network = Mine().eval()\n    network.load",
            "    import layers\n    network = Mine().eval()\n    network.load",
            f"{folder}/nets_{folder}.py",
        )
    said, found = verdicts(two)
    assert found == {CASE: "NOT_COMPARABLE", "second-half": "PASS"}
    assert "module layers: expected one/layers.py" in said


@pytest.mark.parametrize("inner", ["__init__.py", "other.txt"])
def test_nor_with_its_packages(two: Repository, inner: str) -> None:
    """This holds with and without an `__init__.py`; without one, both folders are one package."""
    for folder in ("one", "two"):
        package = two.path / folder / "nets"
        package.mkdir()
        (package / inner).write_text("")
        text = NETWORKS.replace("with_name(", "parent.with_name(")
        (package / "model.py").write_text(text)
        (two.path / folder / "road_nets.py").unlink()
        two.edit("from road_nets", "from nets.model", f"{folder}/test_{folder}.py")
    assert verdicts(two)[1] == BOTH


def test_packages_are_judged_each_with_its_own_code(two: Repository) -> None:
    """This is the remedy that the message names."""
    for folder in ("one", "two"):
        Path(two.path / folder / "__init__.py").write_text("")
        two.edit("from road_nets", "from .road_nets", f"{folder}/test_{folder}.py")
    assert verdicts(two)[1] == {CASE: "PASS", "second-half": "PASS"}


def test_files_that_no_test_imports_are_no_reason(two: Repository) -> None:
    """Both folders have a script of the same name, and one named like a module of Python itself."""
    (two.path / "one" / "elsewhere.py").write_text("")
    two.edit("import pytest\n", "import pytest, elsewhere\n", "one/test_one.py")
    two.edit("from road_nets", "from my_networks", "two/test_two.py")
    for name in ("elsewhere", "statistics", "road_nets"):
        (two.path / "two" / f"{name}.py").write_text("")
    assert verdicts(two)[1] == {CASE: "PASS", "second-half": "PASS"}
