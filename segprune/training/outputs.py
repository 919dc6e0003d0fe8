"""Check a network's outputs before the time of a training is spent on it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from segprune.core.execution import preserve_global_state
from segprune.core.planning.calibration import primary, two_classes
from segprune.errors import InputError
from segprune.evaluation.evaluate import at_rest, require_two_classes
from segprune.evaluation.probabilities import require_logits

__all__ = ["require_outputs"]


def require_outputs(network: nn.Module, example: Tensor, classes: int, of: str) -> None:
    """Check the logits of a network, and those of its auxiliary heads where it has any.

    Args:
        example: images `(N, 3, H, W)`.
        classes: that the data has, K.
        of: how to name the network in an error.

    Raises:
        InputError: logits that are not `(N, K, h, w)` (of two classes, one channel will do),
            probabilities in their place, heads that do not come as a tuple of such
            tensors, or a network that fails on these images.
    """
    with preserve_global_state(), at_rest(network), torch.no_grad():
        try:
            output = primary(network(example))
            if output.dim() == 4 and output.shape[1] == 1:
                require_two_classes(classes, of)
            logits = two_classes(output)
            _require_logits(logits, len(example), classes, f"{of}: ")
            require_logits(output, network, example, of)
            with_heads: Any = getattr(network, "forward_with_aux", None)
            if with_heads is not None:
                _require_heads(with_heads(example), len(example), classes, of)
        except InputError:
            raise
        except Exception as error:  # a network of any kind, which may raise anything
            raise InputError(
                f"{of}: expected a network that runs on images {tuple(example.shape)}, found "
                f"{type(error).__name__}: {error}"
            ) from error


def _require_heads(outputs: Any, images: int, classes: int, of: str) -> None:
    name = f"{of}: forward_with_aux: "
    if not isinstance(outputs, (tuple, list)) or len(outputs) != 2:
        raise InputError(
            f"{name}expected (logits, tuple of auxiliary logits), found {_kind(outputs)}; "
            "return both, or drop the method."
        )
    _require_logits(outputs[0], images, classes, name)
    if not isinstance(outputs[1], (tuple, list)):
        raise InputError(
            f"{name}expected a tuple of auxiliary logits as second output, found "
            f"{_kind(outputs[1])}; put a single head into a tuple."
        )
    for index, head in enumerate(outputs[1]):
        _require_logits(head, images, classes, f"{name}auxiliary head {index}: ")


def _require_logits(logits: Any, images: int, classes: int, name: str) -> None:
    logits = two_classes(logits) if isinstance(logits, Tensor) else logits
    if not isinstance(logits, Tensor) or logits.dim() != 4 or len(logits) != images:
        raise InputError(
            f"{name}expected logits ({images}, {classes}, h, w), found {_kind(logits)}; a class "
            "for every pixel is what is trained here."
        )
    if logits.shape[1] != classes:
        raise InputError(
            f"{name}expected logits of the {classes} classes of the data, found "
            f"{logits.shape[1]}; build the network for {classes} classes."
        )


def _kind(thing: Any) -> str:
    return str(tuple(thing.shape)) if isinstance(thing, Tensor) else type(thing).__name__
