"""The report on made-up records: joins, rules, promises, sentences, adoption and pictures."""

from __future__ import annotations

import csv
import dataclasses
import io
import itertools
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from segprune.cli import app
from segprune.errors import ArtifactError, InputError
from segprune.gates.policy import Budget
from segprune.pipeline.sweep.records import CellRecord, SpeedRecord
from segprune.records import to_json, write_record
from segprune.report import (
    Collection,
    Policy,
    adopt,
    read_collection,
    read_policy,
    results_page,
    results_sheet,
    write_plots,
)
from segprune.report.bundle import read_bundle, write_bundle
from segprune.report.headline import evaluation_table, headline_notes, headline_table, split_notes
from segprune.report.plots.style import RECOVERED
from segprune.report.promise import Findings, judge
from segprune.report.standings import Row, standings
from segprune.report.strategies import Strategy, sweep_of
from synthetic_records import (
    campaign,
    cell,
    digest,
    evaluation,
    score,
    sensitivity,
    speed,
    training,
)

COMMITTED = Path(__file__).resolve().parents[1] / "benchmarks" / "policy.toml"


@pytest.fixture(scope="module")
def policy() -> Policy:
    budget = Budget("macs50", miou_loss=1.0, class_loss=8.0, speedup=1.7, macs=0.5)
    exceptions = {"camvid-bisenetv2-macs50": {"miou_loss": 1.5}}
    return Policy({"macs50": budget}, exceptions, {"streets": 0.5}, {}, 3)


def rows_of(policy: Policy, *trainings: Any, speeds: Any = (), data: str = "streets") -> list[Row]:
    return list(standings(Collection(trainings=trainings, speeds=tuple(speeds)), policy, data))


def row_of(rows: list[Row], variant: str) -> Row:
    (found,) = [row for row in rows if row.trained.variant == variant]
    return found


# -- bundles ---------------------------------------------------------------------------------------


def test_a_bundle_gives_the_very_records_back() -> None:
    collection = campaign(budgets=(0.5,))
    assert read_bundle(CellRecord, write_bundle(collection.cells)) == collection.cells
    assert read_bundle(SpeedRecord, write_bundle(collection.speeds)) == collection.speeds


@pytest.mark.parametrize(
    "records",
    [
        [cell()],
        [cell(), cell(miou=None, importance="lamp")],
        [cell(), cell(recipe="one line", importance="lamp"), cell(recipe="a\n", importance="fpgm")],
        [cell(packages={}), cell(packages={"x": "1"}), cell(packages={"x": "1", "y": "2"})],
        [cell("icnet"), cell("bisenetv2")],
    ],
)
def test_a_bundle_keeps_what_only_some_records_have(records: list[CellRecord]) -> None:
    assert list(read_bundle(CellRecord, write_bundle(records))) == records


@pytest.mark.parametrize("miou", [0.41, None])
def test_one_changed_cell_is_one_changed_line(miou: float | None) -> None:
    cells = [cell(importance=name) for name in ("fpgm", "lamp", "taylor")]
    before = write_bundle(cells).splitlines()
    cells[1] = cell(importance="lamp", miou=miou, validation_images=7)
    after = write_bundle(cells).splitlines()
    assert len(before) == len(after)
    assert sum(one != other for one, other in zip(before, after, strict=True)) == 1


def test_a_whole_campaign_takes_less_than_a_megabyte_and_a_half() -> None:
    layers = {
        name: [(f"stage.{n}.part.conv", 64) for n in range(60)] for name in ("bisenetv2", "icnet")
    }
    collection = campaign(layers=layers)
    assert len(collection.cells) > 256
    assert len(write_bundle(collection.cells)) + len(write_bundle(collection.speeds)) < 1.5e6


# -- dense, seeds ----------------------------------------------------------------------------------


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


# -- speed -----------------------------------------------------------------------------------------


