"""The plugin in a user's repository: what is accepted, what is shown, and what is asked for."""

from __future__ import annotations

import json
import sys
import xml.etree.ElementTree as ElementTree

import pytest

from gates.repository import CASE, Repository, output, table_row

# ---------------------------------------------------------------- accepted and green


def test_accepting_writes_the_baseline_and_is_red_and_the_next_run_is_green(
    fresh: Repository,
) -> None:
    first = fresh.run("--segprune-accept")
    assert first.ret == 1
    first.assert_outcomes(passed=4)
    assert "written to mine-half.json; look at the difference" in output(first)
    second = fresh.run("test_gates.py")
    assert second.ret == 0
    second.assert_outcomes(passed=4)
    assert "×2.01 (1.99 – 2.07; 1.5)" in table_row(second)
    assert table_row(second).rstrip().endswith("PASS")
    assert "on others like them at most" in output(second)


def test_speed_is_measured_only_where_it_was_asked_for_and_the_summary_says_so(
    repository: Repository,
) -> None:
    bare = repository.run()
    bare.assert_outcomes(passed=3, deselected=1)
    assert bare.ret == 0
    assert "speed was not asked for: pytest --benchmark-only measures it" in bare.outlines
    assert "not measured" in table_row(bare)
    named = repository.run("test_gates.py")
    named.assert_outcomes(passed=4)
    only = repository.run("--benchmark-only")
    only.assert_outcomes(passed=1, skipped=3)
    assert "×2.01" in table_row(only)


def test_a_session_without_gates_hears_nothing_of_the_plugin(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_nothing():\n    pass")
    for arguments in ([], ["-p", "no:cacheprovider"], ["-p", "no:benchmark"]):
        result = pytester.runpytest_inprocess("-W", "error", *arguments)
        result.assert_outcomes(passed=1)
        assert "segprune:" not in output(result).replace("plugins: segprune-", "")
    assert pytester.runpytest_inprocess(pytester.mkdir("empty")).ret == 5


def test_selection_by_keyword_and_no_cache_work(repository: Repository) -> None:
    result = repository.run("-k", "size", "-p", "no:cacheprovider")
    assert result.ret == 0
    result.assert_outcomes(passed=1, deselected=3)


def test_results_are_written_for_machines_and_for_people(repository: Repository) -> None:
    result = repository.run("test_gates.py", "--segprune-report", "out", "--junit-xml", "junit.xml")
    assert result.ret == 0
    content = json.loads((repository.path / "out/segprune.json").read_text())
    gates = content["cases"][CASE]["gates"]
    assert content["cases"][CASE]["verdict"] == "PASS"
    assert [gate["gate"] for gate in gates] == ["size", "proof", "accuracy", "speed"]
    assert gates[3]["figures"]["speedup"] == pytest.approx(2.0, rel=0.02)
    text = (repository.path / "out/segprune.md").read_text()
    assert f"| {CASE} | 339 (51%) | 156 k (50%) |" in text
    properties = {
        (node.get("name"), node.get("value"))
        for node in ElementTree.parse(repository.path / "junit.xml").iter("property")
    }
    assert {("segprune_speed", "PASS"), ("segprune_accuracy", "PASS")} <= properties


def test_pytest_benchmark_keeps_both_networks_and_its_own_tools_read_them(
    repository: Repository,
) -> None:
    repository.run("--benchmark-only", "--benchmark-json", "speed.json")
    content = json.loads((repository.path / "speed.json").read_text())
    names = [row["name"] for row in content["benchmarks"]]
    assert names == ["test_speed-reference", "test_speed-candidate"]
    medians = [row["stats"]["median"] for row in content["benchmarks"]]
    assert medians == pytest.approx([0.02, 0.01], rel=0.01)
    assert all(len(row["stats"]["data"]) == 16 for row in content["benchmarks"])
    # A process of its own: called within, it leaves a pytest session open.
    compare = [sys.executable, "-m", "pytest_benchmark", "compare", "speed.json"]
    shown = repository.pytester.run(*compare)
    assert shown.ret == 0
    assert "test_speed-reference" in output(shown)
    assert "test_speed-candidate" in output(shown)


@pytest.mark.slow
def test_worker_processes_judge_accuracy_and_refuse_speed(repository: Repository) -> None:
    result = repository.pytester.runpytest_subprocess("-n", "2", "-k", "size or accuracy")
    assert result.ret == 0
    assert table_row(result).rstrip().endswith("PASS")
    result = repository.pytester.runpytest_subprocess("-n", "1", "test_gates.py::test_speed")
    assert result.ret == 1
    assert "NOT_MEASURED though it was asked for" in output(result)
    assert "NOT_MEASURED (speed)" in table_row(result)


# ---------------------------------------------------------------- accepting


def test_lowering_a_baseline_takes_a_reason_that_the_file_keeps(repository: Repository) -> None:
    repository.ratio = 1.7
    before = repository.baseline.read_text()
    refused = repository.run("--segprune-accept")
    assert refused.ret == 1
    assert 'add --because "…" if it is meant. It would lower: speed-up from ×2.01 to ×1.7' in (
        output(refused)
    )
    assert repository.baseline.read_text() == before
    assert repository.run("--segprune-accept", "--because", "a slower torch").ret == 1
    kept = json.loads(repository.baseline.read_text())["accepted"]
    assert [entry["because"] for entry in kept] == [None, "a slower torch"]
    assert kept[1]["lowered"] == ["speed-up from ×2.01 to ×1.71"]
    assert repository.run("test_gates.py").ret == 0


def test_what_the_policy_does_not_allow_is_not_accepted_with_any_reason(fresh: Repository) -> None:
    fresh.ratio = 1.2
    result = fresh.run("--segprune-accept", "--because", "please")
    assert result.ret == 1
    result.assert_outcomes(passed=3, failed=1)
    assert "mine-half: not written, for speed did not pass" in output(result)
    assert not fresh.baseline.exists()


def test_a_part_alone_is_not_accepted(fresh: Repository) -> None:
    result = fresh.run("--segprune-accept", "-k", "size")
    assert result.ret == 1
    assert "run its tests of size, proof, accuracy and speed together" in output(result)
    assert not fresh.baseline.exists()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("segprune_gate.size()\n    assert False", "failed after its gate had passed"),
        (
            "with pytest.MonkeyPatch.context() as patch:\n"
            "        patch.setattr('my_networks.segprune', None)\n"
            "        segprune_gate.accuracy()",
            "accuracy: ERROR: AttributeError",
        ),
    ],
    ids=["asserts something else", "raises"],
)
def test_what_is_red_in_one_test_is_not_accepted_from_another(
    fresh: Repository, code: str, said: str
) -> None:
    fresh.edit("def test_size", f"def test_more(segprune_gate):\n    {code}\n\ndef test_size")
    result = fresh.run("--segprune-accept")
    assert not fresh.baseline.exists()
    assert "mine-half: not written, for not all went well" in output(result)
    assert said in output(result)


