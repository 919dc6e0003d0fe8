"""Ways in which a gate somewhere was, or could be, fooled: each one is red.

Each test starts from an accepted, green repository.
"""

from __future__ import annotations

import math

import pytest

from pytest_plugin.repository import CASE, Repository, output
from pytest_plugin.tampering import TAMPERED, Content
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
