"""Ways to stay green that do not: each starts from an accepted, green repository.

Every one is a way in which a gate somewhere was, or could be, fooled: by accident or on purpose.
"""

from __future__ import annotations

import json
import math

import pytest

from gates.repository import CASE, Repository, output
from gates.tampering import TAMPERED, Content
from sampled import some_slow
from segprune.errors import ArtifactError
from segprune.gates.baselines.reading import read_baseline

NUMBERS = (
    "size.pruned.params", "size.dense.macs", "floors.miou", "floors.speedup",
    "accuracy.score.miou", "speed.comparison.speedup", "speed.comparison.candidate_fps",
)  # fmt: skip


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "0.0", "-1.0"])
def test_a_number_that_is_none_is_refused_by_its_name(repository: Repository, number: str) -> None:
    """By the reading that every gate begins with."""
    before = repository.baseline.read_text()
    for where in NUMBERS:
        *path, last = where.split(".")

        def put(content: Content, path: list[str] = path, last: str = last) -> None:
            for key in path:
                content = content[key]
            value = float(number)
            whole = type(content[last]) is int and math.isfinite(value)
            content[last] = int(value) if whole else value

        repository.change(put)
        with pytest.raises(ArtifactError) as caught:
            read_baseline(repository.baseline, CASE)
        assert where.rpartition(".")[0] in str(caught.value)
        repository.baseline.write_text(before)


@pytest.mark.parametrize("name", some_slow(TAMPERED, 3))
def test_a_tampered_repository_is_red_and_says_what_was_expected(
    name: str, repository: Repository
) -> None:
    change, says = TAMPERED[name]
    change(repository)
    result = repository.run()
    assert result.ret in (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED)
    assert result.ret != 0
    assert says in output(result)
    rows = [line for line in result.outlines if line.startswith(f" {CASE} ")]
    assert not any(row.rstrip().endswith("PASS") for row in rows)


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
def test_a_network_that_is_slower_than_it_owes_is_red(
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


MASKED = '''

def masked_and_regrown(path="half.safetensors"):
    """What the starting project did: structured masks on input channels, removed, fine-tuned."""
    from torch.nn.utils import prune
    network = make_network()
    prune.ln_structured(network.last, "weight", amount=0.25, n=2, dim=1)
    prune.remove(network.last, "weight")
    with torch.no_grad():
        network.last.weight.add_(torch.randn_like(network.last.weight) * 1e-3)
    example = torch.zeros(1, 3, 32, 64)
    plan = segprune.make_plan(network, example, scope={"first": 1.0})
    metadata = {"input": [1, 3, 32, 64]}
    return segprune.save(path, network, plan, metadata=metadata)
'''


def test_the_starting_project_s_pruning_is_red_on_size_proof_and_speed_and_named(
    fresh: Repository,
) -> None:
    networks = fresh.path / "my_networks.py"
    networks.write_text(networks.read_text() + MASKED)
    content: Content = {"__file__": str(networks)}
    exec(networks.read_text(), content)
    content["masked_and_regrown"](fresh.path / "half.safetensors")
    fresh.ratio = 1.0
    result = fresh.run("--segprune-accept")
    assert result.ret == 1
    assert not fresh.baseline.exists()
    said = output(result)
    assert "mine-half, size: FAIL" in said
    assert "channels were masked or have grown back, none was removed" in said
    assert "mine-half, proof: FAIL" in said
    assert "a mask leaves every tensor in its shape, and training fills it again" in said
    assert "mine-half, speed: FAIL" in said
    assert "every tensor has the reference's shape" in said
