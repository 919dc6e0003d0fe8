"""The mean, deviation and range that pixels are normalised with, and their source.

The first source that has values is used: the user, the artefact, the network's own library.
Without any, ImageNet's values are assumed, and the output says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from segprune.errors import InputError
from segprune.records.preprocessing import UNIT, Pair, Preprocessing, Triple

if TYPE_CHECKING:
    from torch import nn

__all__ = ["NOTHING", "Given", "Normalisation", "choose", "of_network"]

ASSUMED = "ImageNet's, assumed: the network does not say"


@dataclass(frozen=True)
class Given:
    """Values from the user: in a recipe, on the command line or in a marker; None: not given.

    Attributes:
        mean, std: mean and deviation of R, G and B, for pixels scaled to `range`.
        range: (low, high) that the pixel values 0 and 255 are scaled to.

    Raises:
        InputError: a number is not finite, a deviation is not above 0 or of another range, a mean
            is outside the range, or a range comes without the mean and the deviation that were
            measured in it.
    """

    mean: Triple | None = None
    std: Triple | None = None
    range: Pair | None = None

    def __post_init__(self) -> None:
        for name, count in (("mean", 3), ("std", 3), ("range", 2)):
            value = getattr(self, name)
            if value is not None and not _are_numbers(value, count):
                raise InputError(
                    f"{name}: expected {count} finite numbers, found {value!r}; such as "
                    f"{'[0.485, 0.456, 0.406]' if count == 3 else '[0, 255]'}."
                )
        if self.std is not None and min(self.std) <= 0:
            raise InputError(f"std: expected numbers above 0, found {list(self.std)}.")
        if self.range is not None and self.range[0] >= self.range[1]:
            raise InputError(
                f"range: expected the lower number first, found {list(self.range)}; [0, 1] and "
                "[0, 255] are usual."
            )
        if self.range is not None and (self.mean is None or self.std is None):
            raise InputError(
                "range: expected mean and std beside it, for they are those of scaled pixels, "
                f"found {'one of them' if self.mean or self.std else 'neither'}; give all three."
            )
        low, high = self.range or UNIT
        if self.mean is not None and not all(low <= value <= high for value in self.mean):
            raise InputError(
                f"mean: expected numbers within the range that pixels are scaled to, {low:g} to "
                f"{high:g}, found {', '.join(f'{value:g}' for value in self.mean)}; numbers up to "
                "255 are of pixels that are not scaled: give range = [0, 255] too."
            )
        # 1 / 256: deviations of 1 in 0 to 255, as in networks of Caffe, are the smallest in use.
        if self.std is not None and not all(
            (high - low) / 256 <= value <= high - low for value in self.std
        ):
            raise InputError(
                f"std: expected deviations of pixels that are scaled to {low:g} to {high:g}, found "
                f"{', '.join(f'{value:g}' for value in self.std)}, which are of another range; "
                "give mean, std and range as they were measured together."
            )

    def __bool__(self) -> bool:
        return self.mean is not None or self.std is not None


NOTHING = Given()
"""No values from the user."""


@dataclass(frozen=True)
class Normalisation:
    """Mean, deviation and range, and their source.

    Attributes:
        preprocessing: the values, with the image size of their source, if it has one.
        source: where the values are from, such as "given" or "of the artefact".
        note: a remark to print beside the values; may be empty.
    """

    preprocessing: Preprocessing
    source: str
    note: str = ""

    @property
    def is_assumed(self) -> bool:
        """Whether no source has values, so that ImageNet's are assumed."""
        return self.source == ASSUMED

    @property
    def sentence(self) -> str:
        """A line to print at the beginning of a run."""
        mean, std = (
            ", ".join(f"{value:.6g}" for value in values)
            for values in (self.preprocessing.mean, self.preprocessing.std)
        )
        low, high = self.preprocessing.range
        end = f"; {self.note}" if self.note else ""
        return (
            f"normalisation: mean {mean}, std {std}, of pixels scaled to {low:g}–{high:g} "
            f"({self.source}){end}"
        )


