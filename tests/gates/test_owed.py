"""Gates that do not run: each of these was green once, and says now what is owed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import segprune
from gates.repository import CASE, POLICY, Repository, output, table_row, without_tests
from segprune.pytest_plugin.matching import made_from_dense

RED = pytest.ExitCode.TESTS_FAILED


def another_case(repository: Repository) -> Path:
    """A second module with a case of its own, accepted and green; returns the module."""
    module = repository.path / "test_other.py"
    module.write_text((repository.path / "test_gates.py").read_text().replace(CASE, "other-half"))
    text = repository.baseline.read_text().replace(CASE, "other-half")
    repository.baseline.with_name("other-half.json").write_text(text)
    return module


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


@pytest.mark.parametrize("strict", ["", "strict=True"])
def test_an_expected_failure_is_no_way_around(repository: Repository, strict: str) -> None:
    repository.edit("def test_size", f"@pytest.mark.xfail({strict})\ndef test_size")
    repository.edit('"macs": 0.6', '"macs": 0.4')
    result = repository.run()
    assert result.ret == RED
    assert f"{CASE}, size: FAIL, though test_gates.py::test_size did not fail" in output(result)


def test_a_failure_that_is_caught_is_no_way_around(repository: Repository) -> None:
    repository.edit(
        "    segprune_gate.size()",
        "    try:\n        segprune_gate.size()\n    except BaseException:\n        pass",
    )
    repository.edit('"macs": 0.6', '"macs": 0.4')
    result = repository.run("-k", "size")
    result.assert_outcomes(passed=1, deselected=3)
    assert result.ret == RED


def test_inconclusive_is_not_talked_away_when_strict(repository: Repository) -> None:
    repository.ratio = 1.5
    repository.edit("def test_speed", "@pytest.mark.xfail\ndef test_speed")
    assert repository.run("test_gates.py").ret == 0
    assert repository.run("test_gates.py", "--segprune-strict").ret == RED


# ---------------------------------------------------------------- what somebody chose is theirs


@pytest.mark.parametrize(
    "arguments",
    [
        ("-k", "size"), ("--deselect", "test_gates.py::test_proof"), ("-m", "segprune"),
        ("test_gates.py::test_size",), ("--collect-only",), ("--lf",), ("-x",),
        ("test_gates.py", "-k", "not speed"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_choice_among_the_tests_is_green(
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


def test_a_session_that_stops_early_says_only_why(repository: Repository) -> None:
    repository.edit('"macs": 0.6', '"macs": 0.4')
    result = repository.run("-x")
    assert result.ret == RED
    assert "expected a test that judges" not in output(result)


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


@pytest.mark.slow
def test_workers_owe_what_one_process_owes(repository: Repository) -> None:
    whole = repository.pytester.runpytest_subprocess("-n", "2")
    assert whole.ret == 0
    without_tests(repository.path / "test_gates.py", "proof")
    result = repository.pytester.runpytest_subprocess("-n", "2")
    assert result.ret == RED
    assert f"{CASE}, proof: NOT_MEASURED" in output(result)


def test_a_variable_of_xdist_s_does_not_make_a_worker(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    repository.baseline.rename(repository.baseline.with_name("other.json"))
    assert "other.json: expected a test" in output(repository.run())


def test_other_json_is_none_of_ours(repository: Repository) -> None:
    (repository.path / "package.json").write_text('{"schema": "another/1"}')
    (repository.path / "more.json").write_bytes(b"\xff")
    assert repository.run().ret == 0


def test_a_folder_named_in_another_way_is_the_same(repository: Repository) -> None:
    repository.edit("budget=", 'baselines="../" + __file__.split("/")[-2] + "/baselines", budget=')
    assert repository.run().ret == 0


def test_a_path_through_a_link_asks_for_speed_like_any_other(
    repository: Repository, tmp_path: Path
) -> None:
    inner = repository.path / "inner"
    inner.mkdir()
    for name in ("test_gates.py", "half.safetensors", "baselines"):
        shutil.move(repository.path / name, inner / name)
    (repository.path / "link").symlink_to(inner)
    result = repository.run("link/test_gates.py")
    result.assert_outcomes(passed=4)


# ---------------------------------------------------------------- the promise, in every gate


LOWERED = {
    "a smaller loss": ('"miou_loss": 12', '"miou_loss": 60'),
    "more of a class": ('"class_loss": 100', '"class_loss": 101'),
    "less speed": ('"speedup": 1.5', '"speedup": 1.2'),
    "more MACs": ('"macs": 0.6', '"macs": 0.7'),
    "no limit of MACs": (', "macs": 0.6', ""),
    "another claim": ("budget=", "claim=50, budget="),
}


@pytest.mark.parametrize(
    ("gate", "change"),
    [*(("size", change) for change in LOWERED), ("accuracy", "less speed"), ("speed", "more MACs")],
)
def test_each_gate_alone_sees_that_another_promise_was_made(
    repository: Repository, gate: str, change: str
) -> None:
    repository.edit(*LOWERED[change])
    result = repository.run("test_gates.py", "-k", gate)
    assert result.ret == RED
    assert "policy: expected" in output(result)


def test_a_reason_that_all_gates_of_a_case_give_is_said_once(repository: Repository) -> None:
    repository.edit(*LOWERED["less speed"])
    assert repository.run("test_gates.py", "--segprune-report", "out").ret == RED
    text = (repository.path / "out/segprune.md").read_text()
    said = "policy: expected 'speed-up ≥ 1.5' as in the baseline, found 'speed-up ≥ 1.2'; accept"
    assert text.count("policy: expected") == text.count(said) == 1
    assert "size, proof, accuracy, speed: NOT_COMPARABLE" in text


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("input=(1, 3, 8, 8)", "speed input: expected (1, 3, 32, 64) as in the baseline"),
        ('memory_format="channels_last"', "speed memory format: expected 'contiguous'"),
    ],
)
def test_speed_is_measured_as_in_the_baseline_or_not_at_all(
    repository: Repository, option: str, says: str
) -> None:
    repository.edit("budget=", f"{option}, budget=")
    result = repository.run("--benchmark-only")
    assert result.ret == RED
    assert says in output(result)


def test_a_network_that_is_too_large_is_told_so_before_any_baseline(
    repository: Repository,
) -> None:
    repository.write_artifact(0.875)
    result = repository.run("-k", "size")
    said = output(result)
    assert f"{CASE}, size: FAIL" in said
    assert "MACs: expected at most 60.0% of the dense network's" in said
    assert said.index("prune more, or promise less") < said.index("accept it anew")


def test_another_file_in_place_of_the_artefact_is_asked_for_before_accepting(
    repository: Repository,
) -> None:
    repository.write_artifact(0.375)
    result = repository.run()
    assert "NOT_COMPARABLE (size, proof," in table_row(result)
    assert "put the right file there or, if this is the one you mean, accept it anew" in (
        output(result)
    )
    assert "on these images" not in output(result)


# ---------------------------------------------------------------- policy


@pytest.fixture
def judged_by_policy(fresh: Repository) -> Repository:
    """By a file, on images that are known by name."""
    start, _, rest = (fresh.path / "test_gates.py").read_text().partition("budget={")
    rest = rest.partition("}")[2]
    (fresh.path / "test_gates.py").write_text(start + 'budget="macs50", count=2' + rest)
    fresh.edit("data=scenes", 'data="streets"')
    return fresh


def test_a_dense_network_below_the_policy_s_least_is_not_accepted(
    judged_by_policy: Repository,
) -> None:
    fresh = judged_by_policy
    (fresh.path / "policy.toml").write_text(POLICY + "[dense]\nstreets = 0.9\n")
    result = fresh.run("--segprune-accept")
    assert result.ret == RED
    assert "dense network: expected mIoU of at least 90.00, as the policy says" in output(result)
    assert not fresh.baseline.exists()


@pytest.mark.parametrize(
    "loosened",
    ["[determinism]\nflips_per_million = 1e6\n", "[fps]\nleast_share = 0.001\n",
     "[speed]\ngate_share = 0.5\n"],
)  # fmt: skip
def test_a_loosened_rule_of_the_policy_is_seen(judged_by_policy: Repository, loosened: str) -> None:
    repository = judged_by_policy
    policy = POLICY.replace("speedup = 1.0", "speedup = 1.2")  # of no gain there is no share
    (repository.path / "policy.toml").write_text(policy)
    repository.run("--segprune-accept")
    assert repository.run("-k", "size").ret == 0
    (repository.path / "policy.toml").write_text(policy + loosened)
    result = repository.run("-k", "size")
    assert result.ret == RED
    assert "policy: expected" in output(result)


# ---------------------------------------------------------------- data


def elsewhere(repository: Repository, more: str = "") -> None:
    """The case's images are on another machine."""
    repository.edit("data=scenes", f'data="camvid"{more}')
    repository.change(lambda c: c["data"].update(name="camvid"))


