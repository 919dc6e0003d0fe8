"""The speed gate's decisions on made-up measurements; no test looks at a clock."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

import segprune
from segprune.errors import InputError
from segprune.gates.speed import Role, decide, gate_fps, gate_speed
from segprune.gates.verdict import Status
from segprune.speed import Pair, SpeedComparison, compare_speed, summarise

IMAGES = torch.zeros(1, 3, 8, 8)


def interval(low: float, high: float) -> SpeedComparison:
    """A comparison whose interval is this."""
    steps = [low] * 40 + [math.sqrt(low * high)] * 40 + [high] * 40
    pairs = [Pair(10 * ratio, 10, True) for ratio in steps]
    return summarise(pairs, 0.985, batch=1, threads=1, device="cpu", at_this_look=1 - 1e-16)


def net(channels: int = 4, scale: float = 1.0) -> nn.Module:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, channels, 1), nn.Conv2d(channels, 2, 1)).eval()
    with torch.no_grad():
        network[1].weight.mul_(scale)
    return network


def measured(found: SpeedComparison) -> Callable[..., SpeedComparison]:
    """In place of a measurement: runs no network, asks whether that is enough, and returns it."""

    def compare(reference: Any, candidate: Any, inputs: Any, **options: Any) -> SpeedComparison:
        options["stop"](found)
        return found

    return compare


def judged(low: float, high: float, floor: float, role: Role, **nets: nn.Module) -> Status:
    networks = {"reference": net(4), "candidate": net(3), **nets}
    return gate_speed(
        networks["reference"], networks["candidate"], IMAGES, floor=floor, role=role,
        compare=measured(interval(low, high)),
    ).status  # fmt: skip


ratios = st.floats(0.3, 3.0)


@given(ratios, ratios, ratios)
def test_a_speedup_passes_above_its_floor_and_fails_below(
    one: float, other: float, floor: float
) -> None:
    low, high = sorted((one, other))
    found = interval(low, high)
    expected = Status.PASS if found.low >= floor else Status.FAIL if found.high < floor else None
    assert decide(found, floor, "speedup") is expected
    status = judged(low, high, floor, "speedup")
    assert status is (expected or Status.INCONCLUSIVE)


@given(ratios, ratios, ratios)
def test_a_regression_fails_beyond_one_percent_and_passes_within_five(
    one: float, other: float, floor: float
) -> None:
    low, high = sorted((one, other))
    found = interval(low, high)
    slow, fast = found.high < floor / 1.01, found.low > floor / 1.05
    expected = Status.FAIL if slow else Status.PASS if fast else None
    assert decide(found, floor, "regression") is expected
    assert judged(low, high, floor, "regression") is (expected or Status.INCONCLUSIVE)


@pytest.mark.parametrize(
    ("low", "high", "status"),
    [
        (0.991, 1.009, Status.PASS),  # two copies of one network
        (0.94, 0.955, Status.FAIL),  # five percent slower, known precisely
        (0.94, 1.02, Status.INCONCLUSIVE),
        (1.5, 2.0, Status.PASS),
    ],
)
def test_regressions_in_numbers(low: float, high: float, status: Status) -> None:
    assert judged(low, high, 1.0, "regression") is status


# ---------------------------------------------------------------- what is not compared


class StillTraining(nn.Sequential):
    """Says that it evaluates, though one of its modules does not."""

    def eval(self) -> StillTraining:
        super().eval()
        self[0].training = True
        return self


class NoNumbers(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images.new_full((1, 2, 8, 8), float("nan"))


class WithAuxiliary(nn.Module):
    """Gives what a network of training time gives: one more output than the other does."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        logits = self.inner(images)
        return {"out": logits, "aux": logits}


