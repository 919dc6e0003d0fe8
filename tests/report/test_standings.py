"""Which dense network is the one to beat, and seeds of one recipe in one row."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from report.records import speed, training
from report.rows import row_of, rows_of
from segprune.errors import InputError
from segprune.reporting import Policy
from segprune.reporting.main_table import headline_notes, headline_table


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


def test_without_dense_continued_the_page_says_so(policy: Policy) -> None:
    rows = rows_of(policy, training(), training(variant="macs50", miou=0.7, share=0.5))
    assert any("no *dense-continued*" in note for note in headline_notes(rows, policy))


def test_a_continuation_shorter_than_the_recovery_is_named(policy: Policy) -> None:
    pruned = training(variant="macs50", share=0.5, steps=5000)
    scratch = training(variant="scratch", share=0.5, steps=9000, source=None)
    for steps, named in ((4999, True), (5000, False)):
        continued = training(variant="dense-continued", steps=steps)
        rows = rows_of(policy, training(), continued, pruned, scratch)
        notes = " ".join(headline_notes(rows, policy))
        assert ("fewer than these recoveries: macs50 5000" in notes) is named
        assert "scratch" not in notes  # its steps are the dense network's, too


def test_a_speed_that_another_processor_had_says_so(policy: Policy) -> None:
    runs = [training(variant=name, share=0.5) for name in ("macs50", "local", "other")]
    measured = [speed(artifact=run.artifact) for run in runs]
    here = measured[0].environment
    elsewhere = dataclasses.replace(here, cpu="Another")
    measured[1] = dataclasses.replace(measured[1], environment=elsewhere)
    notes = " ".join(headline_notes(rows_of(policy, training(), *runs, speeds=measured), policy))
    assert f"one thread of {here.cpu} (Another: bisenetv2 local), input" in notes


def test_one_seed_is_called_one_seed_and_several_have_mean_and_range(policy: Policy) -> None:
    one = training(miou=0.72)
    three = [
        training(variant="macs50", miou=miou, share=0.5, seed=seed, suffix=f"-seed{seed}")
        for seed, miou in ((2, 0.72), (0, 0.70), (1, 0.713))
    ]
    rows = rows_of(policy, one, *three)
    text = "\n".join(headline_table(rows))
    assert "| dense ◆ | one seed | 60 | 0.584 M | 0.279 | 72.00 |" in text
    assert "| macs50 | 3 seeds |" in text
    assert "71.10 (70.00 – 72.00) | −0.90 |" in text
    assert [record.seed for record in row_of(rows, "macs50").trained.records] == [0, 1, 2]


def test_how_it_was_trained_stands_beside_every_network(policy: Policy) -> None:
    crop = "\n[augmentation]\ncrop = [96, 192]\n"
    layers = '\n[pruning]\nlayers = {"head*" = 0.5}\n'
    mean = 'model = "bisenetv2"\naverage_of = ["a.safetensors", "b.safetensors"]'
    parts = training(variant="part", share=0.5, steps=100)
    half = training(variant="macs50", share=0.5)
    rows = rows_of(
        policy, training(),
        dataclasses.replace(parts, recipe=parts.recipe + crop + layers),
        dataclasses.replace(
            half,
            recipe=half.recipe.replace('model = "bisenetv2"', mean).replace("s = 60", "s = 0"),
        ),
    )  # fmt: skip
    text = "\n".join(headline_table(rows))
    assert "| part | one seed | 60 on 96×192 |" in text
    assert "| macs50 | mean of 2 networks | 0 |" in text
    # Its recipe names no layer, but the networks that it is the mean of do.
    notes = " ".join(headline_notes(rows, policy))
    assert "Widths of bisenetv2 macs50, bisenetv2 part: given layer by layer" in notes


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