def test_strict_lets_nothing_pass_for_want_of_images(repository: Repository) -> None:
    elsewhere(repository)
    result = repository.run("--segprune-strict", "-k", "accuracy")
    assert result.ret == RED
    assert "--segprune-data camvid=PATH" in output(result)
    assert "skip_without_data=True" in output(result)
    assert "NOT_MEASURED (accuracy)" in table_row(result)


def test_a_case_may_be_skipped_for_want_of_images_where_its_marker_says_so(
    repository: Repository,
) -> None:
    elsewhere(repository, ", skip_without_data=True")
    result = repository.run("--segprune-strict", "-k", "accuracy")
    assert result.ret == 0
    assert "SKIPPED (accuracy)" in table_row(result)
    assert "--segprune-data camvid=PATH" in output(result)


@pytest.mark.parametrize("strict", [False, True], ids=["", "strict"])
@pytest.mark.parametrize("said", [False, True], ids=["", "said in the marker"])
def test_a_function_that_finds_no_images_may_skip(
    repository: Repository, said: bool, strict: bool
) -> None:
    """As in strict runs at all: only where the marker says that the images cannot be everywhere."""
    repository.edit("import make_network, scenes", "import make_network")
    repository.edit(
        "pytestmark =",
        "def scenes():\n    pytest.skip('no images on this machine')\n\npytestmark =",
    )
    if said:
        repository.edit("data=scenes", "data=scenes, skip_without_data=True")
    result = repository.run(*(["--segprune-strict"] if strict else []))
    assert result.ret == (RED if strict and not said else 0)
    assert "no images on this machine" in output(result)
    assert ("NOT_MEASURED" if strict and not said else "SKIPPED (accuracy)") in table_row(result)


