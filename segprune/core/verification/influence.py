"""Find what comparing does not show: outputs that are constant, and slices that change none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from segprune.core.execution import tensors_in
from segprune.core.modules import tensors_of
from segprune.core.verification.closeness import channels_of, judge
from segprune.core.verification.gradients import Gradients
from segprune.core.verification.input_variants import alternatives
from segprune.core.verification.pairing import Pair
from segprune.core.verification.rounding import scale_randomly
from segprune.core.verification.run_modes import RunMode, Trial
from segprune.core.verification.violations import Violation

__all__ = ["find_constant_outputs", "find_silent_modules", "is_degenerate"]

_VARIES = 1e-6


# -- outputs -------------------------------------------------------------------------------------


def find_constant_outputs(pair: Pair, trial: Trial) -> Iterator[Violation]:
    """Find outputs, or channels of them, that are the same whatever the input is.

    Units that are dead on these inputs are woken first, and compared so. What is left proves
    nothing, unless no removed channel has to do with it: a grid of coordinates, a fixed logit.
    """
    outputs = pair.outputs.get((trial.method, trial.mode))
    if outputs is None or not pair.plan.kept or not any(map(is_degenerate, outputs)):
        return
    constant = {number: _constant(output, output) for number, output in enumerate(outputs)}
    for turn, inputs in enumerate(alternatives(trial.inputs)):
        changed = replace(trial, inputs=inputs)
        try:
            others = tensors_in(changed.run(pair.twin))
        except Exception:
            return
        if len(others) != len(outputs):
            return
        constant = {
            number: channels & same
            for number, channels in constant.items()
            if (same := _constant(outputs[number], others[number])).shape == channels.shape
            and (channels & same).any()
            and not (trial.mode.training == "none" and pair.random.get((trial.method, number)))
        }
        if not constant:
            if turn:  # it wakes up here: this is where to compare it
                yield from pair.compare(changed)
            return
    sloped = replace(trial, mode=trial.mode.with_slopes())
    yield from pair.compare(sloped)
    every = len(constant) == len(outputs) and all(channels.all() for channels in constant.values())
    for number, channels in constant.items():
        lasting = _constant_with_slopes(pair, sloped, number, channels)
        if not lasting.any():
            continue
        computed = _is_computed(pair, sloped, number, lasting)
        if computed is None:
            computed = every or _depends_on_weights(pair, trial, number, outputs[number])
        if computed:
            text = _text(number, outputs[number], lasting, trial.mode)
            yield Violation("degenerate", trial.method, text)


def is_degenerate(output: Tensor) -> bool:
    """Return whether some channel may be the same for every image of the batch."""
    if output.dim() < 2 or len(output) < 2 or not output.numel():
        return True
    return bool(_constant(output, output.roll(1, 0)).any())


def _constant(one: Tensor, other: Tensor) -> Tensor:
    """Return which channels are the same for two inputs; whole numbers have one channel."""
    if one.shape != other.shape:
        return torch.zeros(1, dtype=torch.bool)
    if not one.numel():
        return torch.ones(1, dtype=torch.bool)
    if not one.is_floating_point():
        return (one == other).all().cpu().reshape(1)
    ours, theirs = (channels_of(t).nan_to_num(0.0, 0.0, 0.0) for t in (one, other))
    return ((ours - theirs).abs().amax(1) <= _VARIES * ours.abs().amax(1)).cpu()


def _constant_with_slopes(pair: Pair, sloped: Trial, number: int, channels: Tensor) -> Tensor:
    other = replace(sloped, inputs=alternatives(sloped.inputs)[0])
    try:
        found = _constant(*(tensors_in(run.run(pair.twin))[number] for run in (sloped, other)))
    except Exception:
        return channels
    return channels & found if found.shape == channels.shape else channels


def _is_computed(pair: Pair, sloped: Trial, number: int, channels: Tensor) -> bool | None:
    """Return whether pruned tensors took part in constant channels; None: gradients cannot say.

    A gradient that is not a number goes through products with zero: it reaches whatever took part.
    """
    pruned = [tensor for name, tensor in tensors_of(pair.twin).items() if name in pair.plan.kept]

    def poison(outputs: object) -> bool | None:
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
        result: bool | None = sloped.run(pair.twin, then=poison)
    except Exception:
        return None
    return result


def _depends_on_weights(pair: Pair, trial: Trial, number: int, output: Tensor) -> bool:
    """Return whether an output changes with the weights, though not with the inputs."""
    other = scale_randomly(pair.twin, lambda noise: 1 + 0.5 * noise.clamp(-1, 1), trial.dtype)
    try:
        found = tensors_in(trial.run(other))[number]
    except Exception:
        return True
    return found.shape != output.shape or not torch.equal(found, output)


def _text(number: int, output: Tensor, channels: Tensor, mode: RunMode) -> str:
    when = f" {mode.name}" if mode.name else ""
    if not output.numel():
        return f"output {number} is empty{when}, nothing is proved of it"
    places = channels.nonzero().flatten().tolist()
    which = ""
    if len(places) < len(channels):
        which = f", channel{'s' if len(places) > 1 else ''} {', '.join(map(str, places[:8]))}"
        which += ", …" if len(places) > 8 else ""
    return f"output {number}{which} is the same for every input{when}, nothing is proved of it"


# -- slices --------------------------------------------------------------------------------------


def find_silent_modules(
    pair: Pair, gradients: Sequence[Gradients], trials: Sequence[Trial]
) -> Iterator[Violation]:
    """Find modules whose pruned tensors take part in an output, and change none.

    No comparison shows a fault in them. A layer whose result is thrown away (an encoder's last
    stages that a decoder does not use) takes part in no output, and has no gradient at all: it may
    stay.

    Args:
        gradients: of the pruned network, in every mode in which it learned.
        trials: what was compared, on the same inputs in several modes.
    """
    silent = []
    for module, names in _pruned_tensors(pair).items():
        found = [one for each in gradients for name in names if (one := each.get(name)) is not None]
        if found and not any((one != 0).any() for one in found):
            silent.append((module, names))
    others = [[replace(t, inputs=new) for t in trials] for new in alternatives(trials[0].inputs)]
    needed: list[Sequence[Trial]] = []
    for module, names in silent:
        moving = next((ts for ts in (trials, *others) if _moves(pair, names, ts)), None)
        if moving is None:
            text = (
                f"no output that was compared depends on the kept entries of {', '.join(names)}: "
                "nothing is proved of them"
            )
            yield Violation("degenerate", module or "the network", text)
        else:
            needed.append(moving)
    for variant in others:
        if any(variant is one for one in needed):
            for trial in variant:
                yield from pair.compare(trial)


def _pruned_tensors(pair: Pair) -> dict[str, list[str]]:
    """Return the pruned tensors of floating point, by the path of their module."""
    found: dict[str, list[str]] = {}
    for name, tensor in tensors_of(pair.small).items():
        if name in pair.plan.kept and tensor.is_floating_point():
            found.setdefault(name.rpartition(".")[0], []).append(name)
    return found


def _moves(pair: Pair, names: Sequence[str], trials: Sequence[Trial]) -> bool:
    """Return whether some output changes when the entries of these tensors are others."""
    pair.small.to(trials[0].dtype)
    tensors = [tensors_of(pair.small)[name] for name in names]
    before = [tensor.detach().clone() for tensor in tensors]
    generator = torch.Generator().manual_seed(13)
    for trial in trials:
        try:
            usual = tensors_in(trial.run(pair.small))
            with torch.no_grad():
                for tensor in tensors:
                    factors = torch.rand(tensor.shape, generator=generator, device="cpu") + 0.5
                    tensor.mul_(factors.to(tensor))
            other = tensors_in(trial.run(pair.small))
        except Exception:
            continue
        finally:
            with torch.no_grad():
                for tensor, values in zip(tensors, before, strict=True):
                    tensor.copy_(values)
        if len(usual) != len(other) or any(
            one.shape != two.shape or not judge(two, one, trial.dtype).holds
            for one, two in zip(usual, other, strict=True)
        ):
            return True
    return False