def choose(
    given: Given, *, artifact: Preprocessing | None = None, network: nn.Module | None = None
) -> Normalisation:
    """Choose the normalisation of a network's images.

    Args:
        given: the user's values, which come first; missing ones are taken from the next source.
        artifact: the preprocessing in the network's file.
        network: the network, whose library may know the normalisation.

    Raises:
        InputError: only one of mean and deviation is given, and the other source's are of pixels
            that are scaled to another range than 0 to 1.
    """
    found = None if artifact is None else Normalisation(artifact, "of the artefact")
    if found is None and network is not None:
        found = of_network(network)
    if found is None:
        found = Normalisation(Preprocessing(), ASSUMED)
    if not given:
        return found
    own = found.preprocessing
    # Mean and deviation were measured in one range: the usual one, unless a range is given.
    whole = given.mean is not None and given.std is not None
    if not whole and own.range != UNIT:
        name, other = ("mean", "std") if given.std is None else ("std", "mean")
        raise InputError(
            f"{name}: expected {other} and range beside it, for those {found.source} are of pixels "
            f"scaled to {own.range[0]:g} to {own.range[1]:g}, found it alone; give all three."
        )
    chosen = replace(
        own,
        mean=given.mean or own.mean,
        std=given.std or own.std,
        range=given.range or (UNIT if whole else own.range),
    )
    note = ""
    if not found.is_assumed and chosen != own:
        kept = replace(found, note="").sentence.removeprefix("normalisation: ")
        note = f"in place of {kept}"
    return Normalisation(chosen, "given" if whole else _partly(given, found.source), note)


def _partly(given: Given, source: str) -> str:
    """Say which of mean and deviation were given, and where the others come from."""
    typed = [name for name in ("mean", "std", "range") if getattr(given, name) is not None]
    others = [name for name in ("mean", "std") if name not in typed]
    return f"{' and '.join(typed)} given, {' and '.join(others)} {source}"


def of_network(network: nn.Module) -> Normalisation | None:
    """Return the normalisation that a network's (or its trunk's) library gives; None if unknown.

    timm keeps it in `pretrained_cfg`, segmentation-models-pytorch by the encoder's name, and all of
    torchvision's weights use ImageNet's mean and deviation.
    """
    for name, module in network.named_modules():
        for attribute in ("pretrained_cfg", "default_cfg"):
            found = _of_timm(getattr(module, attribute, None))
            if found is not None:
                return Normalisation(found, f"timm's {attribute} of {name or 'the network'}")
    for module in network.modules():
        config = getattr(module, "config", None)
        if isinstance(config, Mapping) and _is_of(module, _SMP) and "encoder_name" in config:
            name = str(config["encoder_name"])
            return Normalisation(
                _of_smp(name, config.get("encoder_weights")), f"{_SMP}'s, of {name}"
            )
    if any(_is_of(module, "torchvision.models") for module in network.modules()):
        return Normalisation(Preprocessing(), "torchvision's, of all its weights")
    return None


_SMP = "segmentation_models_pytorch"
_HALF = Preprocessing((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
_DPN = Preprocessing(
    (124 / 255, 117 / 255, 104 / 255),
    (1 / (0.0167 * 255), 1 / (0.0167 * 255), 1 / (0.0167 * 255)),
)
_OF_ENCODERS = {"inception": _HALF, "xception": _HALF, "dpn": _DPN}
"""Preprocessing of that library that is not ImageNet's, by the start of an encoder's name."""


def _of_smp(encoder: str, weights: Any) -> Preprocessing:
    """Return an encoder's preprocessing from our table: the library would use the internet."""
    if weights == "advprop":
        return _HALF
    found = (own for name, own in _OF_ENCODERS.items() if encoder.startswith(name))
    return next(found, Preprocessing())


def _is_of(module: nn.Module, package: str) -> bool:
    return any(kind.__module__.startswith(f"{package}.") for kind in type(module).__mro__)


def _of_timm(config: Any) -> Preprocessing | None:
    """Read the preprocessing from timm's configuration: a dict, or an object with attributes."""
    mean, std = (
        config.get(name, ()) if isinstance(config, Mapping) else getattr(config, name, ())
        for name in ("mean", "std")
    )
    if not _are_numbers(mean, 3) or not _are_numbers(std, 3) or min(std) <= 0:
        return None
    return Preprocessing(tuple(map(float, mean)), tuple(map(float, std)))  # type: ignore[arg-type]


def _are_numbers(value: Any, count: int) -> bool:
    return (
        isinstance(value, (list, tuple))
        and len(value) == count
        and all(type(item) in (int, float) and math.isfinite(item) for item in value)
    )