class Nothing(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images[:0]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"reference": WithAuxiliary(net(4)).eval()}, "they do not do the same work"),
        ({"candidate": Nothing().eval()}, "candidate: expected finite logits, found none at all"),
        ({"candidate": net(3).train()}, "candidate: expected evaluation mode"),
        ({"reference": net(4).train()}, "reference: expected evaluation mode"),
        ({"candidate": StillTraining(*net(3)).eval()}, "found training mode in 0"),
        ({"candidate": net(4)}, "found the same weights in both"),
        ({"candidate": nn.Conv2d(3, 5, 1).eval()}, "expected the same shapes from both networks"),
        ({"candidate": NoNumbers().eval()}, "candidate: expected finite logits"),
        ({"candidate": nn.Conv2d(9, 2, 1).eval()}, "candidate: expected finite logits"),
    ],
)
def test_what_cannot_be_compared_is_never_green_and_says_why(
    changes: dict[str, nn.Module], named: str
) -> None:
    networks = {"reference": net(4), "candidate": net(3), **changes}
    verdict = gate_speed(
        networks["reference"], networks["candidate"], IMAGES, floor=1.0, role="speedup",
        compare=measured(interval(2, 3)),
    )  # fmt: skip
    assert verdict.status is Status.NOT_COMPARABLE
    assert verdict.comparison is None
    assert any(named in reason for reason in verdict.reasons)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"threads": 0}, "threads: expected a whole number from 1"),
        ({"threads": True}, "threads: expected a whole number from 1"),
        ({"threads": 10**9}, "threads: expected a whole number from 1"),
        ({"threads": "2"}, "threads: expected a whole number from 1"),
        ({"max_seconds": None}, "max_seconds: expected a number above 0"),
        ({"max_seconds": True}, "max_seconds: expected a number above 0"),
        ({"seed": [1]}, "seed: expected a whole number"),
        ({"floor": True}, "floor: expected a number above 0"),
    ],
)
def test_numbers_that_are_none_are_refused(options: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=named):
        gate_speed(net(4), net(3), IMAGES, **{"floor": 1.0, **options})


def test_networks_and_a_batch_are_needed() -> None:
    with pytest.raises(InputError, match="reference: expected a network"):
        gate_speed("net", net(3), IMAGES, floor=1.0)
    with pytest.raises(InputError, match="example_inputs: expected a batch"):
        compare_speed(net(4), net(3), torch.tensor(1.0))


def test_frames_are_counted_by_the_images_wherever_they_stand() -> None:
    class Scaled(nn.Module):
        def forward(self, scale: Tensor, images: Tensor) -> Tensor:
            return images * scale[0]

    found = compare_speed(
        Scaled().eval(), Scaled().eval(), {"scale": torch.ones(7), "images": IMAGES},
        max_seconds=0.01, warmup=0,
    )  # fmt: skip
    assert found.batch == len(IMAGES)


@pytest.mark.parametrize("role", ["regression", "speedup"])
def test_a_regression_of_a_network_against_its_own_copy_is_measured(role: Role) -> None:
    status = judged(0.995, 1.005, 1.0, role, candidate=net(4))
    assert status is (Status.PASS if role == "regression" else Status.NOT_COMPARABLE)


@pytest.mark.parametrize(
    ("low", "high", "floor", "status"),
    [
        (0.99, 1.01, 1.7, Status.FAIL),
        (0.99, 1.02, 1.0, Status.FAIL),  # would be inconclusive if anything had been removed
        (1.001, 1.005, 1.0, Status.FAIL),  # a copy that happens to lie better in memory
        (1.2, 1.3, 1.1, Status.PASS),  # the same shapes, but a faster way to compute
    ],
)
def test_a_masked_network_is_red_and_called_masked(
    low: float, high: float, floor: float, status: Status
) -> None:
    masked = net(4, scale=0.0)
    verdict = gate_speed(
        net(4), masked, IMAGES, floor=floor, role="speedup", compare=measured(interval(low, high))
    )
    assert verdict.status is status
    assert ("masked" in " ".join(verdict.reasons)) == (status is Status.FAIL)


@pytest.mark.parametrize("floor", [0.0, -1.0, float("nan"), float("inf"), "1"])
def test_a_floor_that_is_none_is_refused(floor: Any) -> None:
    with pytest.raises(InputError, match="floor"):
        gate_speed(net(4), net(3), IMAGES, floor=floor)


def test_an_unknown_role_is_refused() -> None:
    with pytest.raises(InputError, match="role"):
        gate_speed(net(4), net(3), IMAGES, floor=1.0, role="faster")  # type: ignore[arg-type]


