"""Which dense network is the one to beat, and seeds of one recipe in one row."""

from __future__ import annotations

import dataclasses

from reporting.records import digest, evaluation, score, speed, training
from reporting.rows import row_of, rows_of
from segprune.reporting import Policy
from segprune.reporting.main_table import (
    evaluation_table,
    headline_notes,
    headline_table,
    split_notes,
)


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


def test_a_row_that_misses_says_so_in_the_table(policy: Policy) -> None:
    pruned = training(variant="macs50", share=0.5, result=score(0.72, c8=0.6))
    quick = speed(1.5, artifact=pruned.artifact)
    text = "\n".join(headline_table(rows_of(policy, training(), pruned, speeds=[quick])))
    assert "**missed**: " in text
    assert "IoU of car: expected at least 64.0, found 60.0" in text
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