def test_speed_is_joined_by_file_and_else_by_plan(policy: Policy) -> None:
    pruned = training(variant="macs50", share=0.5)
    by_file = speed(1.9, artifact=pruned.artifact, plan=pruned.plan)
    by_plan = speed(1.5, plan=pruned.plan)
    for speeds, wanted in (((by_plan, by_file), by_file), ((by_plan,), by_plan), ((), None)):
        rows = rows_of(policy, training(), pruned, speeds=speeds)
        assert row_of(rows, "macs50").speed is wanted


@pytest.mark.parametrize(
    "changes",
    [
        {"input": (1, 3, 256, 512)},
        {"memory_format": "channels_last"},
        {"threads": 2},
        {"reference_artifact": "of another dense network"},
        {"artifact": "of another file", "plan": "and another plan"},
    ],
)
def test_a_measurement_of_something_else_is_not_joined(
    policy: Policy, changes: dict[str, Any]
) -> None:
    pruned = training(variant="macs50", share=0.5)
    measured = speed(**{"artifact": pruned.artifact, "plan": pruned.plan, **changes})
    row = row_of(rows_of(policy, training(), pruned, speeds=[measured]), "macs50")
    assert row.speed is None
    assert "| – | open: speed-up not measured" in "\n".join(headline_table([row]))


def test_of_several_measurements_the_least_promising_counts(policy: Policy) -> None:
    pruned = training(variant="macs50", share=0.5)
    speeds = [speed(factor, artifact=pruned.artifact) for factor in (1.9, 1.75, 1.8)]
    row = row_of(rows_of(policy, training(), pruned, speeds=speeds), "macs50")
    assert row.speed is speeds[1]


# -- policy ----------------------------------------------------------------------------------------


def findings(**changes: Any) -> Findings:
    kept = {"macs": 0.5, "params": 0.6, "miou_loss": 1.0, "class_losses": {"car": 8.0}}
    return Findings(**{**kept, "speedup_low": 1.7, **changes})


def test_whoever_just_keeps_the_promise_keeps_it(policy: Policy) -> None:
    assert judge(policy.budgets["macs50"], findings()).kind == "kept"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"macs": 0.501}, "MACs"),
        ({"miou_loss": 1.01}, "mIoU"),
        ({"class_losses": {"car": 8.1, "sky": 0.0}}, "car"),
        ({"class_losses": {"car": None}}, "car"),
        ({"speedup_low": 1.69}, "speed-up"),
        ({"speedup_low": None, "miou_loss": 1.2}, "mIoU"),
    ],
)
def test_every_miss_is_named(policy: Policy, changes: dict[str, Any], named: str) -> None:
    promise = judge(policy.budgets["macs50"], findings(**changes))
    assert promise.kind == "missed"
    assert [named in reason for reason in promise.reasons] == [True]


def test_without_a_speed_nothing_is_kept(policy: Policy) -> None:
    assert judge(policy.budgets["macs50"], findings(speedup_low=None)).kind == "open"


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
    assert row_of(rows, variant).promise.kind == kind


def test_a_row_that_misses_says_so_in_the_table(policy: Policy) -> None:
    pruned = training(variant="macs50", share=0.5, result=score(0.72, c8=0.6))
    quick = speed(1.5, artifact=pruned.artifact)
    text = "\n".join(headline_table(rows_of(policy, training(), pruned, speeds=[quick])))
    assert "**missed**: " in text
    assert "car lost 12.0 points, may lose 8" in text
    assert "owes ×1.7" in text


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
    assert (low.promise.kind, high.promise.kind) == ("missed", "kept")


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


# -- the sweep -------------------------------------------------------------------------------------


def small_sweep() -> list[CellRecord]:
    """taylor leads by 5 points without recovery, fpgm by 1 recalibrated; both were trained."""
    table = {
        ("taylor", "none"): 0.45, ("fpgm", "none"): 0.40,
        ("taylor", "recalibrated"): 0.60, ("fpgm", "recalibrated"): 0.61,
        ("taylor", "fine-tuned"): 0.70, ("fpgm", "fine-tuned"): 0.69,
        ("taylor", "distilled"): 0.715, ("fpgm", "distilled"): 0.705,
    }  # fmt: skip
    return [
        cell(importance=importance, recovery=recovery, miou=miou)
        for (importance, recovery), miou in table.items()
    ]


