"""Promises of the policy: kept, missed by name, and read from its file."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from report.records import digest, evaluation, score, speed, training
from report.rows import judged, row_of, rows_of
from segprune.errors import InputError
from segprune.reporting import Policy, read_policy
from segprune.reporting.dataset_report import TargetResult
from segprune.reporting.main_table import evaluation_table, headline_table, split_notes

COMMITTED = Path(__file__).resolve().parents[2] / "benchmarks" / "policy.toml"


def found(policy: Policy, **changes: Any) -> TargetResult:
    kept = {"macs": 0.5, "params": 0.6, "miou_loss": 1.0, "class_losses": {"car": 8.0}, "low": 1.7}
    return judged(policy.budgets["macs50"], **{**kept, **changes})


def test_whoever_just_keeps_the_promise_keeps_it(policy: Policy) -> None:
    assert found(policy).kind == "kept"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"macs": 0.501}, "MACs"),
        ({"miou_loss": 1.01}, "mIoU"),
        ({"class_losses": {"car": 8.1, "sky": 0.0}}, "car"),
        ({"class_losses": {"car": None}}, "car"),
        ({"low": 1.69}, "speed-up"),
        ({"low": None, "miou_loss": 1.2}, "mIoU"),
    ],
)
def test_every_miss_is_named(policy: Policy, changes: dict[str, Any], named: str) -> None:
    promise = found(policy, **changes)
    assert promise.kind == "missed"
    assert [named in reason for reason in promise.reasons] == [True]


def test_without_a_speed_nothing_is_kept(policy: Policy) -> None:
    assert found(policy, low=None).kind == "open"


@pytest.mark.parametrize(
    ("data", "variant", "kind"),
    [
        ("streets", "macs50", "missed"),
        ("camvid", "macs50", "kept"),
        ("camvid", "macs50-distilled", "kept"),
        ("camvid", "macs5", "none"),
        ("camvid", "slim", "none"),
    ],
)
def test_an_exception_counts_for_its_network_and_data_alone(
    policy: Policy, data: str, variant: str, kind: str
) -> None:
    pruned = training(variant=variant, miou=0.708, share=0.5, data=data)
    dense = training(miou=0.72, data=data)
    quick = speed(1.9, artifact=pruned.artifact, data=data)
    rows = rows_of(policy, dense, pruned, speeds=[quick], data=data)
    assert row_of(rows, variant).targets.kind == kind


def test_a_row_that_misses_says_so_in_the_table(policy: Policy) -> None:
    pruned = training(variant="macs50", share=0.5, result=score(0.72, c8=0.6))
    quick = speed(1.5, artifact=pruned.artifact)
    text = "\n".join(headline_table(rows_of(policy, training(), pruned, speeds=[quick])))
    assert "**missed**: " in text
    assert "car lost 12.0 points, may lose 8" in text
    assert "required ×1.7" in text


def test_an_evaluation_of_its_own_is_listed_under_its_network_s_name(policy: Policy) -> None:
    rows = rows_of(policy, training(), training(variant="macs50", share=0.5))
    ours = row_of(rows, "macs50").trained.records[0].artifact
    found = {"on-test": evaluation(ours, 0.654), "foreign": evaluation(digest("other"), 0.6)}
    header, _, first, second = evaluation_table(rows, found)
    assert "split" in header
    assert first.startswith("| on-test | bisenetv2 macs50 | test | 200 | 65.40 |")
    assert second.startswith("| foreign | BiSeNetV2 | test | 200 | 60.00 |")
    assert f"`{found['on-test'].predictions[:12]}…`" in first


def test_scores_on_a_split_that_nothing_was_chosen_by_stand_below_the_headline(
    policy: Policy,
) -> None:
    rows = rows_of(policy, training(), training(variant="macs50", share=0.5))
    record = row_of(rows, "macs50").trained.records[0]
    ours = evaluation(record.artifact, 0.654)
    again = dataclasses.replace(ours, split="val", images_digest=record.validation_digest)
    found = {"test": ours, "val": again, "foreign": evaluation(digest("other"), 0.6)}
    assert split_notes(rows, found) == [
        "On the split test, one seed: bisenetv2 macs50 65.40 (200 images)."
    ]


def test_a_dense_network_below_its_floor_is_no_baseline(policy: Policy) -> None:
    (low,) = rows_of(policy, training(miou=0.49))
    (high,) = rows_of(policy, training(miou=0.5))
    assert (low.targets.kind, high.targets.kind) == ("missed", "kept")


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
