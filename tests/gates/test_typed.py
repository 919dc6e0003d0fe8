"""What was typed for a run lets gates off; what stands in settings, or beside them, does not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gates.repository import CASE, Repository, output, table_row, without_tests

RED = pytest.ExitCode.TESTS_FAILED


def settings(repository: Repository, line: str) -> None:
    (repository.path / "pytest.ini").write_text(f"[pytest]\n{line}\n")


def moved(repository: Repository, folder: str = "gates") -> None:
    """The gates and all that is theirs, in a folder below the root."""
    settings(repository, "")
    below = repository.path / folder
    below.mkdir()
    for name in ("test_gates.py", "baselines", "dense.pt", "half.safetensors", "my_networks.py"):
        shutil.move(repository.path / name, below / name)
    repository.pytester.syspathinsert(below)


@pytest.mark.parametrize(
    "arguments",
    [
        ("-W", "error::UserWarning"), ("-o", "filterwarnings=error::UserWarning"),
        ("-k", ""),
    ],
    ids=" ".join,
)  # fmt: skip
def test_an_argument_that_chooses_nothing_lets_nothing_off(
    repository: Repository, arguments: tuple[str, ...]
) -> None:
    without_tests(repository.path / "test_gates.py", "accuracy", "proof")
    result = repository.run(*arguments)
    assert result.ret == RED
    assert "NOT_MEASURED (proof, accuracy)" in table_row(result)


@pytest.mark.parametrize("arguments", [("-vk", "size"), ("-xksize",)], ids=" ".join)
def test_a_choice_may_be_typed_in_short(repository: Repository, arguments: tuple[str, ...]) -> None:
    assert repository.run(*arguments).ret == 0


def test_stepping_over_a_failure_is_a_choice(repository: Repository) -> None:
    repository.edit('"macs": 0.6', '"macs": 0.4')
    assert repository.run("--stepwise").ret != 0
    repository.edit('"macs": 0.4', '"macs": 0.6')
    assert repository.run("--stepwise-skip").ret == 0


@pytest.mark.parametrize("line", ["--collect-only", "--setup-plan", "--fixtures", "--markers"])
def test_settings_that_only_look_let_nothing_off(repository: Repository, line: str) -> None:
    settings(repository, f"addopts = {line}")
    assert repository.run().ret in (RED, pytest.ExitCode.USAGE_ERROR)
    settings(repository, "")
    assert repository.run(line).ret == 0  # typed


# ---------------------------------------------------------------- folders


@pytest.mark.parametrize(
    ("names", "missed"), [(("speed",), "speed"), (("size", "proof", "accuracy"), "size, proof")]
)
def test_what_is_deleted_is_missed_in_a_folder_that_is_named(
    repository: Repository, names: tuple[str, ...], missed: str
) -> None:
    moved(repository)
    assert repository.run("gates").ret == 0
    without_tests(repository.path / "gates/test_gates.py", *names)
    result = repository.run("gates")
    assert result.ret == RED
    assert f"NOT_MEASURED ({missed}" in table_row(result)


def test_a_marker_alone_judges_nothing(repository: Repository) -> None:
    moved(repository)
    (repository.path / "gates/test_gates.py").write_text(
        f"import pytest\n\n@pytest.mark.segprune({CASE!r})\ndef test_nothing(): pass\n"
    )
    assert repository.run("gates").ret == RED


def in_two_folders(repository: Repository) -> None:
    """Size, proof and accuracy in one, speed in another."""
    moved(repository)
    bench = repository.path / "bench"
    bench.mkdir()
    text = (repository.path / "gates/test_gates.py").read_text()
    for name in ("dense.pt", "half.safetensors"):
        shutil.copy(repository.path / "gates" / name, bench)
    places = 'artifact="half.safetensors", baselines="../gates/baselines"'
    (bench / "test_bench.py").write_text(text.replace('artifact="half.safetensors"', places))
    without_tests(repository.path / "gates/test_gates.py", "speed")
    without_tests(bench / "test_bench.py", "size", "proof", "accuracy")


def test_gates_of_one_case_may_lie_in_two_folders(repository: Repository) -> None:
    in_two_folders(repository)
    for arguments in (("gates",), ("bench",), ("--benchmark-only", "bench"), ()):
        assert repository.run(*arguments).ret == 0, arguments


def test_a_folder_that_is_stood_in_is_not_everything(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_two_folders(repository)
    monkeypatch.chdir(repository.path / "gates")
    assert repository.run().ret == 0
    monkeypatch.chdir(repository.path / "bench")
    result = repository.run()
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert "speed was not asked for" in output(result)


def test_settings_that_name_a_file_are_everything(repository: Repository) -> None:
    without_tests(repository.path / "test_gates.py", "proof")
    settings(repository, "addopts = test_gates.py")
    assert repository.run().ret == RED


# ---------------------------------------------------------------- baselines and what looks like one


def test_a_baseline_is_known_however_its_schema_is_spelled(repository: Repository) -> None:
    text = repository.baseline.read_text()
    repository.baseline.write_text(text.replace("segprune.baseline/", "\\u0073egprune.baseline\\/"))
    (repository.path / "test_gates.py").write_text("def test_nothing(): pass\n")
    result = repository.run()
    assert result.ret == RED
    assert "expected a test that judges this baseline" in output(result)


@pytest.mark.parametrize("text", ['{"known": ["segprune.baseline/2"]}', '["segprune.baseline/2"]'])
def test_a_file_that_speaks_of_baselines_is_none(repository: Repository, text: str) -> None:
    (repository.path / "notes.json").write_text(text)
    assert repository.run().ret == 0


@pytest.mark.parametrize("place", ["loop", "a\\0b"])
def test_a_place_that_is_none_is_a_sentence(repository: Repository, place: str) -> None:
    (repository.path / "loop").symlink_to("loop")
    repository.edit("budget=", f'baselines="{place}", budget=')
    result = repository.run()
    assert result.ret == RED
    assert "Traceback" not in output(result)
    assert "INTERNALERROR" not in output(result)


def test_a_file_in_place_of_the_folder_is_a_sentence(fresh: Repository) -> None:
    Path(fresh.path / "baselines").write_text("")
    result = fresh.run("--segprune-accept")
    assert result.ret == RED
    assert "expected a folder for baselines" in output(result)


def test_a_linked_baseline_stays_a_link(repository: Repository) -> None:
    kept = repository.path / "kept.txt"
    shutil.move(repository.baseline, kept)
    repository.baseline.symlink_to(kept)
    repository.run("--segprune-accept")
    assert repository.baseline.is_symlink()
    assert repository.run().ret == 0