def test_the_answers_are_computed_from_the_cells(policy: Policy) -> None:
    cells = [*small_sweep(), cell(importance="taylor", scope="local", miou=0.42)]
    page = results_page(Collection(cells=tuple(cells)), policy)
    assert "**taylor/global** 45.0 (+3.0)" in page
    assert "**fpgm/global** 61.0 (+1.0)" in page
    assert "mean of fpgm/global and taylor/global" in page
    assert (
        "without recovery 42.5 → recalibrated 60.5 (+18.0) → fine-tuned 69.5 (+9.0) → distilled "
        "71.0 (+1.5); the best of these is −1.0 points from dense." in page
    )
    assert "Within 1 point of dense with training: 1 of 4 cells" in page
    assert "Within 1 point of dense without training: none of 5 cells; nearest fpgm/global" in page
    assert "Distillation is ahead of fine-tuning alone in 2 of 2 pairs" in page
    assert "Global scope is ahead of local in 1 of 1 pairs of one importance, without" in page
    assert "| fpgm | global | 40.0 | **61.0** |" in page


def test_the_fastest_strategy_is_named_with_whoever_cannot_be_told_apart(policy: Policy) -> None:
    cells = [cell(importance=name) for name in ("fpgm", "lamp", "taylor")]
    plans = [done.outcome.plan for done in cells if done.outcome]
    speeds = tuple(
        speed(factor, plan=plan) for factor, plan in zip((1.9, 1.895, 1.5), plans, strict=True)
    )
    page = results_page(Collection(cells=tuple(cells), speeds=speeds), policy)
    best = max(speeds[:2], key=lambda record: record.speed.speedup)
    name = ("fpgm", "lamp")[speeds.index(best)]
    assert f"**{name}/global** ×{best.speed.speedup:.2f}" in page
    assert "within its interval 1 more" in page


def test_a_cell_that_failed_is_shown_with_its_reason_and_never_counted(policy: Policy) -> None:
    cells = [*small_sweep(), cell(importance="lamp", miou=None, failure="no\nchannels left")]
    page = results_page(Collection(cells=tuple(cells)), policy)
    assert "| lamp | global | failed | – |" in page
    assert "- bisenetv2, 0.5 of the MACs, lamp/global, none: no channels left" in page
    assert "9 cells, 1 failed" in page
    sweep = sweep_of(Collection(cells=tuple(cells)), "streets", policy)
    assert sweep is not None
    assert Strategy("lamp", "global") not in {p.strategy for p in sweep.find("bisenetv2")}


def test_cells_that_differ_in_their_seed_alone_are_one_point(policy: Policy) -> None:
    cells = tuple(cell(importance="random", miou=miou, seed=s) for s, miou in ((0, 0.2), (1, 0.4)))
    sweep = sweep_of(Collection(cells=cells), "streets", policy)
    assert sweep is not None
    (point,) = sweep.points
    assert (point.seeds, point.miou) == ((0, 1), pytest.approx(0.3))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "expected one a seed"),
        ({"importance": "lamp", "source": "other"}, "expected one dense network"),
        ({"importance": "lamp", "validation_digest": "other"}, "expected one validation split"),
    ],
)
def test_cells_that_contradict_one_another_are_refused(
    policy: Policy, changes: dict[str, Any], said: str
) -> None:
    cells = (cell(), cell(sweep="again", **changes))
    with pytest.raises(InputError, match=said):
        sweep_of(Collection(cells=cells), "streets", policy)


def test_the_dense_network_to_beat_in_a_sweep_is_the_better_one_too(policy: Policy) -> None:
    trainings = (training(miou=0.72), training(variant="dense-continued", miou=0.73))
    page = results_page(Collection(trainings=trainings, cells=tuple(small_sweep())), policy)
    assert "**bisenetv2** (dense 73.00 mIoU)" in page
    assert "the best of these is −2.0 points from dense" in page


