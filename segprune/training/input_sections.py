"""The base of all sections of recipes, and the sections on what a run begins with.

They say which network is trained, on which images, in which views. What a recipe leaves out has the
default of this module.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from segprune.data.augmentation import Augmentation
from segprune.data.label_map import read_label_map
from segprune.data.normalisation import Given
from segprune.errors import InputError

__all__ = ["AugmentationSection", "DataSection", "NetworkSection", "Section"]


Side = Annotated[int, Field(ge=1, le=32_768)]
"""Of an image, in pixels."""

Scale = Annotated[float, Field(ge=0.01, le=100)]
"""Of an image: between them lies all that a network could still read."""


class Section(BaseModel):
    """Base of all parts of recipes: immutable, and without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _no_booleans_for_numbers(cls, content: Any) -> Any:
        """`epochs = true` would be one epoch."""
        for name, value in content.items() if isinstance(content, dict) else ():
            field = cls.model_fields.get(name)
            kind = "" if field is None else str(field.annotation)
            if field is None or "bool" in kind or "Section" in kind:  # which look for themselves
                continue
            for found in _booleans_in(value)[:1]:
                raise ValueError(f"{name}: expected no true or false, found {str(found).lower()}")
        return content


def _booleans_in(value: Any) -> list[bool]:
    if isinstance(value, bool):
        return [value]
    parts = value.values() if isinstance(value, dict) else value
    nested = isinstance(value, (dict, list, tuple))
    return [found for part in parts for found in _booleans_in(part)] if nested else []


class NetworkSection(Section):
    """The network, and the files that its weights come from.

    Attributes:
        model: the network: `bisenetv2`, `icnet`, or `package.module:factory`.
        options: options of a built-in network, such as `width = 0.5`. The number of classes is that
            of the data.
        init_from: the file that weights come from: an artefact of segprune, dense or pruned, or a
            state dict of the dense network. Left out, training starts from random weights.
        architecture_of: a pruned artefact. The network takes its shapes, with new random weights:
            the control "the same slim network from scratch".
        average_of: artefacts of one plan. Training starts from the mean of their weights, with
            BatchNorm statistics measured anew. Recoveries share a plan if they begin with one
            pruned artefact (a recovery of 0 epochs makes it), or if they prune with one seed and
            the same batches.
        poor_start: whether to recover a network that scores no better than guessing, or far below
            its record. Left out, such a recovery stops before it prunes.
    """

    model: str
    options: dict[str, bool | int | float | str] = Field(default_factory=dict)
    init_from: Path | None = None
    architecture_of: Path | None = None
    average_of: Annotated[tuple[Path, ...], Field(min_length=2)] | None = None
    poor_start: bool | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> NetworkSection:
        found = [
            name
            for name in ("init_from", "architecture_of", "average_of")
            if getattr(self, name) is not None
        ]
        if len(found) > 1:
            raise ValueError(
                "expected one of init_from (weights), architecture_of (shapes alone) and "
                f"average_of (the mean of weights), found {' and '.join(found)}"
            )
        return self

    @property
    def weights(self) -> tuple[Path, ...]:
        """Files that weights come from; none where training starts from random ones."""
        return self.average_of or ((self.init_from,) if self.init_from is not None else ())


class DataSection(Section):
    """The images.

    Attributes:
        name: the data set: `streets`, `camvid`, `cityscapes` or `folder`.
        root: the folder of the images; `streets` needs none.
        train: the split that weights are trained on.
        val: the split that scores are measured on.
        size: (H, W) of the network's input in evaluation. Left out, images keep their size.
        count: the number of training images to use. Left out, all are used.
        val_count: the number of validation images to use. Left out, all are used.
        mean: the mean of R, G and B that is subtracted from pixels, after they are scaled to
            `range`. Left out, it comes from the artefact in `init_from`, else from the library of
            the network, else it is ImageNet's.
        std: the deviation of R, G and B that pixels are divided by. Left out, it comes from where
            `mean` comes from.
        range: (low, high) that the pixel values 0 and 255 are scaled to; `mean` and `std` must be
            given with it. Left out, it comes from where `mean` comes from; [0, 1] is usual.
        label_map: the meaning of single values in label files: a class index, or "void". It
            replaces the map in `classes.toml`.
        sequences: a rule for which validation images belong to one sequence: a regular expression
            that finds the sequence in an image's name, or a file (*.csv) with lines
            `image,sequence`. Gates need it to judge other images. Left out, the data set decides;
            an image without a sequence counts by itself. The artefact keeps an expression; the
            gates' marker must name a file again.
        workers: the number of processes that read and augment images. With 0, the training process
            does it, on its device.
    """

    name: str
    root: Path | None = None
    train: str = "train"
    val: str = "val"
    size: tuple[Side, Side] | None = None
    count: int | None = Field(None, ge=1)
    val_count: int | None = Field(None, ge=1)
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None
    range: tuple[float, float] | None = None
    label_map: dict[str, int | Literal["void"]] | None = None
    sequences: Annotated[str, Field(min_length=1)] | None = None
    workers: int = Field(0, ge=0, le=1024)

    @model_validator(mode="after")
    def _meaningful(self) -> DataSection:
        try:
            _ = self.given
            if self.label_map is not None:
                read_label_map(self.label_map, "label_map")
        except InputError as error:
            raise ValueError(str(error)) from error
        return self

    @property
    def given(self) -> Given:
        """Its values for the normalisation."""
        return Given(self.mean, self.std, self.range)


class AugmentationSection(Section):
    """The fields of `segprune.data.augmentation.Augmentation`, which explains each number."""

    crop: tuple[Side, Side] | None = None
    scale: tuple[Scale, Scale] = Augmentation.scale
    flip: float = Field(Augmentation.flip, ge=0, le=1)
    brightness: float = Field(Augmentation.brightness, ge=0, lt=1)
    contrast: float = Field(Augmentation.contrast, ge=0, lt=1)
    saturation: float = Field(Augmentation.saturation, ge=0, lt=1)
    rare: float = Field(Augmentation.rare, ge=0, le=1)

    @model_validator(mode="after")
    def _possible(self) -> AugmentationSection:
        try:
            self.build()
        except InputError as error:
            raise ValueError(str(error).removeprefix("augmentation.")) from error
        return self

    def build(self) -> Augmentation:
        """The augmentation itself."""
        return Augmentation(**self.model_dump())
