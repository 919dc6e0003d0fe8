"""A pruned network and its masked twin, run side by side in any way, and what differs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from segprune.closeness import difference, judge, structure
from segprune.errors import TraceError
from segprune.execution import tensors_in
from segprune.gradients import Gradients, compare_values, learn
from segprune.network import copy_with, tensors_of
from segprune.plan import PrunePlan
from segprune.violations import Violation
from segprune.ways import INFERENCE, Way, run

__all__ = ["Pair", "redrawn"]

_RANDOM = 1e-5
_UNTURNED = 0.5
"""The share of a channel that stays as it is where rounding turns a comparison round."""


class Pair:
    """The private copies that are compared, with values of their own.

    Attributes:
        small: the pruned network.
        twin: the dense-shaped network with the pruned tensors at their kept indices, else zeros.
        plan: the plan between them.
        random: by method and number of an output: whether it is random in evaluation mode.
        outputs: by method and way: the twin's outputs when they were last compared.
    """

    def __init__(self, small: nn.Module, twin: nn.Module, plan: PrunePlan) -> None:
        self.small, self.twin, self.plan = small, twin, plan
        self.random: dict[tuple[str, int], bool] = {}
        self.outputs: dict[tuple[str, Way], list[Tensor]] = {}
        self._rounded: dict[torch.dtype, nn.Module] = {}
        for network in (small, twin):
            for parameter in network.parameters():
                parameter.requires_grad_(parameter.is_floating_point())

    def runs(self, method: str, trial: Any, dtype: torch.dtype, way: Way = INFERENCE) -> bool:
        """Whether the twin does; where the dense network cannot run, nothing is required."""
        try:
            run(self.twin, method, trial, dtype, way)
        except Exception:
            return False
        return True

    def find_randomness(self, method: str, trial: Any, dtype: torch.dtype) -> bool:
        """Note which outputs are others under another seed, in evaluation mode.

        Under one seed a random number that has nothing to do with channels is the same in both
        networks: comparing it proves nothing.

        Returns:
            whether the twin runs.
        """
        try:
            found = self.is_random(method, trial, dtype, INFERENCE)
        except Exception:
            return False
        self.random.update({(method, number): drawn for number, drawn in enumerate(found)})
        return True

    def is_random(self, method: str, trial: Any, dtype: torch.dtype, way: Way) -> list[bool]:
        """Of each output of the twin: whether it is another one under another seed."""
        one, other = (
            tensors_in(run(self.twin, method, trial, dtype, way, seed)) for seed in (0, 1)
        )
        return [
            ours.shape != theirs.shape or not difference(ours, theirs) <= _RANDOM
            for ours, theirs in zip(one, other, strict=False)
        ]

    def compare(
        self,
        methods: Iterable[str],
        trial: Any,
        dtype: torch.dtype,
        way: Way = INFERENCE,
        required: bool = False,
    ) -> Iterator[Violation]:
        """Outputs of the methods that the twin runs.

        Raises:
            TraceError: the twin does not run, although it is `required` to.
        """
        for method in methods:
            try:
                wanted = run(self.twin, method, trial, dtype, way)
            except Exception as error:
                if not required:
                    continue
                raise TraceError(
                    f"{type(self.twin).__name__}: expected it to run on the example inputs in "
                    f"float32, found {type(error).__name__}: {error}."
                ) from error
            self.outputs[method, way] = tensors_in(wanted)
            try:
                found = run(self.small, method, trial, dtype, way)
            except Exception as error:
                yield _raised(method, _where(trial, dtype, way), error)
                continue
            yield from self._outputs(method, found, wanted, trial, dtype, way)

    def learn(
        self, method: str, trial: Any, dtype: torch.dtype, way: Way
    ) -> tuple[list[Violation], Gradients | None]:
        """Outputs and gradients of a method; the pruned network's gradients, if both have some.

        A dense network that runs and has no backward pass is compared by its outputs alone.
        """
        try:
            wanted, theirs = learn(self.twin, method, trial, dtype, way)
        except Exception:
            return list(self.compare([method], trial, dtype, way)), None
        self.outputs[method, way] = tensors_in(wanted)
        where = _where(trial, dtype, way)
        try:
            found, ours = learn(self.small, method, trial, dtype, way)
        except Exception as error:
            return [_raised(method, where, error)], None
        differing = list(self._outputs(method, found, wanted, trial, dtype, way))
        if differing:
            return differing, ours  # gradients follow from the outputs
        suspects = {name for name, _ in compare_values(ours, theirs, None, self.plan, dtype, where)}
        if suspects:
            given = disturbed(trial, dtype)
            again = learn(self._disturbed(dtype), method, given, dtype, way)[1]
            few = {name: gradient for name, gradient in ours.items() if name in suspects}
            wrong = compare_values(few, theirs, again, self.plan, dtype, where)
            differing += [violation for _, violation in wrong]
        return differing, ours

    def _outputs(
        self,
        method: str,
        found: Any,
        wanted: Any,
        trial: Any,
        dtype: torch.dtype,
        way: Way,
    ) -> Iterator[Violation]:
        where = _where(trial, dtype, way)
        if structure(found) != structure(wanted):
            text = f"expected {structure(wanted)}, found {structure(found)} {where}"
            yield Violation("interface", method, text)
            return
        again: list[Tensor] | None = None
        for number, (ours, theirs) in enumerate(
            zip(tensors_in(found), tensors_in(wanted), strict=True)
        ):
            if way.training == "none" and self.random.get((method, number)):
                continue
            if judge(ours, theirs, dtype, None).holds:
                continue
            again = again or self._again(method, trial, dtype, way)
            noise = again[number] if again[number].shape == theirs.shape else None
            close = judge(ours, theirs, dtype, noise)
            turned = not close.holds and judge(ours, theirs, dtype, noise, _UNTURNED).holds
            if turned and self._agree_in_double(method, number, trial, dtype, way):
                continue
            if not close.holds:
                text = (
                    f"expected the twin's output {number}"
                    f"{f', {close.channel},' if close.channel else ''} within {close.allowed:.1e}, "
                    f"found {close.found:.1e} {where}"
                )
                yield Violation("equality", method, text)

    def _agree_in_double(
        self, method: str, number: int, trial: Any, dtype: torch.dtype, way: Way
    ) -> bool:
        """Whether an output that differs in float32 is the twin's in float64, on the same inputs.

        Rounding turns comparisons round: which of two numbers a pooling takes whose indices place
        it again, say. Everything behind that place differs, and no disturbance has to show it.
        """
        if dtype is torch.float64:
            return False
        try:
            ours, theirs = (
                tensors_in(run(network, method, trial, torch.float64, way))[number]
                for network in (self.small, self.twin)
            )
        except Exception:  # written for one precision
            return False
        return ours.shape == theirs.shape and judge(ours, theirs, torch.float64, None).holds

    def _again(self, method: str, trial: Any, dtype: torch.dtype, way: Way) -> list[Tensor]:
        given = disturbed(trial, dtype)
        return tensors_in(run(self._disturbed(dtype), method, given, dtype, way))

    def _disturbed(self, dtype: torch.dtype) -> nn.Module:
        """The twin with the last bit of every number at random: its own rounding, made visible."""
        if dtype not in self._rounded:
            last = torch.finfo(dtype).eps
            self._rounded[dtype] = redrawn(self.twin, lambda noise: 1 + last * noise, dtype)
        return self._rounded[dtype]


def redrawn(
    network: nn.Module, factor: Callable[[Tensor], Tensor], dtype: torch.dtype
) -> nn.Module:
    """A copy with every number times a factor, made from noise of the tensor's shape."""
    copy = copy_with(network, {}).to(dtype)
    generator = torch.Generator().manual_seed(11)
    with torch.no_grad():
        for tensor in {id(t): t for t in tensors_of(copy).values()}.values():
            if tensor.is_floating_point():
                noise = torch.randn(tensor.shape, generator=generator, dtype=dtype)
                tensor.mul_(factor(noise).to(tensor))
    return copy


def disturbed(trial: Any, dtype: torch.dtype) -> Any:
    """Inputs with the last bit of every number at random."""
    generator = torch.Generator().manual_seed(12)

    def nudged(item: Any) -> Any:
        if not isinstance(item, Tensor) or not item.is_floating_point():
            return item
        noise = torch.randn(item.shape, generator=generator, dtype=dtype).to(item.device)
        return item.to(dtype) * (1 + torch.finfo(dtype).eps * noise)

    return tree_map(nudged, trial)


def _raised(method: str, where: str, error: Exception) -> Violation:
    text = f"expected to run {where}, found {type(error).__name__}: {error}"
    return Violation("run", method, text)


def _where(trial: Any, dtype: torch.dtype, way: Way) -> str:
    shapes = ", ".join("x".join(map(str, tensor.shape)) for tensor in tensors_in(trial))
    kind = str(dtype).removeprefix("torch.")
    return f"on {shapes} in {kind}" + (f", {way.name}" if way.name else "")
