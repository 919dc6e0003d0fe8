"""Look at a network at work on calibration images: activations and gradients."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload

from segprune.core.execution import run_method, tensors_in, undisturbed
from segprune.core.modules import tensors_of
from segprune.core.rules.operators import understood
from segprune.core.tracing.dispatch import Interpreter, bind, operator_name
from segprune.errors import InputError, SegpruneError

__all__ = [
    "images_of", "labels_of", "logits_of", "mean_activations", "primary", "taylor_products",
    "two_classes",
]  # fmt: skip

VOID = 255


def images_of(batch: Any) -> Any:
    """The network's input in a batch: the batch itself, or the first of (images, labels)."""
    if isinstance(batch, (tuple, list)) and len(batch) == 2 and _are_labels(batch[1]):
        return batch[0]
    return batch


def labels_of(batch: Any) -> Tensor | None:
    """Class indices `(N, H, W)` of a batch, if it has any."""
    if isinstance(batch, (tuple, list)) and len(batch) == 2 and _are_labels(batch[1]):
        return torch.as_tensor(batch[1]).long()
    return None


def _are_labels(item: Any) -> bool:
    return isinstance(item, Tensor) and not item.is_floating_point() and item.dim() == 3


def primary(output: Any) -> Tensor:
    """The logits among a network's outputs: `output["out"]`, else the first tensor.

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


def _to(item: Any, device: torch.device, dtype: torch.dtype) -> Any:
    if isinstance(item, Tensor):
        return item.to(device, dtype if item.is_floating_point() else None)
    if isinstance(item, dict):
        return {key: _to(part, device, dtype) for key, part in item.items()}
    if isinstance(item, (tuple, list)):
        return type(item)(_to(part, device, dtype) for part in item)
    return item


def _home(model: nn.Module) -> tuple[torch.device, torch.dtype]:
    first = next((p for p in model.parameters() if p.is_floating_point()), torch.empty(0))
    return first.device, first.dtype


def _some(batches: Iterable[Any]) -> Iterable[Any]:
    count = 0
    for batch in batches:
        if not tensors_in(batch):
            raise InputError(
                f"calibration: expected batches that are tensors or (images, labels), found "
                f"{type(batch).__name__} in batch {count}."
            )
        count += 1
        yield batch
    if count == 0:
        raise InputError("calibration: expected at least one batch, found none.")


@contextlib.contextmanager
def _named(batch: Any) -> Iterator[None]:
    """An error while a batch is used names the batch."""
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


def taylor_products(
    model: nn.Module,
    weights: Iterable[str],
    batches: Iterable[Any],
    loss: Callable[[Any, Any], Tensor] | None,
    of_batch: Callable[[str, Tensor], Tensor],
) -> dict[str, Tensor]:
    """Sum over batches what a function makes of each batch's w · ∂L/∂w.

    Args:
        model: a private copy; it is put into evaluation mode.
        weights: names of the weights w.
        of_batch: takes a weight's name and its w · ∂L/∂w (the weight's shape), returns a summand.
    """
    model.eval()
    device, dtype = _home(model)
    tensors = tensors_of(model)
    chosen = {name: tensors[name].requires_grad_() for name in weights}
    result: dict[str, Tensor] = {}
    with undisturbed(model=model), torch.enable_grad():
        for batch in _some(batches):
            batch = _to(batch, device, dtype)
            with _named(batch):
                output = run_method(model, "forward", images_of(batch))
                value = None if loss else _cross_entropy(logits_of(output), batch)
            if loss is not None:
                value = loss(output, batch)
            if not isinstance(value, Tensor) or value.numel() != 1 or not value.requires_grad:
                raise InputError(
                    "loss: expected (output, batch) -> one number with a gradient, found "
                    f"{type(value).__name__}; return e.g. cross_entropy(output, batch[1])."
                )
            gradients = torch.autograd.grad(value, list(chosen.values()), allow_unused=True)
            for (name, weight), gradient in zip(chosen.items(), gradients, strict=True):
                if gradient is not None:
                    product = of_batch(name, weight.detach() * gradient)
                    result[name] = result[name] + product if name in result else product
    return result


def _cross_entropy(logits: Tensor, batch: Any) -> Tensor:
    labels = labels_of(batch)
    if labels is None:
        labels = logits.detach().argmax(1)
    elif logits.shape[-2:] != labels.shape[-2:]:
        logits = nn.functional.interpolate(logits, labels.shape[-2:], mode="bilinear")
    return nn.functional.cross_entropy(logits.float(), labels, ignore_index=VOID)


class _Meter(Interpreter):
    """Mean |input| per channel of every convolution and linear layer, and of their outputs."""

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
    """Mean |activation| along the columns of the layers that read it, and the rows that made it.

    Rows are reported only where no layer reads by columns (depthwise convolutions).
    """
    model.eval()
    device, dtype = _home(model)
    meter = _Meter(names)
    with undisturbed(model=model), torch.inference_mode(), meter:
        for batch in _some(batches):
            with _named(batch):
                run_method(model, "forward", images_of(_to(batch, device, dtype)))
    means = {key: torch.stack(values).mean(0) for key, values in meter.read.items()}
    for key, values in meter.made.items():
        if (key[0], 1) not in means:
            means.setdefault(key, torch.stack(values).mean(0))
    return means
