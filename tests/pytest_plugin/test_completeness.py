"""Every required gate gives a verdict: each way not to run one was green once, and is red now."""

from __future__ import annotations

import json
import shutil

import pytest

from pytest_plugin.repository import (
    CASE,
    RED,
    Repository,
    another_case,
    output,
    table_row,
    with_another_test,
    without_tests,
)

# ---------------------------------------------------------------- tests that give no verdict


@pytest.mark.parametrize("gate", ["size", "proof", "accuracy"])
def test_a_fixture_that_is_not_called_is_no_verdict(repository: Repository, gate: str) -> None:
    repository.edit(f"segprune_gate.{gate}()", f"segprune_gate.{gate}")
    result = repository.run()
    result.assert_outcomes(passed=3, deselected=1)
    assert result.ret == RED
    assert f"test_gates.py::test_{gate}: expected a verdict on {CASE}, found none" in output(result)
    assert f"NOT_MEASURED ({gate})" in table_row(result)


def test_a_speed_fixture_that_is_not_called_is_no_verdict(repository: Repository) -> None:
    repository.edit("segprune_speed()", "segprune_speed._benchmark(lambda: None)")
    assert repository.run("test_gates.py").ret == RED
    assert repository.run("--benchmark-only").ret == RED


@pytest.mark.parametrize("gate", ["size", "proof", "accuracy"])
def test_a_deleted_test_is_missed(repository: Repository, gate: str) -> None:
    without_tests(repository.path / "test_gates.py", gate)
    result = repository.run()
    result.assert_outcomes(passed=2, deselected=1)
    assert result.ret == RED
    assert f"{CASE}, {gate}: NOT_MEASURED – expected a test that judges {gate}" in output(result)
    report = repository.run("--segprune-report", "out")
    assert report.ret == RED
    cases = json.loads((repository.path / "out/segprune.json").read_text())["cases"]
    assert cases[CASE]["verdict"] == "NOT_MEASURED"


def test_a_deleted_test_of_speed_is_missed_in_one_case_of_two(repository: Repository) -> None:
    module = another_case(repository)
    assert repository.run("--benchmark-only").ret == 0
    without_tests(module, "speed")
    result = repository.run("--benchmark-only")
    assert result.ret == RED
    assert "other-half, speed: NOT_MEASURED" in output(result)
    assert repository.run("--benchmark-only", "test_gates.py").ret == 0


@pytest.mark.parametrize("mark", ["skip", "skipif(True, reason='-')", "xfail(run=False)"])
def test_a_test_that_is_skipped_is_no_verdict(repository: Repository, mark: str) -> None:
    repository.edit("def test_size", f"@pytest.mark.{mark}\ndef test_size")
    result = repository.run()
    assert result.ret == RED
    assert "test_gates.py::test_size: expected a verdict" in output(result)


# ---------------------------------------------------------------- the command line of this run


