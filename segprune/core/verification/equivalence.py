"""Run a pruned network beside its masked twin: at all sizes, in all modes, with gradients."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch import nn

from segprune.core.plan import PrunePlan
from segprune.core.verification.gradients import Gradients, methods_of
from segprune.core.verification.influence import find_constant_outputs, find_silent_modules
from segprune.core.verification.input_variants import resized, small_trial, trials
from segprune.core.verification.pairing import Pair
from segprune.core.verification.preparation import expand_to_dense, prepared
from segprune.core.verification.run_modes import (
    EVERY_MODULE,
    INFERENCE,
    LEARNING,
    NO_GRADIENT,
    TRAINING,
    Trial,
)
from segprune.core.verification.violations import Violation

__all__ = ["compare_outputs"]


def compare_outputs(
    model: nn.Module, pruned: nn.Module, plan: PrunePlan, inputs: Any
) -> Iterator[Violation]:
    """Compare outputs of all traced methods, on several sizes and batch sizes, in all run modes.

    The example's own size, other sizes and batches run in float32. Everything else happens on a
    small batch, in float64 where the network runs in it: without gradients and with, in training
    mode, the values of gradients, and whether what was compared can show a wrong slice at all.

    Raises:
        TraceError: the dense network does not run on the example inputs.
    """
    methods = methods_of(model)
    sizes = (small_trial(inputs, 4, seed=8), resized(inputs, 2, 1, 1, seed=8), inputs)
    small = prepared(pruned, plan, methods, sizes)
    pair = Pair(small, expand_to_dense(model, small, plan), plan)
    pair.twin.eval()  # a user's own `eval` may return nothing
    example, *others = trials(inputs)
    tried = (small_trial(inputs), resized(inputs, 2, 1, 1, seed=6), example)
    single = partial(Trial, dtype=torch.float32)
    batch = next((one for one in tried if pair.find_randomness(single("forward", one))), example)
    for method in methods[1:]:
        pair.find_randomness(single(method, batch))
    for (method, number), drawn in pair.random.items():
        if drawn:
            text = f"output {number} is random in evaluation mode (dropout?), nothing is proved"
            yield Violation("degenerate", method, text)
    yield from pair.compare(single("forward", example), required=True)
    for number, other in enumerate(others):
        # The other methods run once, small: at full size they would take half the time.
        for method in methods if number == 0 else ["forward"]:
            yield from pair.compare(single(method, other))
    yield from _on_a_small_batch(pair, methods, batch)


def _on_a_small_batch(pair: Pair, methods: list[str], batch: Any) -> Iterator[Violation]:
    pair.outputs.clear()
    for dtype in (torch.float64, torch.float32):  # some networks are written for one precision
        violations = [v for method in methods for v in pair.compare(Trial(method, batch, dtype))]
        if ("forward", INFERENCE) in pair.outputs:
            break
    yield from violations
    for mode in (NO_GRADIENT, LEARNING):
        yield from pair.compare(Trial("forward", batch, dtype, mode))
    steady = TRAINING if pair.runs(Trial("forward", batch, dtype, TRAINING)) else LEARNING
    sloped = steady.with_slopes()
    gradients: list[Gradients] = []
    for method in methods:
        trial = Trial(method, batch, dtype, steady)
        violations, found = pair.learn(trial)
        gradients += [] if found is None else [found]
        violations += pair.compare(Trial(method, batch, dtype, sloped))
        if violations and steady is TRAINING and any(pair.is_random(trial)):
            text = f"outputs are random {TRAINING.name}, although nothing is dropped: no proof"
            violations = [Violation("degenerate", method, text)]
        yield from violations
    in_training = Trial("forward", batch, dtype, EVERY_MODULE)
    yield from pair.compare(in_training)
    for mode in (INFERENCE, steady):
        for method in methods:
            yield from find_constant_outputs(pair, Trial(method, batch, dtype, mode))
    compared = [
        Trial(method, batch, dtype, mode) for method in methods for mode in (steady, sloped)
    ]
    yield from find_silent_modules(pair, gradients, [*compared, in_training])
