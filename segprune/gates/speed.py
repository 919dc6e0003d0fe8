"""The speed gate: two networks in turn until the question is decided, or cannot be.

There are two roles. "speedup": a pruned network must reach a floor against its dense one.
"regression": a candidate must not be slower than a reference. Between 1 % and 5 % slower, either
verdict is right, because two copies of one network already differ by half a percent.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from segprune.core.execution import run_method, tensors_in
from segprune.core.modules import digest_of, tensors_of
from segprune.core.planning.calibration import primary
from segprune.errors import InputError
from segprune.format import counted
from segprune.gates.targets import SURELY_SLOWER, speedup_status
from segprune.gates.verdict import Status, Verdict
from segprune.speed import SpeedComparison, compare_speed
from segprune.speed.inputs import require_networks

__all__ = ["Role", "SpeedVerdict", "decide", "gate_fps", "gate_measured", "gate_speed"]

Role = Literal["regression", "speedup"]

SURELY_FAST_ENOUGH = 1.05


@dataclass(frozen=True)
class SpeedVerdict(Verdict):
    """A verdict with its measurement; None if the networks could not be compared."""

    comparison: SpeedComparison | None = None


def gate_speed(
    reference: nn.Module,
    candidate: nn.Module,
    example_inputs: Any,
    *,
    floor: float,
    role: Role = "regression",
    max_seconds: float = 30.0,
    threads: int = 1,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
    compare: Callable[..., SpeedComparison] = compare_speed,
) -> SpeedVerdict:
    """Measure until it is decided whether the candidate is fast enough.

    Args:
        reference, candidate: in evaluation mode, on one device; in a speed-up the dense and the
            pruned network. Neither is changed.
        example_inputs: a tensor `(N, C, H, W)`, a tuple, or a dict of keyword arguments.
        floor: of the reference's time over the candidate's; 1 for "not slower".
        role: "speedup": PASS when the interval's lower end reaches the floor, FAIL when its upper
            end does not. "regression": FAIL when the upper end is below floor / 1.01, PASS when the
            lower end is above floor / 1.05.
        max_seconds, threads, seed, progress: as for `compare_speed`.
        compare: for tests.

    Returns:
        INCONCLUSIVE where time or pairs ran out first; NOT_COMPARABLE where the networks are in
        training mode, give other or no outputs, or are one and the same in a speed-up.

    Raises:
        InputError: a floor that is no number above 0, another role, or as `compare_speed`.
    """
    usable = isinstance(floor, (int, float)) and not isinstance(floor, bool)
    if not (usable and math.isfinite(floor) and floor > 0):
        raise InputError(f"floor: expected a number above 0, found {floor!r}; 1 is 'not slower'.")
    if role not in ("regression", "speedup"):
        raise InputError(f"role: expected 'regression' or 'speedup', found {role!r}; choose one.")
    require_networks(reference, candidate)
    obstacles = _obstacles(reference, candidate, example_inputs, role)
    if obstacles:
        return SpeedVerdict(Status.NOT_COMPARABLE, obstacles)
    same_shapes = digest_of(reference) == digest_of(candidate)
    found = compare(
        reference, candidate, example_inputs, max_seconds=max_seconds, threads=threads, seed=seed,
        progress=progress,
        stop=lambda so_far: decide(so_far, floor, role, same_shapes) is not None,
    )  # fmt: skip
    status = decide(found, floor, role, same_shapes)
    reasons = [_words(found, floor)]
    if status is None:
        status = Status.INCONCLUSIVE
        reasons.append("too little time or too much noise to decide; give it more max_seconds")
    if role == "speedup" and same_shapes and status is not Status.PASS:
        status = Status.FAIL
        reasons.append(
            "every tensor has the reference's shape: channels were masked or have grown back, "
            "none was removed"
        )
    return SpeedVerdict(status, tuple(reasons), found)


def decide(
    found: SpeedComparison, floor: float, role: Role, same_shapes: bool = False
) -> Status | None:
    """Return what an interval decides, or None if it decides nothing yet. Pure.

    Args:
        same_shapes: nothing was removed, so that a speed-up of nearly 1 may come from the place in
            memory, and has to be a clear one.
    """
    if role == "speedup":
        return speedup_status(found.low, found.high, floor, same_shapes)
    if found.high < floor / SURELY_SLOWER:
        return Status.FAIL
    return Status.PASS if found.low > floor / SURELY_FAST_ENOUGH else None


def gate_measured(found: SpeedComparison | None, floor: float) -> Verdict:
    """Judge a speed-up that was measured before; INCONCLUSIVE where it was not measured."""
    if found is None:
        reason = f"speed-up not measured, required ×{floor:g}"
        return Verdict(Status.INCONCLUSIVE, (reason,))
    status = decide(found, floor, "speedup")
    text = f"speed-up ×{found.speedup:.2f} ({found.low:.2f} – {found.high:.2f})"
    if status is None:
        reason = f"{text} decides neither way, required ×{floor:g}; measure it longer"
        return Verdict(Status.INCONCLUSIVE, (reason,))
    return Verdict(status, (f"{text}, required ×{floor:g}",))


def gate_fps(found: float, baseline: float, share: float, of: str = "network") -> Verdict:
    """Judge absolute speed, which can be compared on the baseline's own machine only.

    Args:
        found, baseline: frames per second now and before, on machines with one fingerprint.
        share: the least share of the baseline's; the clock of a shared machine drifts by a factor
            of two and more within minutes.
        of: the network's name, for the reason.
    """
    text = f"{of}: {found:.1f} FPS, at least {share * baseline:.1f} ({share:g} of the baseline's)"
    return Verdict(Status.PASS if found >= share * baseline else Status.FAIL, (text,))


def _words(found: SpeedComparison, floor: float) -> str:
    return (
        f"speed-up ×{found.speedup:.3g} ({found.low:.3f} – {found.high:.3f} at "
        f"{found.confidence:.1%}; {found.pairs} pairs in turn, "
        f"{counted(found.threads, 'thread')}), floor ×{floor:g}"
    )


def _obstacles(
    reference: nn.Module, candidate: nn.Module, inputs: Any, role: Role
) -> tuple[str, ...]:
    networks = {"reference": reference, "candidate": candidate}
    training = [
        f"{name}: expected evaluation mode, found training mode in "
        f"{next(where or type(m).__name__ for where, m in network.named_modules() if m.training)}; "
        f"call {name}.eval()"
        for name, network in networks.items()
        if any(module.training for module in network.modules())
    ]
    if training:
        return tuple(training)
    outputs = {name: _shapes(network, inputs) for name, network in networks.items()}
    failed = [
        f"{name}: expected finite logits, found {found}"
        for name, found in outputs.items()
        if isinstance(found, str)
    ]
    if failed:
        return tuple(failed)
    if outputs["reference"] != outputs["candidate"]:
        return (
            "outputs: expected the same shapes from both networks, found "
            f"{outputs['reference']} and {outputs['candidate']}; they do not do the same work",
        )
    if role == "speedup" and _same_weights(reference, candidate):
        return (
            "networks: expected a dense and a pruned one, found the same weights in both; pass the "
            "pruned network as candidate",
        )
    return ()


def _shapes(network: nn.Module, inputs: Any) -> list[tuple[int, ...]] | str:
    """Return the shapes of all outputs, or what is wrong with the logits."""
    try:
        with torch.inference_mode():
            given = run_method(network, "forward", inputs)
            logits = primary(given)
    except Exception as error:  # whatever a user's network raises
        first = (str(error).splitlines() or [""])[0]
        return f"{type(error).__name__}: {first}"
    if not bool(torch.isfinite(logits).all()):
        return "NaN or infinity"
    if logits.numel() == 0:
        return f"none at all, in shape {tuple(logits.shape)}"
    return [tuple(tensor.shape) for tensor in tensors_in(given)]


def _same_weights(one: nn.Module, other: nn.Module) -> bool:
    first, second = tensors_of(one), tensors_of(other)
    return first.keys() == second.keys() and all(
        tensor.shape == second[name].shape and torch.equal(tensor, second[name])
        for name, tensor in first.items()
    )
