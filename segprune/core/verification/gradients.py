"""Compare gradients of a pruned network with those of its masked twin: places and values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from segprune.core.execution import preserve_global_state, run_method, tensors_in
from segprune.core.modules import copy_with
from segprune.core.plan import PrunePlan
from segprune.core.surgery import select
from segprune.core.verification.closeness import judge
from segprune.core.verification.input_variants import cloned, downscale_factor, resized
from segprune.core.verification.run_modes import Trial
from segprune.core.verification.violations import Violation, mismatch

__all__ = ["Gradients", "compare_gradients", "compare_values", "learn", "methods_of"]

Gradients = Mapping[str, Tensor | None]
"""Gradients by the name of a parameter; None where the parameter reaches no output."""


def methods_of(model: nn.Module) -> list[str]:
    """Return `forward`, and what else a network lists in `traced_methods`."""
    listed = getattr(model, "traced_methods", None) or ()
    return ["forward", *(method for method in listed if method != "forward")]


# -- values --------------------------------------------------------------------------------------


def learn(network: nn.Module, trial: Trial) -> tuple[Any, Gradients]:
    """Return the outputs, and the gradients of a fixed random sum over all of them.

    The sum depends on the outputs' shapes only, so it is the same for both networks. The network
    is a private copy, of which every parameter requires a gradient.
    """

    def backward(outputs: Any) -> tuple[Any, Gradients]:
        generator = torch.Generator().manual_seed(7)
        sums = []
        for output in tensors_in(outputs):
            if output.is_floating_point():
                weights = torch.randn(output.shape, generator=generator, device="cpu").to(output)
                if output.requires_grad:
                    sums.append(torch.where(output.isfinite(), output * weights, 0.0).sum().cpu())
        if sums:
            torch.stack(sums).sum().backward()
        found = {name: parameter.grad for name, parameter in _named(network)}
        for parameter in network.parameters():
            parameter.grad = None
        return outputs, found

    for parameter in network.parameters():
        parameter.grad = None
    outputs, gradients = trial.run(network, then=backward)
    return outputs, gradients


def _named(network: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    return network.named_parameters(remove_duplicate=False)


def compare_values(
    found: Gradients,
    wanted: Gradients,
    perturbed: Sequence[Gradients],
    plan: PrunePlan,
    trial: Trial,
) -> Iterator[tuple[str, Violation]]:
    """Compare the pruned network's gradients with the twin's at the kept indices.

    Nothing is required where the twin's gradient is not finite: behind a zeroed channel a square
    root has none.

    Args:
        found: of the pruned network.
        wanted: of the twin.
        perturbed: the twin's again, each time rounded otherwise; none before they are needed.

    Yields:
        the parameter's name, and what is wrong with its gradient.
    """
    for name, ours in found.items():
        theirs = wanted.get(name)
        if ours is None or theirs is None:
            if (ours is None) != (theirs is None):
                found_here = f"{_shown(ours)} {trial}"
                yield name, mismatch("gradient", name, _shown(theirs), found_here)
            continue
        kept = plan.kept.get(name, {})
        theirs = select(theirs, kept)
        again = [one for each in perturbed if (one := each.get(name)) is not None]
        noises = [select(one, kept).reshape(-1) for one in again]
        if not theirs.isfinite().all():
            continue
        close = judge(ours.reshape(-1), theirs.reshape(-1), trial.dtype, noises)
        if not close.holds:
            expected = f"the twin's gradient within {close.allowed:.1e}"
            yield name, mismatch("gradient", name, expected, f"{close.found:.1e} {trial}")


def _shown(gradient: Tensor | None) -> str:
    return "no gradient" if gradient is None else "a gradient"


# -- places --------------------------------------------------------------------------------------


def compare_gradients(model: nn.Module, pruned: nn.Module, inputs: Any) -> Iterator[Violation]:
    """Check that a training step gives gradients exactly where the dense network's step does."""
    shrink = downscale_factor(inputs)
    for trial in (resized(inputs, 2, shrink, shrink, 5), resized(inputs, 2, 1, 1, 5)):
        try:
            wanted = _learning(copy_with(model, {}), trial)
        except Exception:
            continue  # cannot take a training step, even dense: nothing is required then
        try:
            found = _learning(copy_with(pruned, {}), trial)
        except Exception as error:
            raised = f"{type(error).__name__}: {error}"
            yield mismatch("run", "training step", "a training step to run", raised)
            return
        for name in sorted(wanted ^ found):
            texts = ("no gradient", "one") if name in found else ("a gradient", "none")
            yield mismatch("gradient", name, *texts)
        return


def _learning(model: nn.Module, inputs: Any) -> set[str]:
    """Return the parameters that get a gradient in one step over all traced methods."""
    model.train()
    with preserve_global_state(model=model), torch.enable_grad():
        total = torch.zeros(())
        for method in methods_of(model):
            for output in tensors_in(run_method(model, method, cloned(inputs))):
                if output.is_floating_point() and output.requires_grad:
                    total = total + output.float().square().mean().cpu()
        total.backward()
    return {name for name, parameter in _named(model) if parameter.grad is not None}