def test_the_sheet_has_a_line_for_each_network_and_each_strategy(policy: Policy) -> None:
    cells = [*small_sweep(), cell(importance="lamp", miou=None, failure="no\nchannels, left")]
    plan = next(done.outcome.plan for done in cells if done.outcome)
    measured = speed(1.9, plan=plan)
    trainings = (
        training(miou=0.72),
        *(training(variant="macs50", miou=m, share=0.5, seed=s) for s, m in ((0, 0.70), (1, 0.71))),
    )
    text = results_sheet(Collection(trainings, tuple(cells), (measured,)), policy)
    lines = list(csv.DictReader(io.StringIO(text)))
    assert len(lines) == 2 + len(cells)
    (pruned,) = [line for line in lines if line["variant"] == "macs50"]
    assert (pruned["seeds"], pruned["miou_lowest"], pruned["miou_highest"]) == ("2", "0.7", "0.71")
    assert float(pruned["miou"]) == pytest.approx(0.705)
    assert float(pruned["miou_change"]) == pytest.approx(-0.015)
    assert float(pruned["macs_share"]) == pytest.approx(0.5, abs=0.01)
    (failed,) = [line for line in lines if line["importance"] == "lamp"]
    assert (failed["miou"], failed["failure"]) == ("", "no channels, left")
    (fastest,) = [line for line in lines if line["importance"] == "taylor"
                  and line["recovery"] == "none"]  # fmt: skip
    assert (fastest["budget"], fastest["miou"]) == ("macs 0.5", "0.45")
    assert float(fastest["speedup_low"]) == measured.speed.low
    assert {line["data"] for line in lines} == {"streets"}


def test_the_page_does_not_depend_on_the_order_of_files(policy: Policy) -> None:
    whole = campaign(budgets=(0.5, 0.3))
    rng = random.Random(0)
    mixed = dataclasses.replace(
        whole,
        trainings=tuple(rng.sample(whole.trainings, len(whole.trainings))),
        cells=tuple(rng.sample(whole.cells, len(whole.cells))),
        speeds=tuple(rng.sample(whole.speeds, len(whole.speeds))),
    )
    page = results_page(whole, policy)
    tables = [line for line in page.splitlines() if line.startswith(("|", "- ", "**"))]
    again = results_page(mixed, policy)
    assert [line for line in again.splitlines() if line.startswith(("|", "- ", "**"))] == tables
    assert whole.digest == mixed.digest


# -- adoption --------------------------------------------------------------------------------------


def a_run(folder: Path, **changes: Any) -> Path:
    folder.mkdir(parents=True)
    write_record(folder / "record.json", training(**changes))
    (folder / "plan.json").write_text('{"schema": "segprune.plan/1"}', "utf-8")
    return folder


def a_sweep(folder: Path, cells: list[CellRecord], speeds: list[SpeedRecord]) -> Path:
    for kind, name, records in (("cells", "cell", cells), ("speed", "name", speeds)):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for record in records:
            write_record(folder / kind / f"{getattr(record, name)}.json", record)
    return folder


def test_what_was_adopted_is_what_is_read(tmp_path: Path) -> None:
    records = tmp_path / "records"
    whole = campaign(budgets=(0.5,), importances=("fpgm", "lamp", "taylor"))
    runs = [tmp_path / record.name for record in whole.trainings]
    for run, record in zip(runs, whole.trainings, strict=True):
        run.mkdir()
        write_record(run / "record.json", record)
    runs.append(a_sweep(tmp_path / "streets", list(whole.cells), list(whole.speeds)))
    for name, record in whole.sensitivities.items():
        (tmp_path / name).mkdir()
        write_record(tmp_path / name / "sensitivity.json", record)
        runs.append(tmp_path / name)
    adopted = adopt(runs, records)
    assert {one.state for one in adopted} == {"new"}
    found = read_collection(records)
    assert found.digest == whole.digest
    assert {one.state for one in adopt(runs, records)} == {"unchanged"}
    names = {path.relative_to(records).as_posix() for path in records.rglob("*.json")}
    assert {"bisenetv2-streets-dense.json", "streets/speed.json", "bisenetv2-streets.json"} < names
    assert {f"streets/icnet-{recovery}.json" for recovery in RECOVERED} < names


