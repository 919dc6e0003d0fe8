"""Predict the classes of an image of any size: pixels in, class indices out."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchvision.transforms.v2 import functional

from segprune.core.planning.calibration import primary, two_classes
from segprune.core.planning.cost import cost
from segprune.errors import InputError
from segprune.evaluation.evaluate import best_classes
from segprune.evaluation.probabilities import require_logits
from segprune.records.preprocessing import Preprocessing
from segprune.workflows.open import OpenedNetwork

__all__ = ["class_indices", "count_classes", "inference_cost", "predict"]


def predict(opened: OpenedNetwork, image: Tensor) -> Tensor:
    """Classes int64 `(H, W)` of an image uint8 `(3, H, W)`, at the image's own size.

    Raises:
        InputError: the network cannot be run on it, or its logits are no numbers.
    """
    return best_classes(_own_logits(opened, image), image.shape[-2:])[0].cpu()


def count_classes(opened: OpenedNetwork, image: Tensor) -> int:
    """Count the classes of a network; errors as for `predict`."""
    return int(_own_logits(opened, image).shape[1])


def inference_cost(opened: OpenedNetwork, image: Tensor) -> tuple[int, int]:
    """Count parameters and MACs of inference, on images of this one's size."""
    height, width = opened.size or image.shape[-2:]
    counted = cost(opened.network, torch.zeros(1, 3, height, width))
    return counted.params, counted.macs


def class_indices(
    network: nn.Module,
    image: Tensor,
    preprocessing: Preprocessing,
    size: tuple[int, int] | None = None,
) -> Tensor:
    """Classes of one image, as evaluation finds them: resize, normalise, run, resize the logits.

    Args:
        network: in evaluation mode.
        image: uint8 `(3, H, W)`.
        preprocessing: its `size`, if any, is what the network is given.
        size: of the result; None means the image's.

    Returns:
        int64 `(H, W)`, on the CPU.

    Raises:
        InputError: the logits are not `(1, K, h, w)`, or NaN.
    """
    logits = _logits(network, image, preprocessing)
    return best_classes(logits, size or image.shape[-2:])[0].cpu()


def _own_logits(opened: OpenedNetwork, image: Tensor) -> Tensor:
    try:
        return _logits(opened.network, image, opened.preprocessing)
    except (RuntimeError, InputError) as error:
        first = (str(error).splitlines() or [""])[0]
        height, width = opened.size or image.shape[-2:]
        raise InputError(
            f"{opened.name}: expected a network that segments images of {width}x{height}, found "
            f"{type(error).__name__}: {first}; see segprune inspect for what it was made for."
        ) from error


def _logits(network: nn.Module, image: Tensor, preprocessing: Preprocessing) -> Tensor:
    image = image.as_subclass(Tensor)
    if preprocessing.size is not None and tuple(image.shape[-2:]) != preprocessing.size:
        image = functional.resize(image, list(preprocessing.size), antialias=True)
    weight = next(network.parameters(), torch.zeros(()))
    # Not inference_mode: what a network keeps of such a run could never be trained with again.
    with torch.no_grad():
        prepared = preprocessing(image[None].to(weight.device)).to(weight.dtype)
        output = primary(network(prepared))
        if output.ndim == 4 and output.shape[1] == 1:
            require_logits(output, network, prepared, "network")
        logits = two_classes(output)
        if logits.ndim != 4 or bool(torch.isnan(logits).any()):
            found = "NaN" if logits.ndim == 4 else f"a shape of {tuple(logits.shape)}"
            raise InputError(f"logits: expected numbers (1, K, h, w), found {found}.")
    return logits
