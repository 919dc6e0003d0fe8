"""Batches of calibration images: what is in them, and which activations they cause."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.utils._pytree import tree_map_only

from segprune.core.execution import preserve_global_state, run_method, tensors_in
from segprune.core.rules.operators import understood
from segprune.core.tracing.dispatch import Interpreter, bind, operator_name
from segprune.errors import InputError, SegpruneError

__all__ = [
    "VOID", "images_of", "labels_of", "logits_of", "mean_activations", "moved", "named",
    "primary", "some", "two_classes",
]  # fmt: skip

VOID = 255


def images_of(batch: Any) -> Any:
    """Return the network's input in a batch: the batch itself, or the first of (images, labels)."""
    if isinstance(batch, (tuple, list)) and len(batch) == 2 and _are_labels(batch[1]):
        return batch[0]
    return batch


def labels_of(batch: Any) -> Tensor | None:
    """Return the class indices `(N, H, W)` of a batch, if it has any."""
    if isinstance(batch, (tuple, list)) and len(batch) == 2 and _are_labels(batch[1]):
        return torch.as_tensor(batch[1]).long()
    return None


def _are_labels(item: Any) -> bool:
    return isinstance(item, Tensor) and not item.is_floating_point() and item.dim() == 3


def primary(output: Any) -> Tensor:
    """Return the logits among a network's outputs: `output["out"]`, else the first tensor.

    Raises:
        InputError: the output holds no tensor.
    """
    logits = output.get("out") if isinstance(output, dict) else None
    if isinstance(logits, Tensor):
        return logits
    found = tensors_in(output)
    if not found:
        raise InputError(
            f"network output: expected a tensor, found {type(output).__name__}; pass loss="
        )
    return found[0]


def logits_of(output: Any) -> Tensor:
    """Return the logits `(N, K, h, w)` of an output; errors as for `primary`."""
    return two_classes(primary(output))


def two_classes(logits: Tensor) -> Tensor:
    """Turn one channel z, as networks with a sigmoid return it, into the two channels 0 and z.

    The softmax of (0, z) is sigmoid(z): cross-entropy over both is binary cross-entropy with
    logits, and the second class wins where z > 0. Other logits are left as they are.
    """
    if logits.dim() != 4 or logits.shape[1] != 1:
        return logits
    return torch.cat([torch.zeros_like(logits), logits], dim=1)


def moved(batch: Any, model: nn.Module) -> Any:
    """Move the tensors of a batch to a network's device, and those of floating point to its type.

    Both are those of its first parameter of floating point.
    """
    first = next((p for p in model.parameters() if p.is_floating_point()), torch.empty(0))

    def move(tensor: Tensor) -> Tensor:
        return tensor.to(first.device, first.dtype if tensor.is_floating_point() else None)

    return tree_map_only(Tensor, move, batch)


def some(batches: Iterable[Any]) -> Iterable[Any]:
    """Yield the batches; raise InputError if there are none, or one holds no tensor."""
    count = -1
    for count, batch in enumerate(batches):
        if not tensors_in(batch):
            raise InputError(
                f"calibration: expected batches that are tensors or (images, labels), found "
                f"{type(batch).__name__} in batch {count}."
            )
        yield batch
    if count < 0:
        raise InputError("calibration: expected at least one batch, found none.")


@contextlib.contextmanager
def named(batch: Any) -> Iterator[None]:
    """Let errors while a batch is used name the batch."""
    try:
        yield
    except SegpruneError:
        raise
    except Exception as error:
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in tensors_in(batch))
        raise InputError(
            f"calibration: expected batches that the network takes, found {shapes}: "
            f"{type(error).__name__}: {error}{_doubt_about_labels(batch)}"
        ) from error


def _doubt_about_labels(batch: Any) -> str:
    """Return a hint if masks of another kind were taken for a second input of the network."""
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        return ""
    images, other = batch
    alike = isinstance(images, Tensor) and isinstance(other, Tensor) and images.dim() == 4
    if not alike or _are_labels(other) or other.shape[-2:] != images.shape[-2:]:
        return ""
    return (
        f"; labels are class indices (N, H, W) of an integer type, found {tuple(other.shape)} "
        f"{str(other.dtype).removeprefix('torch.')}: masks of several channels (multilabel) are "
        "not supported"
    )


class _Meter(Interpreter):
    """Record the mean |input| and |output| per channel of every convolution and linear layer."""

    def __init__(self, names: dict[int, str]) -> None:
        super().__init__(understood)
        self._names = names
        self.read: dict[tuple[str, int], list[Tensor]] = {}
        self.made: dict[tuple[str, int], list[Tensor]] = {}

    def step(self, op: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        result = op(*args, **kwargs)
        arguments = bind(op, args, kwargs)
        weight, source = arguments.get("weight"), arguments.get("input")
        name = operator_name(op).removeprefix("aten.")
        if isinstance(weight, Tensor) and id(weight) in self._names and isinstance(source, Tensor):
            key = self._names[id(weight)]
            transposed = name.startswith("conv_transpose")
            if name.startswith("conv"):
                channels = source.dim() - weight.dim() + 1
                self._note(self.read, (key, 0 if transposed else 1), source, channels, weight)
                self._note(self.made, (key, 1 if transposed else 0), result, channels, weight)
            elif name == "linear":
                self._note(self.read, (key, 1), source, source.dim() - 1, weight)
                self._note(self.made, (key, 0), result, result.dim() - 1, weight)
        return result

    def _note(
        self,
        table: dict[tuple[str, int], list[Tensor]],
        key: tuple[str, int],
        tensor: Tensor,
        dim: int,
        weight: Tensor,
    ) -> None:
        if tensor.shape[dim] != weight.shape[key[1]]:
            return  # grouped: this dimension of the weight does not list all channels
        rest = [other for other in range(tensor.dim()) if other != dim]
        mean = tensor.abs().float().mean(rest) if rest else tensor.abs().float()
        table.setdefault(key, []).append(mean)


def mean_activations(
    model: nn.Module, names: dict[int, str], batches: Iterable[Any]
) -> dict[tuple[str, int], Tensor]:
    """Return mean |activations| along the columns that read them, and the rows that made them.

    Rows are reported only where no layer reads by columns (depthwise convolutions).
    """
    model.eval()
    meter = _Meter(names)
    with preserve_global_state(model=model), torch.inference_mode(), meter:
        for batch in some(batches):
            with named(batch):
                run_method(model, "forward", images_of(moved(batch, model)))
    means = {key: torch.stack(values).mean(0) for key, values in meter.read.items()}
    made = {key: values for key, values in meter.made.items() if (key[0], 1) not in means}
    return {key: torch.stack(values).mean(0) for key, values in made.items()} | means
