"""Run a pruned network beside its masked twin: the same outputs, the same gradients' places."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from segprune.errors import TraceError
from segprune.execution import run_method, tensors_in, undisturbed
from segprune.network import copy_with, tensors_of
from segprune.plan import PrunePlan
from segprune.trials import resized, shrinkage, trials
from segprune.violations import Violation

__all__ = ["compare_gradients", "compare_outputs", "randomise", "scatter"]

SINGLE_TOLERANCE = 1e-5
DOUBLE_TOLERANCE = 1e-11
_NOISE_FACTOR = 8.0
_VARIES = 1e-6


def randomise(model: nn.Module, seed: int = 0) -> None:
    """Give normalisations, biases and slopes values that are far from their initialisation."""
    generator = torch.Generator().manual_seed(seed)

    def fill(tensor: Any, low: float, high: float) -> None:
        if isinstance(tensor, Tensor) and tensor.is_floating_point():
            values = torch.rand(tensor.shape, generator=generator) * (high - low) + low
            tensor.copy_(values.to(tensor))

    with torch.no_grad():
        for module in model.modules():
            kind = type(module).__name__.lower()
            if "norm" in kind:
                fill(module._parameters.get("weight"), 0.5, 1.5)
                fill(module._parameters.get("bias"), -0.5, 0.5)
                fill(module._buffers.get("running_mean"), -0.5, 0.5)
                fill(module._buffers.get("running_var"), 0.5, 1.5)
            elif "prelu" in kind:
                fill(module._parameters.get("weight"), 0.05, 0.6)
            else:
                fill(module._parameters.get("bias"), -0.2, 0.2)
            for parameter in module._parameters.values():
                # A gate or a layer that starts at zero would hide the branch behind it.
                if parameter is not None and parameter.numel() and not parameter.any():
                    fill(parameter, 0.1, 0.6)


def scatter(model: nn.Module, pruned: nn.Module, plan: PrunePlan) -> nn.Module:
    """The dense-shaped network that holds the pruned tensors at their kept indices, else zeros."""
    dense, small = tensors_of(model), tensors_of(pruned)
    spread: dict[str, Tensor] = {}
    for name, original in dense.items():
        tensor = small[name].detach()
        for dim, rows in plan.kept.get(name, {}).items():
            shape = list(tensor.shape)
            shape[dim] = original.shape[dim]
            index = torch.tensor(rows, dtype=torch.long, device=tensor.device)
            whole = tensor.new_zeros(shape)
            bits = torch.uint8 if tensor.dtype.itemsize == 1 else tensor.dtype  # float8 has no copy
            whole.view(bits).index_copy_(dim, index, tensor.view(bits))
            tensor = whole
        spread[name] = tensor.clone() if tensor is small[name] or name not in plan.kept else tensor
    return copy_with(model, spread)


def compare_outputs(
    model: nn.Module, pruned: nn.Module, plan: PrunePlan, inputs: Any
) -> Iterator[Violation]:
    """Outputs of all traced methods, on several sizes and batch sizes, in float32 and float64."""
    small = _private(pruned)
    randomise(small)
    twin = scatter(model, small, plan).eval()
    methods = _methods(model)
    used: list[Any] = []
    random: dict[tuple[str, int], bool] = {}
    for number, trial in enumerate(trials(inputs)):
        try:
            # The training methods run once, small: at full size they would take half the time.
            named = methods if number == 1 else methods[:1]
            wanted = {method: _run(twin, method, trial, torch.float32) for method in named}
        except Exception as error:
            if number == 0:
                raise TraceError(
                    f"{type(model).__name__}: expected it to run on the example inputs in "
                    f"float32, found {type(error).__name__}: {error}."
                ) from error
            continue  # a size that the dense network does not take either
        used.append(trial)
        asked = {method: wanted[method] for method in named if (method, 0) not in random}
        random |= _randomness(twin, asked, trial)
        yield from _compare(small, twin, wanted, trial, torch.float32, random)
    for (method, number), drawn in random.items():
        if drawn:
            text = f"output {number} is random in evaluation mode (dropout?), nothing is proved"
            yield Violation("degenerate", method, text)
    smallest = min(used, key=lambda trial: sum(t.numel() for t in tensors_in(trial)))
    try:
        wanted = {method: _run(twin, method, smallest, torch.float64) for method in methods}
    except Exception:
        return  # written for one precision; float32 has to do
    yield from _compare(small, twin, wanted, smallest, torch.float64, random)
    yield from _varies(wanted[methods[0]])


def _private(model: nn.Module) -> nn.Module:
    return copy_with(model, {}).eval()


def _methods(model: nn.Module) -> list[str]:
    listed = list(getattr(model, "traced_methods", ("forward",)))
    return ["forward", *(method for method in listed if method != "forward")]


def _run(model: nn.Module, method: str, inputs: Any, dtype: torch.dtype, seed: int = 0) -> Any:
    cast = tree_map(
        lambda item: (
            item.to(dtype) if isinstance(item, Tensor) and item.is_floating_point() else item
        ),
        inputs,
    )
    with undisturbed(seed, model), torch.inference_mode():
        return run_method(model.to(dtype), method, _clone(cast))


def _clone(inputs: Any) -> Any:
    return tree_map(lambda item: item.clone() if isinstance(item, Tensor) else item, inputs)


def _randomness(twin: nn.Module, wanted: dict[str, Any], trial: Any) -> dict[tuple[str, int], bool]:
    """Method and number of each output -> whether it is another one under another seed.

    Asked before anything is compared: under one seed a random number that has nothing to do with
    the channels is the same in both networks.
    """
    found: dict[tuple[str, int], bool] = {}
    for method, reference in wanted.items():
        again = tensors_in(_run(twin, method, trial, torch.float32, seed=1))
        for number, (ours, theirs) in enumerate(zip(again, tensors_in(reference), strict=True)):
            found[method, number] = not difference(ours, theirs) <= SINGLE_TOLERANCE
    return found


def _compare(
    small: nn.Module,
    twin: nn.Module,
    wanted: dict[str, Any],
    trial: Any,
    dtype: torch.dtype,
    random: dict[tuple[str, int], bool],
) -> Iterator[Violation]:
    shapes = ", ".join("x".join(map(str, tensor.shape)) for tensor in tensors_in(trial))
    where = f"on {shapes} in {str(dtype).removeprefix('torch.')}"
    for method, reference in wanted.items():
        try:
            found = _run(small, method, trial, dtype)
        except Exception as error:
            text = f"expected to run {where}, found {type(error).__name__}: {error}"
            yield Violation("run", method, text)
            continue
        if structure(found) != structure(reference):
            text = f"expected {structure(reference)}, found {structure(found)} {where}"
            yield Violation("interface", method, text)
            continue
        for number, (ours, theirs) in enumerate(
            zip(tensors_in(found), tensors_in(reference), strict=True)
        ):
            if random.get((method, number)):
                continue
            worst = difference(ours, theirs)
            allowed = SINGLE_TOLERANCE if dtype == torch.float32 else DOUBLE_TOLERANCE
            if worst > allowed and dtype == torch.float32:
                allowed = max(allowed, _NOISE_FACTOR * _noise(twin, method, trial, number))
            if not worst <= allowed:
                text = (
                    f"expected the twin's output {number} within {allowed:.1e}, "
                    f"found {worst:.1e} {where}"
                )
                yield Violation("equality", method, text)


def _noise(twin: nn.Module, method: str, trial: Any, number: int) -> float:
    """Rounding of the twin itself: its output in float32 against float64."""
    try:
        double = tensors_in(_run(twin, method, trial, torch.float64))[number]
        single = tensors_in(_run(twin, method, trial, torch.float32))[number]
        return difference(single, double)
    except Exception:
        return 0.0
    finally:
        twin.float()


def difference(found: Tensor, wanted: Tensor) -> float:
    """Largest difference relative to the largest value; infinite where one is not finite."""
    ours, theirs = found.detach().double(), wanted.detach().double()
    if not theirs.numel():
        return 0.0
    same = (ours == theirs) | (ours.isnan() & theirs.isnan())
    if same.all():
        return 0.0
    finite = theirs[theirs.isfinite()]  # masked logits are -inf on both sides
    scale = finite.abs().max().item() if finite.numel() else 0.0
    worst = (ours - theirs)[~same].abs().max().item()
    return worst / scale if scale > 0 and math.isfinite(worst) else math.inf


def structure(output: Any) -> str:
    """Containers, keys, shapes, types, whole numbers and words of an output, as one line."""
    if isinstance(output, Tensor):
        kind = str(output.dtype).removeprefix("torch.")
        return f"{'x'.join(map(str, output.shape))} {kind}"
    if isinstance(output, dict):
        return "{" + ", ".join(f"{key}: {structure(value)}" for key, value in output.items()) + "}"
    if isinstance(output, (list, tuple)):
        return "(" + ", ".join(map(structure, output)) + ")"
    if isinstance(output, (int, str)):  # a size, or a name: in a pruned network the same
        return repr(output)
    parts = tensors_in(output)
    return type(output).__name__ + (f"({', '.join(map(structure, parts))})" if parts else "")


def _varies(output: Any) -> Iterator[Violation]:
    for number, tensor in enumerate(tensors_in(output)):
        if not tensor.is_floating_point() or tensor.numel() < 2:
            continue
        values = tensor.double().nan_to_num(0.0, 0.0, 0.0)
        # Images of one batch differ; where there is one image only, its pixels must.
        other = values[1:] if values.dim() > 1 and values.shape[0] > 1 else values.flatten()[1:]
        first = values[:1] if values.dim() > 1 and values.shape[0] > 1 else values.flatten()[:1]
        scale = values.abs().max().item()
        spread = (other - first).abs().max().item()
        if not spread > _VARIES * scale:
            text = f"output {number} varies by {spread:.1e} of {scale:.1e} between inputs: no proof"
            yield Violation("degenerate", "forward", text)


# -- gradients -----------------------------------------------------------------------------------


def compare_gradients(model: nn.Module, pruned: nn.Module, inputs: Any) -> Iterator[Violation]:
    """A training step gives a gradient exactly where the dense network's own step does."""
    shrink = shrinkage(inputs)
    for trial in (resized(inputs, 2, shrink, shrink, 5), resized(inputs, 2, 1, 1, 5)):
        try:
            wanted = _learning(copy_with(model, {}), trial)
        except Exception:
            continue  # cannot take a training step, even dense: then the pruned one owes none
        try:
            found = _learning(copy_with(pruned, {}), trial)
        except Exception as error:
            text = f"expected a training step to run, found {type(error).__name__}: {error}"
            yield Violation("run", "training step", text)
            return
        for name in sorted(wanted ^ found):
            text = "expected a gradient, found none"
            if name in found:
                text = "expected no gradient, found one"
            yield Violation("gradient", name, text)
        return


def _learning(model: nn.Module, inputs: Any) -> set[str]:
    """Names of the parameters that get a gradient in one step over all traced methods."""
    model.train()
    with undisturbed(model=model), torch.enable_grad():
        total = torch.zeros(())
        for method in _methods(model):
            for output in tensors_in(run_method(model, method, _clone(inputs))):
                if output.is_floating_point() and output.requires_grad:
                    total = total + output.float().square().mean().cpu()
        total.backward()
    named = model.named_parameters(remove_duplicate=False)
    return {name for name, parameter in named if parameter.grad is not None}
