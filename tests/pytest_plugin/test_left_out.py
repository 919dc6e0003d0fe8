"""A run that leaves gates out by settings, options, folders or workers is red or reports it.

Each of these runs was once green, without a message. Options typed for one run may leave gates out;
this is reported, and such a run is red under CI.
"""

from __future__ import annotations

import shutil

import pytest

from pytest_plugin.repository import (
    CASE,
    GREEN,
    LEFT_OUT,
    RED,
    REFUSED,
    Repository,
    another_case,
    below,
    output,
    settings,
    without_tests,
)

MISSED = "NOT_MEASURED – expected a test that judges"


# ---------------------------------------------------------------- settings


@pytest.mark.parametrize("place", ["addopts", "PYTEST_ADDOPTS", "-o", "-c", "a file of options"])
def test_speed_alone_is_no_setting(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """The place of the setting does not matter; only a typed option may leave out all but speed."""
    arguments: tuple[str, ...] = ()
    if place == "addopts":
        settings(repository, "addopts = --benchmark-only")
    elif place == "PYTEST_ADDOPTS":
        monkeypatch.setenv("PYTEST_ADDOPTS", "--benchmark-only")
    elif place == "-o":
        arguments = ("-o", "addopts=--benchmark-only")
    else:
        arguments = ("-c", "more.ini") if place == "-c" else ("@more.ini",)
        text = "[pytest]\naddopts = --benchmark-only\n" if place == "-c" else "--benchmark-only\n"
        (repository.path / "more.ini").write_text(text)
    result = repository.run(*arguments)
    assert result.ret == RED
    said = output(result)
    for gate in ("size", "proof", "accuracy"):
        assert f"{CASE}, {gate}: {MISSED} {gate}" in said
    assert "settings leave tests out, which may be the reason: --benchmark-only" in said
    assert "1 passed, 3 skipped, 7 red (see segprune above) in " in result.outlines[-1]
    assert repository.run(*arguments, "--benchmark-only").ret == GREEN


@pytest.mark.parametrize(
    "options", ["-k size", "test_gates.py::test_size", "--collect-only", "--ignore=test_gates.py"]
)
def test_options_in_a_file_do_not_count_as_typed(repository: Repository, options: str) -> None:
    (repository.path / "options").write_text(options.replace(" ", "\n") + "\n")
    result = repository.run("@options")
    assert result.ret == RED
    assert LEFT_OUT not in output(result)
    assert "expected a test that judges" in output(result)


def test_speed_that_settings_skip_is_missed_where_its_folder_is_named(
    repository: Repository,
) -> None:
    settings(repository, "addopts = --benchmark-skip")
    without_tests(repository.path / "test_gates.py", "proof", "accuracy")
    result = repository.run("test_gates.py")
    assert result.ret == RED
    assert "test_gates.py::test_speed: expected a verdict" in output(result)


# ---------------------------------------------------------------- the command line


TYPED = {
    "-k size": f"{CASE} (proof, accuracy)",
    "test_gates.py::test_proof": f"{CASE} (size, accuracy)",
    "--deselect test_gates.py::test_accuracy": f"{CASE} (accuracy)",
    "--ignore test_gates.py": CASE,
    "test_else.py": CASE,
    "--collect-only": f"{CASE} (size, proof, accuracy)",
    "--setup-plan": f"{CASE} (size, proof, accuracy)",
}


@pytest.mark.parametrize("typed", TYPED)
def test_typed_options_leave_gates_out_and_the_summary_names_them_and_ci_is_red(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    (repository.path / "test_else.py").write_text("def test_ok():\n    pass\n")
    result = repository.run(*typed.split())
    assert result.ret == GREEN
    assert f"{LEFT_OUT}{TYPED[typed]}; run pytest without it" in output(result)
    monkeypatch.setenv("CI", "true")
    under_ci = repository.run(*typed.split())
    assert under_ci.ret == RED
    assert f"{LEFT_OUT}{TYPED[typed]}; under CI every gate has to be judged" in output(under_ci)


def test_the_tests_that_failed_last_are_not_all(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    another_case(repository)
    monkeypatch.setenv("CI", "1")
    repository.edit("segprune_gate.size()", "segprune_gate.size(), 1 / 0")
    assert repository.run("-k", "size").ret == RED
    repository.edit("segprune_gate.size(), 1 / 0", "segprune_gate.size()")
    again = repository.run("--lf")
    again.assert_outcomes(passed=1)
    assert again.ret == RED
    assert f"{LEFT_OUT}{CASE} (proof, accuracy), other-half; under CI" in output(again)


def test_under_ci_folders_and_parts_that_say_so_are_green(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """README names these ways; a setting is none of them."""
    below(repository, "gates")
    (repository.path / "unit").mkdir()
    shutil.move(repository.path / "test_else.py", repository.path / "unit")
    monkeypatch.setenv("CI", "true")
    unit = repository.run("unit")
    assert unit.ret == GREEN
    assert f"not judged, because its folder is not part of this run: {CASE};" in output(unit)
    assert LEFT_OUT not in output(unit)
    assert repository.run("--benchmark-only").ret == GREEN
    part = repository.run("-k", "ok", "--segprune-partial")
    assert part.ret == GREEN
    assert f"{LEFT_OUT}{CASE} (size, proof, accuracy)" in output(part)
    settings(repository, "addopts = --segprune-partial -k ok")
    assert repository.run().ret == REFUSED
