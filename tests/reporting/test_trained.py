"""Which dense network is the one to compare with, and which records are seeds of one recipe."""

from __future__ import annotations

from typing import Any

import pytest

from reporting.records import recovery, speed, training
from reporting.rows import row_of, rows_of
from segprune.errors import InputError
from segprune.reporting import Collection, Policy, results_csv, results_page
from segprune.reporting.main_table import headline_notes


def test_dense_is_the_better_of_the_teacher_and_the_teacher_trained_on(policy: Policy) -> None:
    pruned = training(variant="macs50", miou=0.70, share=0.5)
    for teacher, continued, loss in ((0.71, 0.72, 2.0), (0.72, 0.71, 2.0), (0.72, 0.72, 2.0)):
        rows = rows_of(
            policy, training(miou=teacher), training(variant="dense-continued", miou=continued),
            pruned,
        )  # fmt: skip
        row = row_of(rows, "macs50")
        assert row.loss == pytest.approx(loss)
        assert row.dense is not None
        better = "dense-continued" if continued > teacher else "dense"
        assert row.dense.variant == better


def test_a_dense_network_that_no_recovery_began_with_is_none_to_compare_with(
    policy: Policy,
) -> None:
    """Whatever its run is called."""
    own = training(variant="macs50", miou=0.7, share=0.5, source="of some other file")
    rows = rows_of(policy, training(miou=0.2), own)
    assert row_of(rows, "macs50").dense is None
    assert any("began with another network" in note for note in headline_notes(rows, policy))
    # A file that a recovery did begin with counts, whatever its run is called.
    named = training(variant="teacher", miou=0.72, artifact="of some other file", source=None)
    rows = rows_of(policy, training(miou=0.2), named, own)
    assert row_of(rows, "macs50").loss == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seed": 0}, "expected one a seed"),
        ({"seed": 1, "recipe": training().recipe + "epochs_more = 1\n"}, "expected one recipe"),
        (
            {
                "seed": 1,
                "recipe": training().recipe.replace(
                    '"bisenetv2"', '"bisenetv2"\naverage_of = ["a.safetensors", "b.safetensors"]'
                ),
            },
            "expected one recipe",
        ),
        ({"seed": 1, "validation_digest": "other"}, "expected one validation images"),
        ({"seed": 1, "input": (1, 3, 64, 64)}, "expected one input size"),
    ],
)
def test_records_that_do_not_belong_in_one_row_are_refused(
    policy: Policy, changes: dict[str, Any], said: str
) -> None:
    seed = changes.pop("seed")
    other = training(seed=seed, suffix="-seed9", **changes)
    with pytest.raises(InputError, match=said):
        rows_of(policy, training(), other)


def test_a_recovery_alone_is_compared_with_its_own_beginning(policy: Policy) -> None:
    record = recovery(0.693, 0.70)
    rows = rows_of(policy, record, speeds=[speed(1.8, artifact=record.artifact)])
    dense, pruned = row_of(rows, "dense-elsewhere"), row_of(rows, "macs50")
    assert rows[0] is dense
    assert dense.trained.miou == 0.70
    assert dense.trained.macs == record.dense_macs
    assert pruned.loss == pytest.approx(0.7)
    assert pruned.targets.kind == "kept"
    page = results_page(Collection((record,)), policy)
    assert "| bisenetv2 | dense-elsewhere ◆ | – | – |" in page
    assert "dense was trained elsewhere" in page
    assert "Trainings: 1," in page
    assert "dense-elsewhere" in results_csv(Collection((record,)), policy)


def test_a_recorded_dense_network_is_the_one_to_beat(policy: Policy) -> None:
    rows = rows_of(policy, training("bisenetv2", "dense", 0.72), recovery())
    assert [row.trained.variant for row in rows] == ["dense", "macs50"]


def test_what_was_pruned_before_is_no_dense_network(policy: Policy) -> None:
    first = training("bisenetv2", "half", 0.7, share=0.7, source=None)
    rows = rows_of(policy, first, recovery(source=first.artifact))
    assert all(row.dense is None for row in rows)
