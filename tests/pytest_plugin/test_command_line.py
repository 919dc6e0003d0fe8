"""Options typed for a run may leave gates out; settings, folders and other arguments may not."""

from __future__ import annotations

import shutil

import pytest

from pytest_plugin.repository import (
    CASE,
    GREEN,
    RED,
    REFUSED,
    Repository,
    output,
    settings,
    table_row,
    without_tests,
)


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
def test_an_argument_that_chooses_nothing_leaves_no_gate_out(
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
def test_settings_that_only_look_leave_no_gate_out(repository: Repository, line: str) -> None:
    settings(repository, f"addopts = {line}")
    assert repository.run().ret in (RED, pytest.ExitCode.USAGE_ERROR)
    settings(repository, "")
    assert repository.run(line).ret == 0  # typed


# ---------------------------------------------------------------- folders


@pytest.mark.parametrize(
    ("names", "missed"), [(("speed",), "speed"), (("size", "proof", "accuracy"), "size, proof")]
)
def test_a_deleted_test_is_missed_in_a_folder_that_is_named(
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


def test_the_working_directory_alone_is_not_everything(
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


@pytest.mark.parametrize("place", ["loop", "a\\0b"])
def test_a_folder_of_baselines_that_is_none_is_reported_in_a_sentence(
    repository: Repository, place: str
) -> None:
    (repository.path / "loop").symlink_to("loop")
    repository.edit("budget=", f'baselines="{place}", budget=')
    result = repository.run()
    assert result.ret == RED
    assert "Traceback" not in output(result)
    assert "INTERNALERROR" not in output(result)


@pytest.mark.parametrize("option", ["--help", "-h", "--version", "-VV", "--fixtures-per-test"])
def test_settings_that_show_something_in_place_of_a_run_are_refused(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    (repository.path / "options").write_text(f"{option}\n")
    for variable, arguments in ((option, ()), ("", ("@options",))):
        monkeypatch.setenv("PYTEST_ADDOPTS", variable)
        result = repository.run(*arguments)
        assert result.ret == REFUSED
        assert "settings: expected tests to be run, found --" in output(result)
    assert repository.run(option).ret == GREEN  # typed
