"""A pruned network and its masked twin, run side by side in any way, and what differs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map

from segprune.core.execution import tensors_in
from segprune.core.modules import copy_with, tensors_of
from segprune.core.plan import PrunePlan
from segprune.core.verification.closeness import (
    NOISE_FACTOR,
    Closeness,
    difference,
    judge,
    structure,
)
from segprune.core.verification.gradients import Gradients, compare_values, learn
from segprune.core.verification.run_modes import INFERENCE, TRAINING, Way, run
from segprune.core.verification.violations import Violation
from segprune.errors import TraceError

__all__ = ["Pair", "redrawn"]

_RANDOM = 1e-5
_DRAWS = 8
"""How often rounding is drawn, each time twice as coarse as before.

Where activations are steep, a fine one may change next to nothing, and the next one everything.
"""

_SUMS = {
    "addbmm", "addmm", "avg_pool1d", "avg_pool2d", "avg_pool3d", "baddbmm", "batch_norm",
    "bilinear", "bmm", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d",
    "conv_transpose3d",
    "einsum", "group_norm", "instance_norm", "layer_norm", "linear", "matmul", "__matmul__", "mean",
    "mm", "multi_head_attention_forward", "__rmatmul__", "rms_norm", "scaled_dot_product_attention",
    "sum", "tensordot",
}  # fmt: skip
"""Functions that add up many numbers."""

_UNTURNED = 0.5
"""The share of a channel that stays as it is where rounding turns a comparison round.

