"""Run a pruned network beside its masked twin: at all sizes, in all modes, with gradients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from segprune.core.plan import PrunePlan
from segprune.core.verification.closeness import difference
from segprune.core.verification.gradients import Gradients, compare_gradients, methods_of
from segprune.core.verification.influence import (
    awakened,
    find_constant_outputs,
    find_silent_modules,
)
from segprune.core.verification.input_variants import resized, small_trial, trials
from segprune.core.verification.pairing import Pair
from segprune.core.verification.preparation import prepared, scatter
from segprune.core.verification.run_modes import (
    EVERY_MODULE,
    INFERENCE,
    LEARNING,
    NO_GRADIENT,
    TRAINING,
)
from segprune.core.verification.violations import Violation

__all__ = ["compare_gradients", "compare_outputs", "difference"]


def compare_outputs(
    model: nn.Module, pruned: nn.Module, plan: PrunePlan, inputs: Any
) -> Iterator[Violation]:
    """Outputs of all traced methods, on several sizes and batch sizes, in every way there is.

    The example's own size, other sizes and batches run in float32. Everything else happens on a
    small batch, in float64 where the network runs in it: without gradients and with, in training
    mode, the values of gradients, and whether what was compared can show a wrong slice at all.

    Raises:
        TraceError: the dense network does not run on the example inputs.
    """
    methods = methods_of(model)
    sizes = (small_trial(inputs, 4, seed=8), resized(inputs, 2, 1, 1, seed=8), inputs)
    small = prepared(pruned, plan, methods, sizes)
    pair = Pair(small, scatter(model, small, plan), plan)
    pair.twin.eval()  # a user's own `eval` may return nothing
    example, *others = trials(inputs)
    tried = (small_trial(inputs), resized(inputs, 2, 1, 1, seed=6), example)
    single = torch.float32
    trial = next((one for one in tried if pair.find_randomness("forward", one, single)), example)
    for method in methods[1:]:
        pair.find_randomness(method, trial, single)
    for (method, number), drawn in pair.random.items():
        if drawn:
            text = f"output {number} is random in evaluation mode (dropout?), nothing is proved"
            yield Violation("degenerate", method, text)
    yield from pair.compare(["forward"], example, single, required=True)
    for number, other in enumerate(others):
        # The other methods run once, small: at full size they would take half the time.
        yield from pair.compare(methods if number == 0 else ["forward"], other, single)
    yield from _on_a_small_batch(pair, methods, trial)


def _on_a_small_batch(pair: Pair, methods: list[str], trial: Any) -> Iterator[Violation]:
    dtype = torch.float64
    pair.outputs.clear()
    violations = list(pair.compare(methods, trial, dtype))
    if ("forward", INFERENCE) not in pair.outputs:  # written for one precision
        dtype = torch.float32
        violations = list(pair.compare(methods, trial, dtype))
    yield from violations
    for look in (NO_GRADIENT, LEARNING):
        yield from pair.compare(["forward"], trial, dtype, look)
    way = TRAINING if pair.runs("forward", trial, dtype, TRAINING) else LEARNING
    gradients: list[Gradients] = []
    for method in methods:
        violations, found = pair.learn(method, trial, dtype, way)
        gradients += [] if found is None else [found]
        violations += pair.compare([method], trial, dtype, awakened(way))
        if violations and way is TRAINING and any(pair.is_random(method, trial, dtype, way)):
            text = f"outputs are random {TRAINING.name}, although nothing is dropped: no proof"
            violations = [Violation("degenerate", method, text)]
        yield from violations
    yield from pair.compare(["forward"], trial, dtype, EVERY_MODULE)
    for look in (INFERENCE, way):
        for method in methods:
            yield from find_constant_outputs(pair, method, trial, dtype, look)
    looks = [(method, look) for method in methods for look in (way, awakened(way))]
    looks.append(("forward", EVERY_MODULE))
    yield from find_silent_modules(pair, gradients, looks, trial, dtype)
