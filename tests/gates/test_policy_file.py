"""A policy's file: what is wrong with it is named, and nothing else than an error comes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from segprune.errors import InputError
from segprune.gates.policy_file import budget_from, read_policy

GOOD = """
schema = "segprune.policy/1"
[budgets.macs50]
miou_loss = 1.0
class_loss = 8.0
speedup = 1.7
[dense]
streets = 0.5
[speed]
streets = [1, 3, 512, 1024]
memory_format = "channels_last"
gate_share = 0.95
[fps]
least_share = 0.4
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "policy.toml"
    path.write_text(text)
    return path


def test_every_number_arrives(tmp_path: Path) -> None:
    policy = read_policy(written(tmp_path, GOOD))
    assert policy.budgets["macs50"].speedup == 1.7
    assert policy.dense == {"streets": 0.5}
    assert policy.speed_sizes == {"streets": (1, 3, 512, 1024)}
    assert (policy.speedup_share, policy.fps_share) == (0.95, 0.4)
    assert policy.memory_format == "channels_last"


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("[budgets.macs50]", "[other]", "sections other"),
        (GOOD[GOOD.index("[budgets") : GOOD.index("[dense]")], "", "[budgets.NAME]"),
        ("[budgets.macs50]", "budgets = 3\n[x]", "sections x"),
        (GOOD[GOOD.index("[budgets") :], "budgets = 3", "budgets: expected a section"),
        (GOOD[GOOD.index("[budgets") :], "[budgets]\nmacs50 = 3", "budgets.macs50"),
        (GOOD[GOOD.index("[dense]") :], "[exceptions]\nx-macs50 = 1", "exceptions.x-macs50"),
        ("streets = 0.5", "streets = 50", "dense.streets"),
        ("streets = 0.5", "streets = '0.5'", "dense.streets"),
        ("gate_share = 0.95", "gate_share = 0", "speed.gate_share"),
        ("gate_share = 0.95", "gate_share = nan", "speed.gate_share"),
        ("gate_share = 0.95", "gate_share = true", "speed.gate_share"),
        ("gate_share = 0.95", "gate_shar = 0.95", "speed.gate_shar"),
        ("least_share = 0.4", "least_share = 1.01", "fps.least_share"),
        ("least_share = 0.4", "least = 0.4", "fps: expected least_share, found least"),
        ("[fps]", "[reports]\nheadline_seeds = 0\n[fps]", "headline_seeds"),
        ("[fps]", "[reports]\nseeds = 3\n[fps]", "reports: expected headline_seeds"),
        ("[fps]", "[determinism]\nflips = 3\n[fps]", "determinism"),
        ("miou_loss = 1.0", f"miou_loss = 1{'0' * 400}", "miou_loss"),
        ("miou_loss = 1.0", "miou_loss = -101", "miou_loss: expected points"),
        ("miou_loss = 1.0", "miou_loss = 1.0\nmacs = 0", "macs: expected a share above 0"),
        ("miou_loss = 1.0", "miou_loss = 1.0\nparams = 1.1", "params: expected a share above 0"),
        ("miou_loss = 1.0", "miou_loss = 1.0\nmiou_ratio = -1", "miou_ratio: expected a share"),
        ('"channels_last"', "[1]", "speed.memory_format"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(tmp_path: Path, old: str, new: str, named: str) -> None:
    assert old in GOOD
    with pytest.raises(InputError) as caught:
        read_policy(written(tmp_path, GOOD.replace(old, new)))
    assert named in str(caught.value)


COMMITTED = Path(__file__).resolve().parents[2] / "benchmarks" / "policy.toml"


def test_the_committed_policy_can_be_read() -> None:
    policy = read_policy(COMMITTED)
    assert policy.budget_of("streets", "bisenetv2", "macs50") == policy.budgets["macs50"]
    for key, changes in policy.exceptions.items():
        data, network, variant = key.split("-")
        budget = policy.budget_of(data, network, variant)
        assert budget is not None
        assert {name: getattr(budget, name) for name in changes} == changes


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("policy/1", "policy/2", "expected schema"),
        ("[determinism]", "[determination]", "sections determination"),
        ("miou_loss = 1.0", "miou_los = 1.0", "miou_los"),
        ("speedup = 1.7", 'speedup = "fast"', "speedup"),
        (
            '"channels_last"',
            '"channels_first"',
            "contiguous, channels_last, found 'channels_first'",
        ),
        ("camvid-icnet-params89", "camvid-icnet-params88", "with one of the budgets"),
    ],
)
def test_a_policy_that_is_not_understood_is_refused(
    tmp_path: Path, before: str, after: str, said: str
) -> None:
    text = COMMITTED.read_text("utf-8")
    assert before in text
    path = tmp_path / "policy.toml"
    path.write_text(text.replace(before, after, 1), "utf-8")
    with pytest.raises(InputError, match=said):
        read_policy(path)


@pytest.mark.parametrize(
    "given",
    [
        {"miou_loss": 1, "class_loss": 8},
        {"miou_loss": 1, "class_loss": 8, "speedup": 1, "mac": 0.5},
        {"miou_loss": 1, "class_loss": 8, "speedup": "1"},
        {"miou_loss": float("nan"), "class_loss": 8, "speedup": 1},
        {"miou_loss": True, "class_loss": 8, "speedup": 1},
    ],
)
def test_a_budget_that_is_none_is_refused(given: dict[str, float]) -> None:
    with pytest.raises(InputError, match="marker"):
        budget_from("mine", given, "marker")