def test_accepting_nothing_is_red(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_nothing():\n    pass")
    result = pytester.runpytest_inprocess("--segprune-accept")
    assert result.ret == 1
    assert "expected cases to accept, found none" in output(result)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--because", "text"], "--segprune-accept"),
        (["--segprune-data", "camvid"], "NAME=PATH"),
        (["--segprune-data", "=x"], "NAME=PATH"),
    ],
)
def test_options_that_mean_nothing_are_refused(
    pytester: pytest.Pytester, arguments: list[str], named: str
) -> None:
    result = pytester.runpytest_inprocess(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert named in output(result)


# ---------------------------------------------------------------- inconclusive, missing


def test_inconclusive_is_skipped_with_its_reason_and_red_when_strict(
    repository: Repository,
) -> None:
    repository.ratio = 1.5
    usual = repository.run("test_gates.py")
    usual.assert_outcomes(passed=3, skipped=1)
    assert "speed: INCONCLUSIVE" in output(usual)
    assert "INCONCLUSIVE (speed)" in table_row(usual)
    strict = repository.run("test_gates.py", "--segprune-strict")
    assert strict.ret == 1
    strict.assert_outcomes(passed=3, failed=1)
    assert [output(run).count("to decide; give it more") for run in (usual, strict)] == [1, 1]


def test_data_that_is_elsewhere_is_skipped_with_the_option_that_names_it(
    repository: Repository,
) -> None:
    repository.edit("data=scenes", 'data="camvid"')
    repository.change(lambda c: c["data"].update(name="camvid"))
    result = repository.run("-k", "accuracy")
    result.assert_outcomes(skipped=1, deselected=3)
    assert "--segprune-data camvid=PATH" in output(result)


def test_the_environment_may_say_where_data_is(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEGPRUNE_DATA", f"camvid={repository.path / 'nowhere'}")
    repository.edit("data=scenes", 'data="camvid"')
    result = repository.run("-k", "accuracy")
    result.assert_outcomes(failed=1, deselected=3)
    assert "nowhere" in output(result)