def test_a_misspelt_name_of_a_data_set_is_red(repository: Repository) -> None:
    elsewhere(repository, ", skip_without_data=True")
    result = repository.run("--segprune-data", "camvit=somewhere", "-k", "accuracy")
    assert result.ret == RED
    assert "expected names of the cases' data sets (camvid), found camvit" in output(result)
    unrelated = repository.run("--segprune-data", "camvit=somewhere", "-k", "size")
    assert unrelated.ret == 0


# ---------------------------------------------------------------- the table


def test_a_gate_that_breaks_is_an_error_in_the_table(repository: Repository) -> None:
    networks = repository.path / "my_networks.py"
    text = networks.read_text().replace("def scenes():\n", "def scenes():\n    1 / 0\n")
    networks.write_text(
        text.replace("in scenes()", "in real_scenes()")
        + """

def real_scenes():
    return segprune.open_dataset("streets", count=24, size=(32, 64), cache=True)
"""
    )
    result = repository.run("--segprune-report", "out")
    assert result.ret == RED
    assert "ERROR (accuracy)" in table_row(result)
    assert "ZeroDivisionError" in (repository.path / "out/segprune.md").read_text()


def test_several_gates_in_one_test_are_all_in_the_table(repository: Repository) -> None:
    (repository.path / "test_gates.py").write_text(
        (repository.path / "test_gates.py").read_text().partition("def test_size")[0]
        + "def test_all(segprune_gate):\n"
        "    segprune_gate.size()\n    segprune_gate.proof()\n    segprune_gate.accuracy()\n"
        "def test_speed(segprune_speed):\n    segprune_speed()\n"
    )
    assert repository.run().ret == 0
    repository.edit('"macs": 0.6', '"macs": 0.4')
    result = repository.run()
    assert result.ret == RED
    assert "FAIL (size), NOT_MEASURED" in table_row(result)  # the others never ran


