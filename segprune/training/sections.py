"""The sections of recipes: which network on which images, and what is done to it.

What a recipe leaves out has the value given here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from segprune.core.planning.config import PruneConfig, check
from segprune.data.augmentation import Augmentation
from segprune.data.label_map import read_label_map
from segprune.data.normalisation import Given
from segprune.errors import InputError, SegpruneError

__all__ = [
    "AugmentationSection",
    "DataSection",
    "DistillationSection",
    "NetworkSection",
    "PromiseSection",
    "PruningSection",
    "RecalibrationSection",
    "Section",
    "TrainingSection",
]


Side = Annotated[int, Field(ge=1, le=32_768)]
"""Of an image, in pixels."""

Scale = Annotated[float, Field(ge=0.01, le=100)]
"""Of an image: between them lies all that a network could still read."""


class Section(BaseModel):
    """Base of all parts of recipes: immutable, and without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _no_truth_for_numbers(cls, content: Any) -> Any:
        """`epochs = true` would be one epoch."""
        for name, value in content.items() if isinstance(content, dict) else ():
            field = cls.model_fields.get(name)
            kind = "" if field is None else str(field.annotation)
            if field is None or "bool" in kind or "Section" in kind:  # which look for themselves
                continue
            for found in _truths_in(value)[:1]:
                raise ValueError(f"{name}: expected no true or false, found {str(found).lower()}")
        return content


def _truths_in(value: Any) -> list[bool]:
    if isinstance(value, bool):
        return [value]
    parts = value.values() if isinstance(value, dict) else value
    nested = isinstance(value, (dict, list, tuple))
    return [found for part in parts for found in _truths_in(part)] if nested else []


class NetworkSection(Section):
    """Which network, and where its weights come from.

    Attributes:
        model: `bisenetv2`, `icnet`, or `package.module:factory`.
        options: of a built-in network, such as `width = 0.5`; classes are those of the data.
        init_from: an artefact of segprune, dense or pruned, or a state dict of the dense network;
            without it, training starts from random weights.
        architecture_of: a pruned artefact whose shapes are taken, with new random weights: the
            control "the same slim network from scratch".
        average_of: artefacts of one plan; training starts from the mean of their weights
            (`segprune.training.averaging.mean_of`), with BatchNorms measured anew as section
            `recalibration` says. Recoveries share a plan if they begin with one pruned artefact (a
            recovery of 0 epochs makes it), or prune with one seed and the same batches.
        poor_start: recover a network although it scores no better than guessing, or far below its
            record. Left out, such a recovery stops before it prunes.
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
    """Which images.

    Attributes:
        name: `streets`, `camvid`, `cityscapes` or `folder`.
        root: the folder of the images; `streets` needs none.
        train, val: splits for training and for evaluation.
        size: (H, W) of the network's input in evaluation; None: as the images are stored.
        count, val_count: only so many images; None: all.
        mean, std: that pixels are normalised with, of R, G and B, after they were scaled to
            `range`; left out: those of the artefact that is begun with, of the network where its
            library says, or ImageNet's.
        range: (low, high) that the pixel values 0 and 255 are scaled to; left out: [0, 1].
        label_map: what single values in label files mean: class indices, or "void"; in place of
            that of `classes.toml`.
        sequences: which validation images are one sequence, for what gates say of other images: a
            regular expression that finds the sequence in an image's name, or a file (*.csv) with
            lines `image,sequence`. None: as the data set says; what it says nothing of counts by
            itself. A pattern goes along with the artefact; a file has to be named in the gates'
            marker, too.
        workers: processes that read and augment; 0 does it in the training process, on its device.
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
    """As `segprune.data.augmentation.Augmentation`, which says what each number means."""

    crop: tuple[Side, Side] | None = None
    scale: tuple[Scale, Scale] = (0.5, 2.0)
    flip: float = Field(0.5, ge=0, le=1)
    brightness: float = Field(0.4, ge=0, lt=1)
    contrast: float = Field(0.4, ge=0, lt=1)
    saturation: float = Field(0.4, ge=0, lt=1)
    rare: float = Field(0.0, ge=0, le=1)

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


