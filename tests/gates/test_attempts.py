"""Ways around the gates, and harmless uses that were refused, found by who tried."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import segprune
from gates.repository import CASE, Repository, output, table_row, without_tests
from segprune.pytest_plugin.baseline_match import made_from_dense

RED = pytest.ExitCode.TESTS_FAILED


def with_another_test(repository: Repository) -> None:
    """So that the session has something to run besides gates."""
    (repository.path / "test_else.py").write_text("def test_ok():\n    pass\n")


@pytest.mark.parametrize("arguments", [(), ("--segprune-strict",)], ids=" ".join)
def test_speed_alone_does_not_pay_for_the_other_gates(
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


def test_what_settings_leave_out_was_not_chosen(repository: Repository) -> None:
    repository.edit("def test_accuracy", "@pytest.mark.slow\ndef test_accuracy")
    (repository.path / "pytest.ini").write_text(
        "[pytest]\naddopts = -m 'not slow'\nmarkers =\n  slow: slow\n"
    )
    result = repository.run()
    assert result.ret == RED
    assert f"{CASE}, accuracy: NOT_MEASURED" in output(result)
    assert repository.run("--nf").ret == RED  # which orders tests, and chooses none
    assert repository.run("-m", "not slow").ret == 0  # typed


def test_what_a_conftest_leaves_out_was_not_chosen(repository: Repository) -> None:
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


def test_a_proof_of_another_network_is_red_and_accepts_nothing(repository: Repository) -> None:
    repository.write_artifact(0.375, "other.safetensors")
    text = (repository.path / "test_gates.py").read_text()
    marker = text[text.index("pytest.mark.segprune") : text.index("def test_size")].strip()
    other = "@" + marker.replace("half.safetensors", "other.safetensors")
    repository.edit("def test_proof", f"{other}\ndef test_proof")
    result = repository.run()
    assert result.ret == RED
    assert "artefact: expected" in output(result)
    repository.baseline.unlink()
    accepting = repository.run("--segprune-accept")
    assert "its gates judged different networks, promises or images" in output(accepting)
    assert not repository.baseline.exists()


def test_one_name_does_not_stand_for_two_baselines(repository: Repository) -> None:
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
    "data", ['"nowhere"', '"camvid", split="train"', '"camvid", count=1'], ids=str
)
def test_images_that_are_not_here_are_still_those_of_the_baseline(
    repository: Repository, data: str
) -> None:
    repository.change(lambda c: c["data"].update(name="camvid"))
    repository.edit("data=scenes", f"data={data}, skip_without_data=True")
    result = repository.run("-k", "accuracy")
    assert result.ret == RED
    assert "as in the baseline" in output(result)


MALFORMED = {
    "skip_without_data='no'": ("budget=", 'skip_without_data="no", budget='),
    "input: expected (N, C, H, W)": ("budget=", "input=(1, 3), budget="),
    "artifact: expected a path": ('artifact="half.safetensors"', "artifact=None"),
    "weights: expected a path": ("budget=", "weights=3, budget="),
    "dense=None": ("dense=make_network", "dense=None"),
    "count: expected a whole number": ("budget=", "count=3, budget="),
}


@pytest.mark.parametrize("says", MALFORMED)
def test_a_malformed_marker_is_a_sentence(repository: Repository, says: str) -> None:
    repository.edit(*MALFORMED[says])
    result = repository.run("-k", "size")
    assert result.ret == RED
    assert says.partition(":")[0] in output(result)
    assert "correct the marker" in output(result)


def test_an_input_may_be_a_list(repository: Repository) -> None:
    repository.edit("budget=", "input=[1, 3, 32, 64], budget=")
    assert repository.run("--benchmark-only").ret == 0


def test_a_report_that_cannot_be_written_keeps_the_verdicts(repository: Repository) -> None:
    (repository.path / "taken").write_text("")
    result = repository.run("--segprune-report", "taken/sub")
    assert result.ret == RED
    assert "--segprune-report: expected a folder to write to" in output(result)
    assert table_row(result)


def test_a_property_of_a_test_s_own_is_left_alone(repository: Repository) -> None:
    (repository.path / "test_else.py").write_text(
        "def test_ok(record_property):\n    record_property('segprune', '0.1.0')\n"
    )
    assert repository.run().ret == 0


def test_a_baseline_may_be_a_link_and_have_neighbours(repository: Repository) -> None:
    blob = repository.path / "blob.bin"
    shutil.move(repository.baseline, blob)
    repository.baseline.symlink_to(blob)
    repository.baseline.with_name("notes.json").write_text("{}")
    assert repository.run().ret == 0


@pytest.mark.parametrize(
    "arguments",
    [("--setup-plan",), ("--fixtures",), ("test_gates.py", "--benchmark-skip")],
    ids=" ".join,
)
def test_who_only_looks_or_skips_owes_nothing(
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


def test_another_module_that_does_not_load_is_told_alone(repository: Repository) -> None:
    (repository.path / "test_else.py").write_text("import nothing_of_this_name\n")
    result = repository.run()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert "expected a verdict" not in output(result)


def test_accepting_takes_one_process(repository: Repository) -> None:
    result = repository.pytester.runpytest_inprocess("--segprune-accept", "-n", "2")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "expected one process" in output(result)


def test_an_artefact_that_loads_by_itself_was_still_pruned_from_this_dense_network() -> None:
    """Own networks are refused when they are loaded; built-in ones need no dense one for that."""
    dense = segprune.build("bisenetv2", num_classes=3, width=0.25, aux=False)
    plan = segprune.make_plan(dense, torch.rand(1, 3, 64, 64), budget={"channels": 0.9})
    case = SimpleNamespace(artifact=Path("half.safetensors"))
    header = SimpleNamespace(plan=plan)
    other = segprune.build("bisenetv2", num_classes=3, width=0.5, aux=False)
    for network, green in ((dense, True), (other, False)):
        subject: Any = SimpleNamespace(case=case, header=header, dense=network)
        assert made_from_dense(subject).is_green == green
    assert "plan of half.safetensors: expected one made for" in made_from_dense(subject).reasons[0]