Which of two numbers a pooling takes whose indices place it again, say: everything behind that place
differs in float32, and no drawn rounding has to show it.
"""

_STEADY = (INFERENCE, TRAINING)
"""Ways in which an output has to be more than rounding errors: no batch statistics in them."""

_HOPELESS = 1e8
"""How many times its own rounding a difference is that no further draw would explain."""


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
        self._first: dict[torch.dtype, nn.Module] = {}
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
        wrong = dict(compare_values(ours, theirs, [], self.plan, dtype, where))
        rounded: list[Gradients] = []
        for draw in range(_DRAWS):
            if not wrong:
                break
            given = disturbed(trial, dtype, draw)
            with _Rounding(dtype, draw):
                again = learn(self._disturbed(dtype, draw), method, given, dtype, way)[1]
            rounded.append(again)
            few = {name: ours[name] for name in wrong}
            wrong = dict(compare_values(few, theirs, rounded, self.plan, dtype, where))
        return [*differing, *wrong.values()], ours

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
        noises: list[list[Tensor]] = []
        drawn = self._rounded(method, trial, dtype, way)
        decided = False
        for number, (ours, theirs) in enumerate(
            zip(tensors_in(found), tensors_in(wanted), strict=True)
        ):
            if way.training == "none" and self.random.get((method, number)):
                continue
            close = judge(ours, theirs, dtype)
            if close.holds:
                continue
            if dtype == torch.float32 and not noises:
                violations = self._in_double(method, trial, way)
                if violations:
                    yield from violations
                    return
                decided = violations is not None
            close = _judged(number, ours, theirs, dtype, noises)
            while not close.holds and not (decided and close.blind):
                more = None if _is_hopeless(close, noises) else next(drawn, None)
                if more is None:
                    break
                noises.append(more)
                close = _judged(number, ours, theirs, dtype, noises)
            which = f"output {number}{f', {close.channel},' if close.channel else ''}"
            if close.blind and decided:  # float64 has decided, and float32 cannot contradict it
                continue
            if decided and _judged(number, ours, theirs, dtype, noises, _UNTURNED).holds:
                continue
            if not close.holds:
                text = (
                    f"expected the twin's {which} within {close.allowed:.1e}, "
                    f"found {close.found:.1e} {where}"
                )
                yield Violation("equality", method, text)
            elif close.blind and way in _STEADY:
                text = (
                    f"{which} is little more than rounding errors {where}: another rounding "
                    f"changes it by {close.allowed / NOISE_FACTOR:.1e} of its size, nothing is "
                    "proved of it"
                )
                yield Violation("degenerate", method, text)

    def _in_double(self, method: str, trial: Any, way: Way) -> list[Violation] | None:
        """What is wrong in float64, on the same inputs; None where the twin does not run in it."""
        single = self.outputs.pop((method, way))
        violations = list(self.compare([method], trial, torch.float64, way))
        ran = (method, way) in self.outputs
        self.outputs[method, way] = single
        return violations if ran else None

    def _rounded(
        self, method: str, trial: Any, dtype: torch.dtype, way: Way
    ) -> Iterator[list[Tensor]]:
        """Outputs of the twin with the last bits of every number at random, drawn anew."""
        for draw in range(_DRAWS):
            given = disturbed(trial, dtype, draw)
            with _Rounding(dtype, draw):
                outputs = run(self._disturbed(dtype, draw), method, given, dtype, way)
            yield tensors_in(outputs)

    def _disturbed(self, dtype: torch.dtype, draw: int) -> nn.Module:
        """The twin with the last bits of every number at random: its rounding, made visible."""
        if draw == 0 and dtype in self._first:
            return self._first[dtype]
        last = torch.finfo(dtype).eps * 2**draw
        network = redrawn(self.twin, lambda noise: 1 + last * noise, dtype, 11 + 2 * draw)
        if draw == 0:  # most often it is enough; several copies would take much memory
            self._first[dtype] = network
        return network


class _Rounding(TorchFunctionMode):
    """The last bits of every sum over channels or pixels at random, as of weights and inputs.

    The pruned network adds up fewer numbers, in another order. Other weights do not show what that
    does: an error that two terms share cancels in their difference, one of their sums does not.
    """

    def __init__(self, dtype: torch.dtype, draw: int) -> None:
        super().__init__()
        self.dtype, self.last = dtype, torch.finfo(dtype).eps * 2**draw
        self.generator = torch.Generator().manual_seed(13 + 2 * draw)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        adds_up = getattr(func, "__name__", "") in _SUMS
        return tree_map(self._nudged, result) if adds_up else result

    def _nudged(self, item: Any) -> Any:
        if not isinstance(item, Tensor) or item.dtype != self.dtype:
            return item
        return _jittered(item, self.last, self.generator)


def _judged(
    number: int,
    ours: Tensor,
    theirs: Tensor,
    dtype: torch.dtype,
    noises: list[list[Tensor]],
    share: float = 1.0,
) -> Closeness:
    fitting = [
        noise[number]
        for noise in noises
        if number < len(noise) and noise[number].shape == theirs.shape
    ]
    return judge(ours, theirs, dtype, fitting, share)


def _is_hopeless(close: Closeness, noises: list[list[Tensor]]) -> bool:
    return bool(noises) and not close.found <= _HOPELESS * close.allowed / NOISE_FACTOR


def redrawn(
    network: nn.Module, factor: Callable[[Tensor], Tensor], dtype: torch.dtype, seed: int = 11
) -> nn.Module:
    """A copy with every number times a factor, made from noise of the tensor's shape."""
    copy = copy_with(network, {}).to(dtype)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in {id(t): t for t in tensors_of(copy).values()}.values():
            if tensor.is_floating_point():
                noise = torch.randn(tensor.shape, generator=generator, dtype=dtype, device="cpu")
                tensor.mul_(factor(noise).to(tensor))
    return copy


def disturbed(trial: Any, dtype: torch.dtype, draw: int = 0) -> Any:
    """Inputs with the last bits of every number at random, one more in each draw."""
    generator = torch.Generator().manual_seed(12 + 2 * draw)

    def nudged(item: Any) -> Any:
        if not isinstance(item, Tensor) or not item.is_floating_point():
            return item
        return _jittered(item.to(dtype), torch.finfo(dtype).eps * 2**draw, generator)

    return tree_map(nudged, trial)


def _jittered(tensor: Tensor, last: float, generator: torch.Generator) -> Tensor:
    """Every number times 1 and a random multiple of `last`; the noise is drawn on the CPU."""
    noise = torch.randn(tensor.shape, generator=generator, dtype=tensor.dtype, device="cpu")
    return tensor * (1 + last * noise.to(tensor.device))


def _raised(method: str, where: str, error: Exception) -> Violation:
    text = f"expected to run {where}, found {type(error).__name__}: {error}"
    return Violation("run", method, text)


def _where(trial: Any, dtype: torch.dtype, way: Way) -> str:
    shapes = ", ".join("x".join(map(str, tensor.shape)) for tensor in tensors_in(trial))
    kind = str(dtype).removeprefix("torch.")
    return f"on {shapes} in {kind}" + (f", {way.name}" if way.name else "")
