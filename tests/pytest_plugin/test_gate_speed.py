"""Speed is judged by its ratio on any machine, and by frames per second on the baseline's own."""

from __future__ import annotations

import json

import pytest

from pytest_plugin.repository import CASE, Repository, output
from pytest_plugin.tampering import Content


@pytest.mark.parametrize(
    "arguments",
    [
        ("test_gates.py", "--benchmark-disable"),
        ("--benchmark-only", "--benchmark-disable"),
        ("--benchmark-only", "-n", "2"),
        ("--benchmark-only", "-k", "nothing"),
        ("--benchmark-only", "--deselect", "test_gates.py::test_speed"),
    ],
    ids=" ".join,
)
def test_speed_that_was_asked_for_and_not_measured_is_never_green(
    repository: Repository, arguments: tuple[str, ...]
) -> None:
    if "-n" in arguments:
        result = repository.pytester.runpytest_subprocess(*arguments)
    else:
        result = repository.run(*arguments)
    assert result.ret != 0


@pytest.mark.parametrize(("ratio", "ret"), [(2.0, 0), (1.49, 1), (1.0, 1), (0.33, 1)])
def test_a_network_that_is_slower_than_required_is_red(
    repository: Repository, ratio: float, ret: int
) -> None:
    repository.ratio = ratio
    assert repository.run("--benchmark-only", "--segprune-strict").ret == ret


def test_speed_on_another_machine_is_judged_by_its_ratio_and_never_by_its_fps(
    repository: Repository,
) -> None:
    """The baseline's own FPS are a hundred times higher; its fingerprint is another machine's."""

    def other_machine(content: Content) -> None:
        from segprune.records.baseline import Baseline
        from segprune.records.io import from_json

        content["speed"]["fingerprint"]["cores"] = 99
        text = json.dumps(content)
        content["speed"]["fingerprint_digest"] = from_json(Baseline, text).speed.fingerprint.digest
        comparison = content["speed"]["comparison"]
        for pair in comparison["samples"]:
            pair["reference_ms"] /= 100
            pair["candidate_ms"] /= 100
        for name in ("reference_ms", "candidate_ms"):
            comparison[name] /= 100
        for name in ("reference_fps", "candidate_fps"):
            comparison[name] *= 100

    repository.change(other_machine)
    result = repository.run("--benchmark-only", "--segprune-report", "out")
    assert result.ret == 0
    report = json.loads((repository.path / "out/segprune.json").read_text())
    assert report["cases"][CASE]["gates"][0]["figures"]["fps_gated"] == 0


def test_a_tenth_of_the_speed_on_the_same_machine_is_red_though_the_ratio_holds(
    repository: Repository,
) -> None:
    def faster_then(content: Content) -> None:
        comparison = content["speed"]["comparison"]
        for pair in comparison["samples"]:
            pair["reference_ms"] /= 10
            pair["candidate_ms"] /= 10
        for name in ("reference_ms", "candidate_ms"):
            comparison[name] /= 10
        for name in ("reference_fps", "candidate_fps"):
            comparison[name] *= 10

    repository.change(faster_then)
    result = repository.run("--benchmark-only")
    assert result.ret == 1
    assert "network: " in output(result)
    assert "FPS, at least" in output(result)


def test_a_dense_network_that_is_slowed_down_is_red_on_the_baseline_s_own_machine(
    repository: Repository,
) -> None:
    """The pruned network keeps its frames per second, and looks ten times as fast as it was."""

    def faster_dense_then(content: Content) -> None:
        comparison = content["speed"]["comparison"]
        for pair in comparison["samples"]:
            pair["reference_ms"] /= 1.1
        comparison["reference_ms"] /= 1.1
        comparison["reference_fps"] *= 1.1
        for name in ("speedup", "low", "high"):
            comparison[name] /= 1.1

    repository.change(faster_dense_then)
    repository.ratio = 2.0 * 3
    result = repository.run("--benchmark-only")
    assert result.ret == 1
    assert "dense network: " in output(result)
