"""A run that leaves gates out by settings, options, folders or workers is red or reports it.

Each of these runs was once green, without a message. Options typed for one run may leave gates out;
this is reported, and such a run is red under CI.
"""

from __future__ import annotations

import shutil
from types import SimpleNamespace
from typing import Any

import pytest

from gates.repository import CASE, Repository, another_case, output, without_tests
from segprune.pytest_plugin.hooks import pytest_testnodedown

GREEN, RED, REFUSED = (
    pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.USAGE_ERROR,
)  # fmt: skip
MISSED = "NOT_MEASURED – expected a test that judges"
UNJUDGED = f"{CASE}.json: expected a test that judges this baseline, found none"
LEFT_OUT = "left out by what was typed for this run: "


def settings(repository: Repository, *lines: str) -> None:
    (repository.path / "pytest.ini").write_text("\n".join(("[pytest]", *lines, "")))


def below(repository: Repository, folder: str) -> None:
    """Move the gates and all of their files to a folder; beside it is another test."""
    settings(repository)
    (repository.path / folder).mkdir()
    for name in ("test_gates.py", "baselines", "half.safetensors"):
        shutil.move(repository.path / name, repository.path / folder / name)
    (repository.path / "test_else.py").write_text("def test_ok():\n    pass\n")


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


@pytest.mark.parametrize("option", ["--help", "-h", "--version", "-VV", "--fixtures-per-test"])
def test_no_setting_shows_something_in_place_of_a_run(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    (repository.path / "options").write_text(f"{option}\n")
    for variable, arguments in ((option, ()), ("", ("@options",))):
        monkeypatch.setenv("PYTEST_ADDOPTS", variable)
        result = repository.run(*arguments)
        assert result.ret == REFUSED
        assert "settings: expected tests to be run, found --" in output(result)
    assert repository.run(option).ret == GREEN  # typed


@pytest.mark.parametrize(
    "options", ["-k size", "test_gates.py::test_size", "--collect-only", "--ignore=test_gates.py"]
)
def test_what_a_file_of_options_leaves_out_was_not_typed(
    repository: Repository, options: str
) -> None:
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


# ---------------------------------------------------------------- what was typed


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
def test_what_was_typed_leaves_gates_out_says_which_and_is_red_under_ci(
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


# ---------------------------------------------------------------- baselines out of sight


def test_a_baseline_is_missed_in_a_folder_that_pytest_does_not_look_into(
    repository: Repository,
) -> None:
    (repository.path / "test_gates.py").write_text("def test_ok():\n    pass\n")
    for folder in (".baselines", "build", ".ci/kept"):
        (repository.path / folder).parent.mkdir(exist_ok=True)
        kept = shutil.move(repository.path / "baselines", repository.path / folder)
        result = repository.run()
        assert result.ret == RED, folder
        assert f"{UNJUDGED}; it lies in {folder}:" in output(result)
        shutil.move(kept, repository.path / "baselines")


@pytest.mark.parametrize(
    "line", ["testpaths = test_else.py", "norecursedirs = gates", "collect_ignore", ".gates"]
)
def test_a_folder_of_gates_is_missed_that_settings_hide(repository: Repository, line: str) -> None:
    below(repository, ".gates" if line == ".gates" else "gates")
    if line == "collect_ignore":
        (repository.path / "conftest.py").write_text('collect_ignore = ["gates"]\n')
    elif line != ".gates":
        settings(repository, line)
    result = repository.run()
    result.assert_outcomes(passed=1)
    assert result.ret == RED
    assert UNJUDGED in output(result)


def test_another_root_does_not_hide_the_folders_that_are_looked_into(
    repository: Repository,
) -> None:
    below(repository, ".gates")
    (repository.path / "other").mkdir()
    result = repository.run("--rootdir", "other")
    assert result.ret == RED
    assert UNJUDGED in output(result)


def test_what_lies_in_a_project_of_its_own_or_in_an_environment_is_none_of_ours(
    repository: Repository,
) -> None:
    """A copy beside the judged case, as a build makes one, is not missed either."""
    marks = {"project": "pyproject.toml", ".venv": "pyvenv.cfg", ".kept": "CACHEDIR.TAG"}
    for folder, mark in marks.items():
        kept = repository.path / folder / ".baselines"
        kept.mkdir(parents=True)
        (kept.parent / mark).write_text("")
        (kept / "another.json").write_text(repository.baseline.read_text())
    (repository.path / "build").mkdir()
    shutil.copy(repository.baseline, repository.path / "build")
    assert repository.run("--benchmark-only").ret == GREEN
    (repository.path / "project" / "test_inner.py").write_text("def test_ok():\n    pass\n")
    result = repository.run("--benchmark-only")  # collected here, so it is a part of this project
    assert result.ret == RED
    assert UNJUDGED.replace(CASE, "another") in output(result)


# ---------------------------------------------------------------- the end


def test_a_session_that_is_told_to_stop_once_all_is_over_is_judged(
    repository: Repository,
) -> None:
    repository.edit("segprune_gate.accuracy()", "pass")
    (repository.path / "conftest.py").write_text(
        "def pytest_sessionfinish(session):\n    session.shouldstop = 'time is up'\n"
    )
    assert repository.run().ret == RED


def test_a_worker_that_ends_without_its_report_is_red(repository: Repository) -> None:
    """The test reports a lost worker as pytest-xdist does."""

    class Ended:
        """A plugin of the inner session that reports a lost worker."""

        def pytest_sessionfinish(self, session: pytest.Session) -> None:
            node: Any = SimpleNamespace(config=session.config, gateway=SimpleNamespace(id="gw7"))
            pytest_testnodedown(node)

    result = repository.pytester.runpytest_inprocess("--benchmark-only", plugins=[Ended()])
    assert result.ret == RED
    assert "worker gw7: expected each worker process to report its gates" in output(result)
    shutil.rmtree(repository.path / "baselines")
    (repository.path / "test_gates.py").write_text("def test_ok():\n    pass\n")
    assert repository.pytester.runpytest_inprocess(plugins=[Ended()]).ret == GREEN


@pytest.mark.slow
@pytest.mark.parametrize("gate", ["", "segprune_gate.proof()"], ids=["judged", "not called"])
def test_workers_that_die_as_they_end_are_red(repository: Repository, gate: str) -> None:
    if gate:
        repository.edit(gate, "pass")
    (repository.path / "conftest.py").write_text(
        "import os\ndef pytest_sessionfinish(session):\n"
        "    if hasattr(session.config, 'workerinput'):\n        os._exit(0)\n"
    )
    result = repository.pytester.runpytest_subprocess("-n", "1", "--max-worker-restart", "0")
    assert result.ret == RED
    assert "worker gw0: expected each worker process to report its gates" in output(result)
    assert "expected a test that judges this baseline" not in output(result)


@pytest.mark.slow
def test_what_was_typed_is_known_beside_workers(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    result = repository.pytester.runpytest_subprocess("-n", "1", "-k", "size")
    assert result.ret == RED
    assert f"{LEFT_OUT}{CASE} (proof, accuracy); under CI" in output(result)


def test_the_last_line_of_an_accepting_run_says_why_it_is_red(fresh: Repository) -> None:
    accepted = fresh.run("--segprune-accept")
    assert accepted.ret == RED
    assert "4 passed, 1 red on purpose (--segprune-accept) in " in accepted.outlines[-1]
