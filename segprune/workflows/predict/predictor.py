"""A network as an artefact holds it, ready for images of any size: pixels in, classes out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.transforms.v2 import functional

from segprune.core.planning.calibration import primary, two_classes
from segprune.core.planning.cost import cost
from segprune.data.normalisation import NOTHING, Given, Normalisation, choose
from segprune.errors import InputError
from segprune.evaluation.evaluate import best_classes
from segprune.evaluation.probabilities import require_logits
from segprune.models.weights import file_digest
from segprune.records.preprocessing import Preprocessing
from segprune.workflows.network_file import read_network

__all__ = ["Predictor", "class_indices", "load_predictor"]


@dataclass(frozen=True)
class Predictor:
    """A network that knows how it wants its images.

    Attributes:
        name: of its file, without the suffix.
        preprocessing: of its images, `size` included; None there means each image's own.
        told: whether the file, the network or the user gives it; otherwise ImageNet's mean and
            deviation are assumed.
        normalisation: the source of the normalisation.
        classes: their names, where the file tells them.
        data: name of the data set it was trained on, where the file tells it.
        input: `(1, 3, H, W)` that it was made for, or None.
        digest: SHA-256 of the file.
    """

    name: str
    network: nn.Module
    preprocessing: Preprocessing
    told: bool
    normalisation: Normalisation
    classes: tuple[str, ...] | None
    data: str | None
    input: tuple[int, ...] | None
    digest: str

    def __call__(self, image: Tensor) -> Tensor:
        """Classes int64 `(H, W)` of an image uint8 `(3, H, W)`, at the image's own size.

        Raises:
            InputError: the network cannot be run on it, or its logits are no numbers.
        """
        return best_classes(self._logits(image), image.shape[-2:])[0].cpu()

    def count_classes(self, image: Tensor) -> int:
        """How many classes it tells apart; errors as for calling it."""
        return int(self._logits(image).shape[1])

    def sizes(self, image: Tensor) -> tuple[int, int]:
        """Parameters and MACs of inference, on images of this one's size."""
        height, width = self.preprocessing.size or image.shape[-2:]
        counted = cost(self.network, torch.zeros(1, 3, height, width))
        return counted.params, counted.macs

    def _logits(self, image: Tensor) -> Tensor:
        try:
            return _logits(self.network, image, self.preprocessing)
        except (RuntimeError, InputError) as error:
            first = (str(error).splitlines() or [""])[0]
            height, width = self.preprocessing.size or image.shape[-2:]
            raise InputError(
                f"{self.name}: expected a network that segments images of {width}x{height}, found "
                f"{type(error).__name__}: {first}; see segprune inspect for what it was made for."
            ) from error


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


def load_predictor(
    path: Path,
    model: str | None = None,
    like: Predictor | None = None,
    given: Given = NOTHING,
) -> Predictor:
    """Read an artefact, or a state dict of the dense network.

    Args:
        model: `package.module:factory` of the dense network; needed unless it is a built-in one.
        like: of the same images and classes, which a state dict then has too. Without it, a state
            dict takes images as they are stored.
        given: the user's values for the normalisation.

    Raises:
        ArtifactError: the file is missing, damaged, foreign, or of another network.
        ModelError: no such factory.
    """
    network, header = read_network(path, model)
    if header is None:
        if like is None:
            found = choose(given, network=network)
            return Predictor(
                path.stem, network, found.preprocessing, not found.is_assumed, found, None, None,
                None, file_digest(path),
            )  # fmt: skip
        return replace(like, name=path.stem, network=network, digest=file_digest(path))
    facts = header.metadata
    input = header.input
    kept, size = None, None if input is None else (input[-2], input[-1])
    if "preprocessing" in facts:
        kept = Preprocessing.from_metadata(facts["preprocessing"])
        size = kept.size
    normalisation = choose(given, artifact=kept, network=network)
    names, data = facts.get("classes"), facts.get("data")
    return Predictor(
        name=path.stem,
        network=network,
        preprocessing=replace(normalisation.preprocessing, size=size),
        told=not normalisation.is_assumed,
        normalisation=normalisation,
        classes=tuple(map(str, names)) if isinstance(names, list) and names else None,
        data=data if isinstance(data, str) else None,
        input=input,
        digest=file_digest(path),
    )


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
