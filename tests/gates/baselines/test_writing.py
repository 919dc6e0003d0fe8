"""No figure sinks by repeated acceptances; a figure that was lowered with a reason starts anew.

Each step below is smaller than what an acceptance takes for rounding or noise. The oracle is the
distance from the first file that was accepted.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gates.baselines.made import baseline, with_size, without_best
from segprune.errors import InputError
from segprune.gates.baselines.reading import read_baseline
from segprune.gates.baselines.writing import accept
from segprune.records.baseline import Baseline

Step = Callable[[int], Baseline]

STEPS: dict[str, tuple[str, Step]] = {
    # 40 pixels of a million: 0.0066 points of IoU a step
    "mIoU": ("mIoU from", lambda n: baseline(900_000 - 40 * n, 900_000 - 40 * n)),
    # one class loses what the other wins: the mean stays where it is
    "class IoU": ("IoU of road from", lambda n: baseline(900_000 - 300 * n, 900_000 + 300 * n)),
    "the dense network's mIoU": ("mIoU of dense from", lambda n: baseline(dense=0.95 - 9e-5 * n)),
    "the floor of mIoU": ("floor of mIoU from", lambda n: baseline(dense=0.95 - 9e-5 * n)),
    "a class's floor": ("floor of car from", lambda n: baseline(dense=0.95 - 9e-5 * n)),
    "the speed-up": ("speed-up from", lambda n: baseline(ratio=1.5 - 0.01 * n)),
}


def refusal(path: Path, new: Baseline) -> str:
    """Return why it is not accepted without a reason; empty if it is accepted."""
    try:
        accept(path, new)
    except InputError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("what", STEPS)
def test_no_figure_sinks_by_small_steps(tmp_path: Path, what: str) -> None:
    says, step = STEPS[what]
    path = tmp_path / "half.json"
    accept(path, step(0))
    accept(path, step(1))  # rounding, or noise
    refused = next(filter(None, (refusal(path, step(number)) for number in range(2, 10))), "")
    assert says in refused
    accepted = path.read_bytes()
    assert says in refusal(path, step(10))
    assert path.read_bytes() == accepted


@pytest.mark.parametrize("what", STEPS)
def test_a_small_step_alone_needs_no_reason_in_either_direction(tmp_path: Path, what: str) -> None:
    _, step = STEPS[what]
    path = tmp_path / "half.json"
    for number in (1, 0, 1, 0, 1, 0):
        assert accept(path, step(number)).accepted[-1].because is None


def test_half_a_point_of_any_figure_at_once_needs_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "half.json"
    accept(path, baseline())
    worse = baseline(road=897_500, car=897_500, dense=0.9455)
    with pytest.raises(InputError) as refused:
        accept(path, worse)
    for name in ("mIoU", "IoU of road", "IoU of car", "floor of mIoU", "floor of road",
                 "floor of car", "mIoU of dense"):  # fmt: skip
        assert f"{name} from" in str(refused.value)


@pytest.mark.parametrize("name", ["params", "macs", "activation_bytes"])
def test_no_count_grows_without_a_reason(tmp_path: Path, name: str) -> None:
    path = tmp_path / "half.json"
    first = baseline()
    count = getattr(first.size.pruned, name)
    accept(path, first)
    accept(path, with_size(first, **{name: count - 1}))
    with pytest.raises(InputError, match=f"{name} from {count - 1:,} to {count:,}"):
        accept(path, first)


def test_another_dense_network_is_a_reason_to_be_given(tmp_path: Path) -> None:
    path = tmp_path / "half.json"
    accept(path, baseline())
    other = baseline(dense_weights="e" * 64)
    with pytest.raises(InputError, match="dense network from cccccccccccc to eeeeeeeeeeee"):
        accept(path, other)
    assert accept(path, other, "trained longer").accepted[-1].because == "trained longer"


def test_another_artefact_that_is_no_worse_needs_no_reason(tmp_path: Path) -> None:
    path = tmp_path / "half.json"
    accept(path, baseline())
    accept(path, baseline(artifact_digest="f" * 64, plan="9" * 64))


def test_what_was_lowered_for_a_reason_begins_anew_and_nothing_else_does(tmp_path: Path) -> None:
    path = tmp_path / "half.json"
    accept(path, baseline())
    accept(path, baseline(road=899_960, car=899_960))  # a step that needs no reason
    accept(path, baseline(road=899_960, car=899_960, ratio=1.4), "a slower torch")
    accept(path, baseline(road=899_960, car=899_960, ratio=1.4))  # the reason was given already
    with pytest.raises(InputError) as refused:  # but it does not explain the mIoU
        accept(path, baseline(road=899_920, car=899_920, ratio=1.4))
    assert "mIoU from 81.82 (the best accepted) to" in str(refused.value)
    assert "speed-up" not in str(refused.value)


def test_the_best_accepted_figures_stay_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "half.json"
    first = accept(path, baseline())
    accept(path, baseline(road=899_960, car=899_960, ratio=1.49))
    best = json.loads(path.read_text())["best"]
    assert best["mIoU"] == first.accuracy.score.miou
    assert best["speed-up"] == first.speed.comparison.low
    assert best["params"] == 400


def test_a_file_of_an_older_version_opens_and_its_figures_are_the_first(tmp_path: Path) -> None:
    path = tmp_path / "half.json"
    accept(path, baseline())
    path.write_text(json.dumps(without_best(json.loads(path.read_text()))))
    assert read_baseline(path, "half").best is None
    accept(path, baseline(road=899_960, car=899_960))
    with pytest.raises(InputError, match="mIoU from"):
        accept(path, baseline(road=899_920, car=899_920))


def test_best_figures_that_are_edited_down_do_not_fall_below_what_was_accepted_last(
    tmp_path: Path,
) -> None:
    path = tmp_path / "half.json"
    accept(path, baseline())
    content = json.loads(path.read_text())
    content["best"].update({"mIoU": 0.1, "macs": 2000, "speed-up": 1.0})
    path.write_text(json.dumps(content))
    with pytest.raises(InputError) as refused:
        accept(path, with_size(baseline(road=890_000, ratio=1.3), macs=901))
    for name in ("mIoU", "macs", "speed-up"):
        assert f"{name} from" in str(refused.value)


def test_a_class_without_an_iou_is_lowered_to_nothing(tmp_path: Path) -> None:
    path = tmp_path / "half.json"
    first = baseline()
    accept(path, first)
    score = dataclasses.replace(first.accuracy.score, class_iou=(0.9, None))
    gone = dataclasses.replace(first, accuracy=dataclasses.replace(first.accuracy, score=score))
    with pytest.raises(InputError, match=r"IoU of car from 81\.82 to nothing"):
        accept(path, gone)
