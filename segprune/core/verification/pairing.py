"""A pruned network and its masked twin, run side by side, and what differs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from segprune.core.execution import tensors_in
from segprune.core.plan import PrunePlan
from segprune.core.verification.closeness import (
    NOISE_FACTOR,
    Closeness,
    difference,
    judge,
    structure,
)
from segprune.core.verification.gradients import Gradients, compare_values, learn
from segprune.core.verification.rounding import PerturbedSums, perturb_inputs, perturb_weights
from segprune.core.verification.run_modes import INFERENCE, TRAINING, Trial
from segprune.core.verification.violations import Violation, mismatch
from segprune.errors import TraceError

__all__ = ["Pair"]

_RANDOM = 1e-5
_DRAWS = 8
"""How often rounding is drawn, each time twice as coarse as before."""

_UNTURNED = 0.5
"""The share of a channel that has to agree in float32 where float64 agrees.

Rounding may turn a comparison round, such as which of two numbers a pooling takes whose indices
place it again. Everything behind that place differs, and no drawn rounding need show it.
"""

_STEADY = (INFERENCE, TRAINING)
"""Modes in which an output has to be more than rounding errors: no batch statistics in them."""

_HOPELESS = 1e8
"""How many times its own rounding a difference is that no further draw would explain."""


class Pair:
    """The private copies that are compared, with values of their own.

    Attributes:
        small: the pruned network.
        twin: the dense-shaped network with the pruned tensors at their kept indices, else zeros.
        plan: the plan between them.
        random: by method and number of an output: whether it is random in evaluation mode.
        outputs: by method and mode: the twin's outputs when they were last compared.
    """

    def __init__(self, small: nn.Module, twin: nn.Module, plan: PrunePlan) -> None:
        self.small, self.twin, self.plan = small, twin, plan
        self.random: dict[tuple[str, int], bool] = {}
        self.outputs: dict[tuple[str, Any], list[Tensor]] = {}
        self._first: dict[torch.dtype, nn.Module] = {}
        for network in (small, twin):
            for parameter in network.parameters():
                parameter.requires_grad_(parameter.is_floating_point())

    def runs(self, trial: Trial) -> bool:
        """Return whether the twin runs; where the dense network cannot, nothing is required."""
        try:
            trial.run(self.twin)
        except Exception:
            return False
        return True

    def find_randomness(self, trial: Trial) -> bool:
        """Note which outputs change with the seed, and return whether the twin runs.

        Under one seed a random number that has nothing to do with channels is the same in both
        networks: comparing it proves nothing.
        """
        try:
            found = self.is_random(trial)
        except Exception:
            return False
        self.random.update({(trial.method, number): drawn for number, drawn in enumerate(found)})
        return True

    def is_random(self, trial: Trial) -> list[bool]:
        """Return for each output of the twin whether it changes with the seed."""
        one, other = (tensors_in(trial.run(self.twin, seed)) for seed in (0, 1))
        return [
            ours.shape != theirs.shape or not difference(ours, theirs) <= _RANDOM
            for ours, theirs in zip(one, other, strict=False)
        ]

    def compare(self, trial: Trial, required: bool = False) -> Iterator[Violation]:
        """Compare the outputs, if the twin runs.

        Raises:
            TraceError: the twin does not run, although it is `required` to.
        """
        try:
            wanted = trial.run(self.twin)
        except Exception as error:
            if not required:
                return
            raise TraceError(
                f"{type(self.twin).__name__}: expected it to run on the example inputs in "
                f"float32, found {type(error).__name__}: {error}."
            ) from error
        self.outputs[trial.method, trial.mode] = tensors_in(wanted)
        try:
            found = trial.run(self.small)
        except Exception as error:
            yield _raised(trial, error)
            return
        yield from self._outputs(trial, found, wanted)

    def learn(self, trial: Trial) -> tuple[list[Violation], Gradients | None]:
        """Compare outputs and gradients; return the pruned network's gradients if both have some.

        A dense network that runs and has no backward pass is compared by its outputs alone.
        """
        try:
            wanted, theirs = learn(self.twin, trial)
        except Exception:
            return list(self.compare(trial)), None
        self.outputs[trial.method, trial.mode] = tensors_in(wanted)
        try:
            found, ours = learn(self.small, trial)
        except Exception as error:
            return [_raised(trial, error)], None
        differing = list(self._outputs(trial, found, wanted))
        if differing:
            return differing, ours  # gradients follow from the outputs
        wrong = dict(compare_values(ours, theirs, [], self.plan, trial))
        noises: list[Gradients] = []
        for draw in range(_DRAWS):
            if not wrong:
                break
            perturbed = replace(trial, inputs=perturb_inputs(trial.inputs, trial.dtype, draw))
            with PerturbedSums(trial.dtype, draw):
                noises.append(learn(self._perturbed_twin(trial.dtype, draw), perturbed)[1])
            left = {name: ours[name] for name in wrong}
            wrong = dict(compare_values(left, theirs, noises, self.plan, trial))
        return [*wrong.values()], ours

    def _outputs(self, trial: Trial, found: Any, wanted: Any) -> Iterator[Violation]:
        if structure(found) != structure(wanted):
            described = f"{structure(found)} {trial}"
            yield mismatch("interface", trial.method, structure(wanted), described)
            return
        noises: list[list[Tensor]] = []
        further = self._perturbed_outputs(trial)
        decided = False
        for number, (ours, theirs) in enumerate(
            zip(tensors_in(found), tensors_in(wanted), strict=True)
        ):
            if trial.mode.training == "none" and self.random.get((trial.method, number)):
                continue
            if judge(ours, theirs, trial.dtype).holds:
                continue
            if trial.dtype == torch.float32 and not noises:
                violations = self._in_double(trial)
                if violations:
                    yield from violations
                    return
                decided = violations is not None
            close = judge(ours, theirs, trial.dtype, _fitting(noises, number, theirs))
            while not close.holds and not (decided and close.blind):
                more = None if _is_hopeless(close, noises) else next(further, None)
                if more is None:
                    break
                noises.append(more)
                close = judge(ours, theirs, trial.dtype, _fitting(noises, number, theirs))
            if decided and close.blind:  # float64 has decided, and float32 cannot contradict it
                continue
            known = _fitting(noises, number, theirs)
            if decided and judge(ours, theirs, trial.dtype, known, _UNTURNED).holds:
                continue
            which = f"output {number}{f', {close.channel},' if close.channel else ''}"
            if not close.holds:
                expected = f"the twin's {which} within {close.allowed:.1e}"
                yield mismatch("equality", trial.method, expected, f"{close.found:.1e} {trial}")
            elif close.blind and trial.mode in _STEADY:
                text = (
                    f"{which} is little more than rounding errors {trial}: another rounding "
                    f"changes it by {close.allowed / NOISE_FACTOR:.1e} of its size, nothing is "
                    "proved of it"
                )
                yield Violation("degenerate", trial.method, text)

    def _in_double(self, trial: Trial) -> list[Violation] | None:
        """Compare in float64, on the same inputs; return None where the twin does not run in it."""
        key = trial.method, trial.mode
        single = self.outputs.pop(key)
        violations = list(self.compare(replace(trial, dtype=torch.float64)))
        ran = key in self.outputs
        self.outputs[key] = single
        return violations if ran else None

    def _perturbed_outputs(self, trial: Trial) -> Iterator[list[Tensor]]:
        """Yield outputs of the twin with the last bits of every number at random, drawn anew."""
        for draw in range(_DRAWS):
            perturbed = replace(trial, inputs=perturb_inputs(trial.inputs, trial.dtype, draw))
            with PerturbedSums(trial.dtype, draw):
                outputs = perturbed.run(self._perturbed_twin(trial.dtype, draw))
            yield tensors_in(outputs)

    def _perturbed_twin(self, dtype: torch.dtype, draw: int) -> nn.Module:
        if draw:
            return perturb_weights(self.twin, dtype, draw)
        if dtype not in self._first:  # most often it is enough; all copies would take much memory
            self._first[dtype] = perturb_weights(self.twin, dtype, draw)
        return self._first[dtype]


def _fitting(noises: Sequence[Sequence[Tensor]], number: int, output: Tensor) -> list[Tensor]:
    """Return one output of each noise, as far as it has the output's shape."""
    found = (noise[number] for noise in noises if number < len(noise))
    return [one for one in found if one.shape == output.shape]


def _is_hopeless(close: Closeness, noises: Sequence[object]) -> bool:
    return bool(noises) and not close.found <= _HOPELESS * close.allowed / NOISE_FACTOR


def _raised(trial: Trial, error: Exception) -> Violation:
    return mismatch("run", trial.method, f"to run {trial}", f"{type(error).__name__}: {error}")