def test_a_test_that_fails_after_its_gate_is_no_pass_in_the_table(repository: Repository) -> None:
    repository.edit("segprune_gate.size()", "segprune_gate.size(); assert False")
    result = repository.run("-k", "size")
    assert result.ret == RED
    assert "FAIL (test)" in table_row(result)


def test_too_little_footage_supports_no_claim_in_the_table(repository: Repository) -> None:
    repository.edit("count=24", "count=12", "my_networks.py")
    repository.baseline.unlink()
    repository.run("--segprune-accept")
    result = repository.run("-k", "accuracy")
    assert result.ret == 0
    assert "nothing can be said of others (12 sequences, 12 blocks of frames)" in output(result)


@pytest.mark.parametrize("claim", ["float('nan')", "'abc'", "-1", "True"])
def test_a_claim_that_is_no_number_is_refused(repository: Repository, claim: str) -> None:
    repository.edit("budget=", f"claim={claim}, budget=")
    result = repository.run("-k", "accuracy")
    assert result.ret == RED
    assert "claim: expected a number from 0" in output(result)


def test_a_report_in_place_of_a_file_is_refused_before_anything_runs(
    repository: Repository,
) -> None:
    (repository.path / "taken").write_text("")
    result = repository.run("--segprune-report", "taken")
    assert result.ret == pytest.ExitCode.USAGE_ERROR


# ---------------------------------------------------------------- accepting


def test_a_case_without_its_proof_is_not_accepted(fresh: Repository) -> None:
    networks = fresh.path / "my_networks.py"
    networks.write_text(
        networks.read_text()
        + '''

def unproven(path="half.safetensors"):
    """An artefact whose normalisation was swapped after its plan was made."""
    small = segprune.load(path, make_network())
    header = segprune.artifacts.read_header(path)
    with torch.no_grad():
        small.norm.num_batches_tracked.fill_(0)
    small.first.stride = (4, 4)
    return segprune.save(path, small, header.plan, metadata=header.metadata)
'''
    )
    result = fresh.run("--segprune-accept", "-k", "not proof")
    assert result.ret == RED
    assert "not written, for proof did not pass; run its tests of size, proof" in output(result)
    assert not fresh.baseline.exists()


def test_a_claim_that_does_not_hold_is_not_accepted(fresh: Repository) -> None:
    fresh.edit("budget=", "claim=0.1, budget=")
    result = fresh.run("--segprune-accept")
    assert result.ret == RED
    assert "not written, for accuracy did not pass" in output(result)
    assert not fresh.baseline.exists()


PROMISES = {
    "the limit of MACs is gone": (', "macs": 0.6', "", "most_macs from"),
    "fewer images": ("count=24", "count=22", "images from 24 of streets"),
    "another input": ("budget=", "input=(1, 3, 8, 8), budget=", "input of speed from (1, 3, 32"),
    "another memory format": (
        "budget=", 'memory_format="channels_last", budget=', "memory format of speed from",
    ),
    "a greater loss": ('"class_loss": 100', '"class_loss": 200', "the promise from"),
}  # fmt: skip


@pytest.mark.parametrize("change", PROMISES)
def test_no_promise_is_dropped_without_a_reason(repository: Repository, change: str) -> None:
    old, new, says = PROMISES[change]
    repository.edit(old, new, "my_networks.py" if "count" in old else "test_gates.py")
    before = repository.baseline.read_text()
    result = repository.run("--segprune-accept")
    assert 'add --because "…" if it is meant' in output(result)
    assert says in output(result)
    assert repository.baseline.read_text() == before


# ---------------------------------------------------------------- found by who tried to break it


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
