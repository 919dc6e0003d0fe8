"""What comparing would not show: outputs that stay as they are, and slices that change none."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from segprune.core.execution import tensors_in
from segprune.core.modules import tensors_of
from segprune.core.verification.closeness import channels_of, judge
from segprune.core.verification.gradients import Gradients
from segprune.core.verification.input_variants import alternatives
from segprune.core.verification.pairing import Pair, redrawn
from segprune.core.verification.run_modes import Way, run
from segprune.core.verification.violations import Violation

__all__ = ["awakened", "find_constant_outputs", "find_silent_modules"]

_VARIES = 1e-6


def awakened(way: Way) -> Way:
    """The same with gradients, and with activations that are flat nowhere."""
    name = f"{way.name}, " if way.name else ""
    return dataclasses.replace(
        way,
        name=f"{name}where ReLU and clamp have a slope everywhere",
        gradients=torch.enable_grad,
        awake=True,
    )


# -- outputs -------------------------------------------------------------------------------------


def find_constant_outputs(
    pair: Pair, method: str, trial: Any, dtype: torch.dtype, way: Way
) -> Iterator[Violation]:
    """Outputs, or channels of them, that are the same whatever the input is.

    Units that are dead on these inputs are woken first, and compared so. What is left proves
    nothing, unless no removed channel has to do with it: a grid of coordinates, a fixed logit.
    """
    outputs = pair.outputs.get((method, way))
    if outputs is None or not pair.plan.kept or all(map(_differ_within, outputs)):
        return
    still = {number: _still(output, output) for number, output in enumerate(outputs)}
    for turn, given in enumerate(alternatives(trial)):
        try:
            others = tensors_in(run(pair.twin, method, given, dtype, way))
        except Exception:
            return
        if len(others) != len(outputs):
            return
        still = {
            number: channels & changed
            for number, channels in still.items()
            if (changed := _still(outputs[number], others[number])).shape == channels.shape
            and (channels & changed).any()
            and not (way.training == "none" and pair.random.get((method, number)))
        }
        if not still:
            if turn:  # it wakes up here: this is where to compare it
                yield from pair.compare([method], given, dtype, way)
            return
    awake = awakened(way)
    yield from pair.compare([method], trial, dtype, awake)
    every = all(channels.all() for channels in still.values()) and len(still) == len(outputs)
    for number, channels in still.items():
        lasting = _still_awake(pair, method, number, channels, trial, dtype, awake)
        if not lasting.any():
            continue
        tensor = outputs[number]
        computed = _is_computed(pair, method, number, lasting, trial, dtype, awake)
        if computed is None:
            computed = every or _moves_with_values(pair, method, number, tensor, trial, dtype, way)
        if computed:
            yield Violation("degenerate", method, _text(number, tensor, lasting, way))


def _differ_within(output: Tensor) -> bool:
    """Whether every channel is another one for another image of the batch."""
    if output.dim() < 2 or len(output) < 2 or not output.numel():
        return False
    return not _still(output, output.roll(1, 0)).any()


def _still(one: Tensor, other: Tensor) -> Tensor:
    """Which channels are the same for two inputs; whole numbers have one channel."""
    if one.shape != other.shape:
        return torch.zeros(1, dtype=torch.bool)
    if not one.numel():
        return torch.ones(1, dtype=torch.bool)
    if not one.is_floating_point():
        return (one == other).all().cpu().reshape(1)
    ours, theirs = (channels_of(t).nan_to_num(0.0, 0.0, 0.0) for t in (one, other))
    return ((ours - theirs).abs().amax(1) <= _VARIES * ours.abs().amax(1)).cpu()


def _still_awake(
    pair: Pair,
    method: str,
    number: int,
    channels: Tensor,
    trial: Any,
    dtype: torch.dtype,
    awake: Way,
) -> Tensor:
    try:
        one, other = (
            tensors_in(run(pair.twin, method, given, dtype, awake))[number]
            for given in (trial, alternatives(trial)[0])
        )
    except Exception:
        return channels
    found = _still(one, other)
    return channels & found if found.shape == channels.shape else channels


def _is_computed(
    pair: Pair,
    method: str,
    number: int,
    channels: Tensor,
    trial: Any,
    dtype: torch.dtype,
    awake: Way,
) -> bool | None:
    """Whether constant channels were computed from pruned tensors; None: gradients cannot say.

    A gradient that is not a number goes through products with zero: it reaches whatever took part.
    """
    pruned = [tensor for name, tensor in tensors_of(pair.twin).items() if name in pair.plan.kept]

    def poison(outputs: Any) -> bool | None:
        output = tensors_in(outputs)[number]
        if not output.requires_grad:
            return None
        if not output.numel():
            return True
        flags = channels.to(output.device)
        if output.dim() > 1:
            flags = flags.view(-1, *[1] * (output.dim() - 2))
        gradient = torch.where(flags, torch.nan, 0.0).to(output.dtype).expand(output.shape)
        wanted = [tensor for tensor in pruned if tensor.requires_grad]
        found = torch.autograd.grad(output, wanted, gradient, allow_unused=True)
        return any(one is not None and bool(one.isnan().any()) for one in found)

    try:
        result: bool | None = run(pair.twin, method, trial, dtype, awake, then=poison)
    except Exception:
        return None
    return result


def _moves_with_values(
    pair: Pair,
    method: str,
    number: int,
    tensor: Tensor,
    trial: Any,
    dtype: torch.dtype,
    way: Way,
) -> bool:
    """Whether an output is another one with other weights, though not with other inputs."""
    other = redrawn(pair.twin, lambda noise: 1 + 0.5 * noise.clamp(-1, 1), dtype)
    try:
        found = tensors_in(run(other, method, trial, dtype, way))[number]
    except Exception:
        return True
    return found.shape != tensor.shape or not torch.equal(found, tensor)


def _text(number: int, tensor: Tensor, channels: Tensor, way: Way) -> str:
    mode = f" {way.name}" if way.name else ""
    if not tensor.numel():
        return f"output {number} is empty{mode}, nothing is proved of it"
    places = channels.nonzero().flatten().tolist()
    which = ""
    if len(places) < len(channels):
        which = f", channel{'s' if len(places) > 1 else ''} {', '.join(map(str, places[:8]))}"
        which += ", …" if len(places) > 8 else ""
    return f"output {number}{which} is the same for every input{mode}, nothing is proved of it"


# -- slices --------------------------------------------------------------------------------------


def find_silent_modules(
    pair: Pair,
    gradients: Sequence[Gradients],
    looks: Sequence[tuple[str, Way]],
    trial: Any,
    dtype: torch.dtype,
) -> Iterator[Violation]:
    """Modules whose pruned tensors take part in an output, and change none: who could see a fault?

    A layer whose result is thrown away (an encoder's last stages that a decoder does not ask for)
    takes part in no output, and has no gradient at all: it may stay.

    Args:
        gradients: of the pruned network, in every way in which it learned.
        looks: methods and ways that were compared.
    """
    silent = []
    for module, names in _pruned_tensors(pair).items():
        found = [one for each in gradients for name in names if (one := each.get(name)) is not None]
        if found and not any((one != 0).any() for one in found):
            silent.append((module, names))
    others: set[int] = set()
    inputs = (trial, *alternatives(trial))
    for module, names in silent:
        moved = (n for n, given in enumerate(inputs) if _moves(pair, names, looks, given, dtype))
        number = next(moved, None)
        if number is not None:
            others.add(number)
        else:
            text = (
                f"no output that was compared depends on the kept entries of {', '.join(names)}: "
                "nothing is proved of them"
            )
            yield Violation("degenerate", module or "the network", text)
    for number in sorted(others - {0}):
        for method, way in looks:
            yield from pair.compare([method], inputs[number], dtype, way)


def _pruned_tensors(pair: Pair) -> dict[str, list[str]]:
    """By the path of a module: its pruned tensors of numbers with a fraction."""
    found: dict[str, list[str]] = {}
    for name, tensor in tensors_of(pair.small).items():
        if name in pair.plan.kept and tensor.is_floating_point():
            found.setdefault(name.rpartition(".")[0], []).append(name)
    return found


def _moves(
    pair: Pair,
    names: Sequence[str],
    looks: Sequence[tuple[str, Way]],
    trial: Any,
    dtype: torch.dtype,
) -> bool:
    """Whether some output changes when the entries of these tensors are others."""
    pair.small.to(dtype)
    tensors = [tensors_of(pair.small)[name] for name in names]
    before = [tensor.detach().clone() for tensor in tensors]
    generator = torch.Generator().manual_seed(13)
    for method, way in looks:
        try:
            usual = tensors_in(run(pair.small, method, trial, dtype, way))
            with torch.no_grad():
                for tensor in tensors:
                    factors = torch.rand(tensor.shape, generator=generator, device="cpu") + 0.5
                    tensor.mul_(factors.to(tensor))
            other = tensors_in(run(pair.small, method, trial, dtype, way))
        except Exception:
            continue
        finally:
            with torch.no_grad():
                for tensor, values in zip(tensors, before, strict=True):
                    tensor.copy_(values)
        if len(usual) != len(other) or any(
            one.shape != two.shape or not judge(two, one, dtype).holds
            for one, two in zip(usual, other, strict=True)
        ):
            return True
    return False