@pytest.mark.parametrize(
    "arguments",
    [
        ("-k", "size"), ("--deselect", "test_gates.py::test_proof"), ("-m", "segprune"),
        ("test_gates.py::test_size",), ("--collect-only",), ("--lf",), ("-x",),
        ("test_gates.py", "-k", "not speed"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_typed_choice_among_the_tests_is_green(
    repository: Repository, arguments: tuple[str, ...]
) -> None:
    assert repository.run(*arguments).ret == 0


def test_the_last_failed_test_alone_is_green_once_it_is_mended(repository: Repository) -> None:
    another_case(repository)
    repository.edit('"macs": 0.6', '"macs": 0.4')
    assert repository.run().ret == RED
    repository.edit('"macs": 0.4', '"macs": 0.6')
    again = repository.run("--lf")
    again.assert_outcomes(passed=3)
    assert again.ret == 0


# ---------------------------------------------------------------- baselines that nothing judges


@pytest.mark.parametrize(
    "workers", [0, pytest.param(2, marks=pytest.mark.slow)], ids=["alone", "side by side"]
)
def test_a_baseline_whose_module_was_deleted_is_missed(
    repository: Repository, workers: int
) -> None:
    folder = repository.path / "deep"
    folder.mkdir()
    moved = folder / "baselines"
    moved.mkdir()
    shutil.copy(repository.baseline, moved / "lost.json")
    if workers:
        result = repository.pytester.runpytest_subprocess("-n", str(workers))
    else:
        result = repository.run()
    assert result.ret == RED
    assert output(result).count("lost.json: expected a test that judges this baseline") == 1


def test_a_folder_named_in_another_way_is_the_same(repository: Repository) -> None:
    repository.edit("budget=", 'baselines="../" + __file__.split("/")[-2] + "/baselines", budget=')
    assert repository.run().ret == 0


@pytest.mark.parametrize("arguments", [(), ("--segprune-strict",)], ids=" ".join)
def test_a_verdict_of_speed_does_not_replace_the_other_gates(
    repository: Repository, arguments: tuple[str, ...]
) -> None:
    with_another_test(repository)
    for name in ("size", "proof", "accuracy"):
        without_tests(repository.path / "test_gates.py", name)
    repository.write_artifact(0.375)
    result = repository.run(*arguments)
    assert result.ret == RED
    assert f"{CASE}, size: NOT_MEASURED" in output(result)


def test_one_test_of_everything_that_is_left_out_for_its_speed_is_missed(
    repository: Repository,
) -> None:
    with_another_test(repository)
    (repository.path / "test_gates.py").write_text(
        (repository.path / "test_gates.py").read_text().partition("def test_size")[0]
        + "def test_all(segprune_gate, segprune_speed):\n    segprune_gate.size()\n"
        "    segprune_gate.proof()\n    segprune_gate.accuracy()\n    segprune_speed()\n"
    )
    assert repository.run().ret == RED
    assert repository.run("test_gates.py").ret == 0


def test_options_in_settings_may_not_leave_gates_out(repository: Repository) -> None:
    repository.edit("def test_accuracy", "@pytest.mark.slow\ndef test_accuracy")
    (repository.path / "pytest.ini").write_text(
        "[pytest]\naddopts = -m 'not slow'\nmarkers =\n  slow: slow\n"
    )
    result = repository.run()
    assert result.ret == RED
    assert f"{CASE}, accuracy: NOT_MEASURED" in output(result)
    assert repository.run("--nf").ret == RED  # which orders tests, and chooses none
    assert repository.run("-m", "not slow").ret == 0  # typed


def test_a_conftest_may_not_leave_gates_out(repository: Repository) -> None:
    (repository.path / "conftest.py").write_text(
        "def pytest_collection_modifyitems(items):\n"
        "    items[:] = [item for item in items if 'accuracy' not in item.name]\n"
    )
    assert repository.run().ret == RED


def test_a_case_that_gets_its_marker_from_a_conftest_is_judged(repository: Repository) -> None:
    text = (repository.path / "test_gates.py").read_text()
    marker = text[text.index("pytest.mark.segprune") : text.index("def test_size")].strip()
    (repository.path / "test_gates.py").write_text(text.replace(marker, "[]"))
    (repository.path / "conftest.py").write_text(
        "import pytest\nfrom my_networks import make_network, scenes\n"
        f"MARK = {marker}\n"
        "def pytest_collection_modifyitems(items):\n"
        "    for item in items:\n        item.add_marker(MARK)\n"
    )
    assert repository.run().ret == 0
    without_tests(repository.path / "test_gates.py", "proof")
    assert repository.run().ret == RED


def test_two_baselines_may_not_share_a_name(repository: Repository) -> None:
    second = repository.path / "second"
    second.mkdir()
    for name in ("half.safetensors", "baselines"):
        copy = shutil.copytree if name == "baselines" else shutil.copy
        copy(repository.path / name, second / name)
    shutil.copy(repository.path / "test_gates.py", second / "test_second.py")
    result = repository.run()
    assert result.ret == RED
    assert f"{CASE}: expected one baseline for this name" in output(result)


@pytest.mark.parametrize(
    "arguments",
    [("--setup-plan",), ("--fixtures",), ("test_gates.py", "--benchmark-skip")],
    ids=" ".join,
)
def test_no_verdict_is_required_of_a_run_that_only_looks_or_skips(
    repository: Repository, arguments: tuple[str, ...]
) -> None:
    result = repository.run(*arguments)
    assert result.ret == 0
    assert "expected a verdict" not in output(result)


def test_gates_in_two_folders_are_each_asked_for_their_own(repository: Repository) -> None:
    bench = repository.path / "bench"
    bench.mkdir()
    text = (repository.path / "test_gates.py").read_text()
    tests = repository.path / "tests"
    tests.mkdir()
    up = text.replace('artifact="', 'baselines="../baselines", artifact="../')
    (tests / "test_correct.py").write_text(up.partition("def test_speed")[0])
    (bench / "test_fast.py").write_text(
        up.partition("def test_size")[0] + "def test_speed" + up.partition("def test_speed")[2]
    )
    (repository.path / "test_gates.py").unlink()
    assert repository.run("tests").ret == 0
    assert repository.run("bench").ret == 0
    assert repository.run().ret == 0


def test_a_baseline_may_be_a_link_and_have_neighbours(repository: Repository) -> None:
    blob = repository.path / "blob.bin"
    shutil.move(repository.baseline, blob)
    repository.baseline.symlink_to(blob)
    repository.baseline.with_name("notes.json").write_text("{}")
    assert repository.run().ret == 0