def test_networks_on_a_device_without_a_clock_are_refused() -> None:
    with pytest.raises(InputError, match="device"):
        gate_speed(net(4), net(3).to("meta"), IMAGES, floor=1.0)


# ---------------------------------------------------------------- the real loop, a made-up clock


def timed(ratio: float, noise: float) -> Callable[..., SpeedComparison]:
    """The real loop; the reference takes `ratio` times as long as the candidate, with noise."""
    draw = torch.Generator().manual_seed(1)

    def compare(reference: nn.Module, candidate: nn.Module, inputs: Any, **options: Any) -> Any:
        log: list[int] = []
        for network, mark in ((reference, 0), (candidate, 1)):
            network.register_forward_hook(lambda *_, mark=mark: log.append(mark))

        def stopwatch(call: Callable[[], object]) -> float:
            call()
            return (ratio if log[-1] == 0 else 1.0) * math.exp(
                noise * float(torch.randn((), generator=draw))
            )

        return compare_speed(
            reference, candidate, inputs, **options, stopwatch=stopwatch, clock=lambda: 0.0
        )

    return compare


@pytest.mark.parametrize(
    ("ratio", "floor", "role", "status"),
    [
        (1.0, 1.0, "regression", Status.PASS),
        (1 / 1.05, 1.0, "regression", Status.FAIL),
        (1 / 1.1, 1.0, "regression", Status.FAIL),
        (1.9, 1.7, "speedup", Status.PASS),
        (1.5, 1.7, "speedup", Status.FAIL),
        (1.7, 1.7, "speedup", Status.INCONCLUSIVE),
    ],
)
@pytest.mark.parametrize("noise", [0.001, 0.03])
def test_the_gate_measures_only_until_it_can_decide(
    ratio: float, floor: float, role: Role, status: Status, noise: float
) -> None:
    verdict = segprune.gate_speed(
        net(4), net(3), IMAGES, floor=floor, role=role, compare=timed(ratio, noise)
    )
    assert verdict.status is status
    assert verdict.comparison is not None
    if status is not Status.INCONCLUSIVE and noise < 0.01:
        assert verdict.comparison.pairs == 16
    if status is Status.INCONCLUSIVE:
        assert "max_seconds" in verdict.reasons[1]


# ---------------------------------------------------------------- absolute speed


@pytest.mark.parametrize(
    ("fps", "status"),
    [(34.9, Status.FAIL), (35.0, Status.PASS), (float("nan"), Status.FAIL)],
)
def test_absolute_speed_is_gated_by_its_share_of_the_baseline_s(fps: float, status: Status) -> None:
    verdict = gate_fps(fps, 100.0, 0.35, of="dense network")
    assert verdict.status is status
    assert verdict.reasons[0].startswith("dense network: ")


SPEED = summarise(
    [Pair(1.0, 1.0, n % 2 == 0) for n in range(40)], 0.95, batch=1, threads=1, device="cpu"
)


def exactly(low: float, high: float) -> SpeedComparison:
    """A comparison with these ends, whatever its pairs say."""
    return dataclasses.replace(SPEED, low=low, high=high, speedup=math.sqrt(low * high))


@pytest.mark.parametrize(
    ("high", "status"),
    [(1 / 1.0101, Status.FAIL), (1 / 1.02, Status.FAIL), (1 / 1.0099, None), (0.999, None)],
)
def test_a_regression_is_one_beyond_one_percent(high: float, status: Status | None) -> None:
    assert decide(exactly(0.9, high), 1.0, "regression") is status


@pytest.mark.parametrize(("low", "passes"), [(1 / 1.0499, True), (1 / 1.0501, False)])
def test_within_five_percent_is_fast_enough(low: float, passes: bool) -> None:
    found = decide(exactly(low, 1.02), 1.0, "regression")
    assert found is (Status.PASS if passes else None)


@pytest.mark.parametrize(("low", "passes"), [(1.0101, True), (1.0099, False)])
def test_networks_of_one_shape_have_to_be_clearly_faster(low: float, passes: bool) -> None:
    found = decide(exactly(low, 1.1), 1.0, "speedup", same_shapes=True)
    assert found is (Status.PASS if passes else None)