def test_cells_join_those_that_were_adopted_before(tmp_path: Path) -> None:
    first = a_sweep(tmp_path / "one" / "streets", [cell()], [])
    second = a_sweep(tmp_path / "two" / "streets", [cell(importance="lamp")], [])
    adopt([first], tmp_path / "records")
    adopt([second], tmp_path / "records")
    found = read_collection(tmp_path / "records").cells
    assert [record.importance for record in found] == ["lamp", "taylor"]


@pytest.mark.parametrize("many", [False, True])
def test_another_record_of_the_same_name_is_kept_unless_told_otherwise(
    tmp_path: Path, many: bool
) -> None:
    records = tmp_path / "records"

    def run(miou: float, name: str) -> Path:
        if many:
            return a_sweep(tmp_path / name / "streets", [cell(miou=miou)], [])
        return a_run(tmp_path / name, miou=miou)

    adopt([run(0.6, "first")], records)
    before = {path: path.read_bytes() for path in records.rglob("*.json")}
    other = run(0.7, "second")
    with pytest.raises(ArtifactError, match=r"differs in (scores|outcome).*--replace"):
        adopt([other], records)
    assert {path: path.read_bytes() for path in records.rglob("*.json")} == before
    assert {one.state for one in adopt([other], records, replace=True)} == {"changed"}
    assert "0.7" in next(records.rglob("*.json")).read_text("utf-8")


HOME = "/".join(("", "home", "someone", "data"))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"command": ("segprune", "train", f"{HOME}/dense.toml")}, r"command\[2\]"),
        ({"recipe": training().recipe + f'init_from = "{HOME}/x"\n'}, "recipe"),
        ({"packages": {"torchvision": f"from {HOME}"}}, r"packages\.torchvision"),
        ({"name": "C:" + "\\runs"}, "name"),
        ({"command": ("segprune", "train", "~/dense.toml")}, r"command\[2\]"),
    ],
)
def test_a_record_with_a_path_of_a_machine_is_refused_and_nothing_is_written(
    tmp_path: Path, changes: dict[str, Any], field: str
) -> None:
    good, bad = a_run(tmp_path / "good"), a_run(tmp_path / "bad", **changes)
    with pytest.raises(ArtifactError, match=f"field {field}: expected no path"):
        adopt([good, bad], tmp_path / "records")
    assert not (tmp_path / "records").exists()


@pytest.mark.parametrize("text", ["a/b/c", "https://host/a/b", "Linux x86_64", "MACs/s", "2/3 / 4"])
def test_other_slashes_are_no_paths(tmp_path: Path, text: str) -> None:
    run = a_run(tmp_path / "run", command=("segprune", text))
    assert len(adopt([run], tmp_path / "records")) == 1


@pytest.mark.parametrize("content", [None, "{}", '{"schema": "segprune.training/1"}', "no JSON"])
def test_a_run_without_a_sound_record_is_refused(tmp_path: Path, content: str | None) -> None:
    run = tmp_path / "run"
    run.mkdir()
    if content is not None:
        (run / "record.json").write_text(content, "utf-8")
    with pytest.raises((ArtifactError, InputError), match="expected"):
        adopt([run], tmp_path / "records")


def test_records_of_other_kinds_are_other_pages_business(tmp_path: Path) -> None:
    (tmp_path / "matrix.json").write_text('{"schema": "segprune.verification-matrix/1"}', "utf-8")
    assert read_collection(tmp_path).is_empty
    changed = json.loads(to_json(cell())) | {"schema": "segprune.cell/2"}
    (tmp_path / "cell.json").write_text(json.dumps(changed), "utf-8")
    with pytest.raises(ArtifactError, match="expected schema"):
        read_collection(tmp_path)


# -- pictures and the command ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Collection]:
    folder = tmp_path_factory.mktemp("plots")
    collection = campaign(networks=("bisenetv2",), budgets=(0.5, 0.3), importances=("fpgm", "lamp"))
    write_plots(collection, read_policy(COMMITTED), folder)
    return folder, collection


