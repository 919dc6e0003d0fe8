"""Every gate notices a promise that differs from the accepted one, the policy's too."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import segprune
from pytest_plugin.repository import POLICY, RED, Repository, output, table_row
from segprune.pytest_plugin.baseline_match import made_from_dense

# ---------------------------------------------------------------- the promise, in every gate


LOWERED = {
    "a smaller loss": ('"miou_loss": 12', '"miou_loss": 60'),
    "more of a class": ('"class_loss": 99', '"class_loss": 100'),
    "less speed": ('"speedup": 1.5', '"speedup": 1.2'),
    "more MACs": ('"macs": 0.6', '"macs": 0.7'),
    "no limit of MACs": (', "macs": 0.6', ""),
    "another margin": ("budget=", "generalization_margin=50, budget="),
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
