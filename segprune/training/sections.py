"""The sections of recipes on what a run does: prune, recalibrate, train, distil, and reach targets.

What a recipe leaves out has the default of this module; those of `[pruning]` are `PruneConfig`'s.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import AliasChoices, Field, ValidationInfo, field_validator, model_validator

from segprune.core.planning.config import PruneConfig, check
from segprune.errors import SegpruneError
from segprune.training.input_sections import Section

__all__ = [
    "DistillationSection",
    "PruningSection",
    "RecalibrationSection",
    "TargetsSection",
    "TrainingSection",
]


class TrainingSection(Section):
    """The training of the weights.

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
            gradient cannot be trusted then (`segprune.training.devices`). The artefact has the
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
        """Return the number of processes on all machines, one a device."""
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
        """Return the decay of averaged weights in a training of so many steps."""
        return min(0.999, 1 - 10 / max(steps, 10)) if self.ema_decay is None else self.ema_decay


def _checked(value: Any, field: ValidationInfo) -> Any:
    """Check a field of section `pruning` as `PruneConfig` does; `layers = {}` means none."""
    name = str(field.field_name)
    try:
        check(name, None if name == "layers" and not value else value)
    except SegpruneError as error:
        raise ValueError(str(error)) from error
    return value


class PruningSection(Section):
    """The fields of `PruneConfig`, which checks them, and how many images importances look at.

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
        _checked
    )
    _others = field_validator("ignored_layers", "normalize", "cost_aware", mode="before")(_checked)

    @model_validator(mode="after")
    def _one_goal(self) -> PruningSection:
        if (self.budget is None) == (not self.layers):
            raise ValueError("expected either a budget or layers, found both or neither")
        return self

    def build(self, seed: int) -> PruneConfig:
        """Return what the plan itself has to reach."""
        given = self.model_dump(exclude={"batches"})
        return PruneConfig(**{**given, "layers": self.layers or None}, seed=seed)


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
        """Return whether statistics are measured anew at all."""
        return self.batches != 0


class DistillationSection(Section):
    """The terms by which the dense network teaches; a weight of 0 switches a term off.

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


class TargetsSection(Section):
    """Limits on what the result may lose, compared with the network that the run began with.

    A run that misses one ends with exit status 1, and its record says why.

    Attributes:
        miou_loss, class_loss: the largest losses, in points of mIoU and of any one class's IoU.
        miou_ratio: the least share of the mIoU at the beginning that has to remain.
    """

    miou_loss: float = Field(ge=-100, le=100)
    class_loss: float = Field(100.0, ge=-100, le=100)
    miou_ratio: float = Field(0.0, ge=0, le=1)