def test_every_picture_that_the_page_shows_is_drawn(drawn: tuple[Path, Collection]) -> None:
    folder, collection = drawn
    page = results_page(collection, read_policy(COMMITTED))
    found = {path.name for path in folder.iterdir()}
    shown = {line.partition("(plots/")[2].rstrip(")") for line in page.splitlines() if "![" in line}
    assert shown == {name for name in found if name.endswith(".png")}
    assert {name.replace(".png", ".svg") for name in shown} | shown == found


def test_the_same_records_give_the_same_pictures_to_the_byte(
    drawn: tuple[Path, Collection], tmp_path: Path
) -> None:
    folder, collection = drawn
    write_plots(collection, read_policy(COMMITTED), tmp_path)
    for path in folder.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


def test_pictures_carry_the_digest_of_their_records_and_no_date(
    drawn: tuple[Path, Collection],
) -> None:
    folder, collection = drawn
    for path in folder.iterdir():
        content = path.read_bytes()
        assert collection.digest.encode() in content
        assert b"dc:date" not in content
        assert b"Software" not in content


def test_ways_to_recover_are_told_apart_without_colour() -> None:
    looks = RECOVERED.values()
    assert len({look.marker for look in looks}) == len(looks)

    def grey(colour: str) -> float:
        red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
        return 0.299 * red + 0.587 * green + 0.114 * blue

    shades = sorted(grey(look.colour) for look in looks)
    assert min(after - before for before, after in itertools.pairwise(shades)) > 0.1


@pytest.mark.parametrize(
    "thin",
    [
        lambda c: dataclasses.replace(c, speeds=()),
        lambda c: dataclasses.replace(
            c, cells=tuple(x for x in c.cells if x.recovery == "none"), trainings=()
        ),
        lambda c: dataclasses.replace(c, cells=()),
    ],
)
def test_an_unfinished_campaign_has_pictures_and_a_page_too(
    drawn: tuple[Path, Collection], tmp_path: Path, thin: Callable[[Collection], Collection]
) -> None:
    collection = thin(drawn[1])
    policy = read_policy(COMMITTED)
    for name in ("streets-summary.png", "streets-recovery.svg"):
        (tmp_path / name).write_bytes((drawn[0] / name).read_bytes())
    (tmp_path / "mine.png").write_bytes(b"a picture of somebody else")
    names = write_plots(collection, policy, tmp_path)
    assert {path.stem for path in tmp_path.iterdir()} == {*names, "mine"}
    page = results_page(collection, policy)
    assert all(f"plots/{name}.png" in page for name in names)
    assert page.count("![") == len(names)


def test_the_command_adopts_and_then_writes_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    a_run(tmp_path / "runs" / "dense", miou=0.7123)
    sensitive = tmp_path / "runs" / "bisenetv2-sensitivity"
    sensitive.mkdir()
    write_record(sensitive / "sensitivity.json", sensitivity())
    (tmp_path / "benchmarks").mkdir()
    options = ["--policy", str(COMMITTED)]
    call = CliRunner().invoke
    adopted = call(app, ["report", "--adopt", "runs/dense", "runs/bisenetv2-sensitivity"])
    assert adopted.exit_code == 0, adopted.output
    assert "bisenetv2-streets-dense.json" in adopted.output
    written = call(app, ["report", *options])
    assert written.exit_code == 0, written.output
    assert "71.23" in (tmp_path / "benchmarks" / "RESULTS.md").read_text("utf-8")
    assert "0.7123" in (tmp_path / "benchmarks" / "RESULTS.csv").read_text("utf-8")
    assert (tmp_path / "benchmarks" / "plots" / "sensitivity-bisenetv2-sensitivity.svg").exists()
    assert digest("bisenetv2", "streets", "dense", 0) == sensitivity().weights


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--adopt"], "expected a run beside --adopt"),
        (["runs/x"], "expected --adopt beside a run"),
        (["--replace"], "expected --adopt beside it"),
        (["--adopt", "runs/x"], "expected a run with record.json"),
        (["--records", "nowhere", "--policy", str(COMMITTED)], "expected a folder of records"),
        (["--policy", "nowhere.toml"], "expected a policy"),
    ],
)
def test_what_the_command_cannot_do_it_says(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["report", *words])
    assert result.exit_code == 2
    assert said in result.output