class TrainingSection(Section):
    """How weights are changed.

    Attributes:
        epochs: passes over the training images; 0 only prunes and recalibrates.
        batch_size: images per step on each device.
        optimizer: `sgd` or `adamw`.
        learning_rate: the highest, after the warm-up.
        momentum: of `sgd`; `adamw` does not read it.
        weight_decay: of weights; biases and normalisations do not decay.
        schedule: `poly` (power 0.9) or `cosine`, down to zero at the last step.
        warmup_epochs: linear from a tenth of the rate; may be a fraction. Left out, or where it
            would take the whole training: one epoch, and a tenth of the steps at most.
        loss: `cross_entropy`, or `ohem` (pixels whose true class has less than `ohem_threshold`,
            and at least a sixteenth of all).
        ohem_threshold: the probability of the true class below which `ohem` counts a pixel.
        label_smoothing: share of the target that is spread over all classes.
        auxiliary_weight: of each auxiliary head's loss; at 0 the heads are not run.
        class_weights: `none`, `median` (median frequency) or `log` (1 / ln(1.02 + share)).
        ema_decay: of the averaged weights, which are the result; 0 takes the last weights. Left
            out, they reach back over a tenth of the steps, and a thousand at most.
        gradient_clip: largest norm of the gradient; 0 leaves it alone.
        precision: as Lightning's Trainer: `32-true`, `bf16-mixed`, `16-mixed`.
        channels_last: memory format while training, unless the network has convolutions whose
            gradient cannot be trusted then (`segprune.training.layout`). The artefact has the
            usual one.
        accelerator, devices, nodes, strategy: as Lightning's Trainer.
        evaluate_every: epochs between evaluations for the log; 0: only at the end.
        checkpoint_every: epochs between the states that a killed run goes on from; more than one
            where writing them takes longer than an epoch, as on a GPU.
    """

    epochs: int = Field(ge=0, le=1_000_000)
    batch_size: int = Field(8, ge=1, le=65_536)
    optimizer: Literal["sgd", "adamw"] = "sgd"
    learning_rate: float = Field(0.05, gt=0, le=1e30)  # what single precision can hold
    momentum: float = Field(0.9, ge=0, lt=1)
    weight_decay: float = Field(5e-4, ge=0, le=1000)
    schedule: Literal["poly", "cosine"] = "poly"
    warmup_epochs: float | None = Field(None, ge=0, le=1_000_000)
    loss: Literal["cross_entropy", "ohem"] = "cross_entropy"
    ohem_threshold: float = Field(0.7, gt=0, lt=1)
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    auxiliary_weight: float = Field(0.4, ge=0, le=1e6)
    class_weights: Literal["none", "median", "log"] = "none"
    ema_decay: float | None = Field(None, ge=0, lt=1)
    gradient_clip: float = Field(0.0, ge=0, le=1e9)
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    channels_last: bool = False
    accelerator: str = "auto"
    devices: int = Field(1, ge=1, le=1024)
    nodes: int = Field(1, ge=1, le=65_536)
    strategy: str = "auto"
    evaluate_every: int = Field(0, ge=0)
    checkpoint_every: int = Field(1, ge=1)

    @property
    def processes(self) -> int:
        """On all machines, one a device."""
        return self.devices * self.nodes

    def warmup_over(self, steps_per_epoch: int) -> int:
        """Return the steps of the warm-up; a warm-up as long as the training is shortened."""
        total = self.epochs * steps_per_epoch
        if self.warmup_epochs is not None:
            given = round(self.warmup_epochs * steps_per_epoch)
            if given < total:
                return given
        return min(steps_per_epoch, total // 10)

    def decay_over(self, steps: int) -> float:
        """Of the averaged weights in a training of so many steps."""
        return min(0.999, 1 - 10 / max(steps, 10)) if self.ema_decay is None else self.ema_decay


def _as_asked(value: Any, field: ValidationInfo) -> Any:
    """Check a field of section `pruning` as `PruneConfig` does; `layers = {}` means none."""
    name = str(field.field_name)
    try:
        check(name, None if name == "layers" and not value else value)
    except SegpruneError as error:
        raise ValueError(str(error)) from error
    return value


class PruningSection(Section):
    """What goes: the fields of `PruneConfig`, which checks them, and how many images are looked at.

    Attributes:
        budget: such as `{ macs = 0.5 }`, relative to the network that is pruned.
        layers: globs over layers, and the share of their channels to keep, in place of a budget.
        importance: what decides which channels go; `segprune.importances()` lists the names.
        scope: `global` ranks all channels together; `local` keeps the same share of every layer.
        round_to: widths become multiples of this.
        ignored_layers: globs over layers whose output channels all stay; `ignore` in recipes of
            earlier versions.
        floor: least share of its channels that a layer keeps.
        min_channels: least number of channels that a layer keeps.
        normalize: divide scores by their mean within each layer.
        cost_aware: rank channels by score ÷ what removing them saves, in the budget's unit.
        batches: of augmented training images that importances look at, `batch_size` each. Left
            out, they look at every training image once, as the network is evaluated, or at
            16 batches of them where there are more.
    """

    budget: dict[str, float] | None = None
    layers: dict[str, float] = Field(default_factory=dict)
    importance: str = "magnitude"
    scope: str = PruneConfig.scope
    round_to: int = PruneConfig.round_to
    ignored_layers: tuple[str, ...] = Field(
        (), validation_alias=AliasChoices("ignored_layers", "ignore")
    )
    floor: float = PruneConfig.floor
    min_channels: int = PruneConfig.min_channels
    batches: int | None = Field(None, ge=1)
    normalize: bool = PruneConfig.normalize
    cost_aware: bool = PruneConfig.cost_aware

    # What TOML cannot write as Python does, such as 8.0 for 8, is put right before the check.
    _numbers = field_validator("budget", "layers", "scope", "round_to", "floor", "min_channels")(
        _as_asked
    )
    _others = field_validator("ignored_layers", "normalize", "cost_aware", mode="before")(_as_asked)

    @model_validator(mode="after")
    def _one_goal(self) -> PruningSection:
        if (self.budget is None) == (not self.layers):
            raise ValueError("expected either a budget or layers, found both or neither")
        return self

    def build(self, seed: int) -> PruneConfig:
        """Return what is asked of the plan itself."""
        asked = self.model_dump(exclude={"batches"})
        return PruneConfig(**{**asked, "layers": self.layers or None}, seed=seed)


class RecalibrationSection(Section):
    """BatchNorm statistics measured anew: after pruning, and of the averaged weights at the end.

    Attributes:
        batches: of augmented training images; 0 leaves the statistics alone. Left out: every
            training image once, as the network is evaluated, or 64 batches of them where there
            are more.
        at_the_end: whether the averaged weights get new statistics too. Left out, those of a
            recovery do, and those of a training do not.
    """

    batches: int | None = Field(None, ge=0)
    at_the_end: bool | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether statistics are measured anew at all."""
        return self.batches != 0


class DistillationSection(Section):
    """What the dense network teaches (weights 0 switch a term off).

    Left out, the weights are those that Shu et al. published. The recipes of this project's
    own networks say `kl = 4` and `channel_wise = 0`.

    Attributes:
        teacher: a dense artefact; None means the network that is pruned.
        channel_wise: weight of channel-wise distillation on logits (Shu et al., ICCV 2021).
        temperature: of channel-wise distillation.
        kl: weight of the divergence of class probabilities at each pixel (Hinton et al., 2015).
        kl_temperature: of that divergence.
    """

    teacher: Path | None = None
    channel_wise: float = Field(3.0, ge=0, le=1e6)
    temperature: float = Field(4.0, ge=1e-3, le=1e6)
    kl: float = Field(0.0, ge=0, le=1e6)
    kl_temperature: float = Field(1.0, ge=1e-3, le=1e6)


class PromiseSection(Section):
    """Limits on what the result may lose, compared with the network that the run began with.

    A run that breaks its promise ends with exit status 1, and its record says why.

    Attributes:
        miou_loss, class_loss: the largest losses, in points of mIoU and of any one class's IoU.
        miou_ratio: the least share of the mIoU at the beginning that has to remain.
    """

    miou_loss: float = Field(ge=-100, le=100)
    class_loss: float = Field(100.0, ge=-100, le=100)
    miou_ratio: float = Field(0.0, ge=0, le=1)
