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
        epochs: the number of passes over the training images. With 0, a recovery only prunes and
            recalibrates.
        batch_size: the number of images per step on each device.
        optimizer: the optimizer that changes the weights.
        learning_rate: the highest learning rate, after the warm-up.
        momentum: the momentum of `sgd`; `adamw` does not read it.
        weight_decay: the decay of weights; biases and normalisations do not decay.
        schedule: how the learning rate falls to zero at the last step: `poly` (power 0.9) or
            `cosine`.
        warmup_epochs: the number of epochs in which the learning rate rises from a tenth to the
            whole; it may be a fraction. Left out, or as long as the training, it is one epoch, but
            at most a tenth of the steps.
        loss: the loss of logits against labels. `ohem` counts only hard pixels: those whose true
            class has a probability below `ohem_threshold`, and at least a sixteenth of all.
        ohem_threshold: the probability of the true class below which `ohem` counts a pixel.
        label_smoothing: the share of the target that is spread over all classes.
        auxiliary_weight: the weight of each auxiliary head's loss. With 0, the heads are not run.
        class_weights: how rare classes gain weight in the loss: not at all, by `median` frequency,
            or by `log` (1 / ln(1.02 + share)).
        ema_decay: the decay of the averaged weights, which are the result; 0 takes the last
            weights. Left out, the average reaches back over a tenth of the steps, and a thousand at
            most.
        gradient_clip: the largest norm of the gradient; 0 does not limit it.
        precision: the number format of the training, as in Lightning's Trainer.
        channels_last: whether training uses the memory format channels_last. Networks whose
            convolutions compute wrong gradients in it are trained without it. The artefact always
            has the usual format.
        accelerator: the kind of device, as in Lightning's Trainer: "auto", "cpu", "gpu".
        devices: the number of devices in each machine.
        nodes: the number of machines.
        strategy: how several devices share the work, as in Lightning's Trainer: "auto", "ddp".
        evaluate_every: the number of epochs between evaluations for the log. With 0, only the
            result is evaluated.
        checkpoint_every: the number of epochs between checkpoints, from which an interrupted run
            continues. Use more than one if a checkpoint takes longer than an epoch, as on a GPU.
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
        budget: what stays, such as `{ macs = 0.5 }`, relative to the network that is pruned.
        layers: layers by name (`*` matches anything), and the share of their channels that stays,
            such as `{ "detail.*" = 0.5 }`; in place of a budget.
        importance: the score that decides which channels go; `segprune.importances()` lists the
            names.
        scope: `global` ranks all channels together; `local` keeps the same share of every layer.
        round_to: widths become multiples of this number.
        ignored_layers: layers by name (`*` matches anything) whose output channels all stay. The
            field is called `ignore` in recipes of earlier versions.
        floor: the least share of its channels that a layer keeps.
        min_channels: the least number of channels that a layer keeps.
        normalize: whether scores are divided by their mean within each layer.
        cost_aware: whether channels are ranked by score ÷ what removing them saves, in the budget's
            unit.
        batches: the number of batches of augmented training images that importances look at. Left
            out, they look at every training image once, as the network is evaluated, but at 16
            batches at most.
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
        batches: the number of batches of augmented training images to measure on; 0 keeps the old
            statistics. Left out, every training image is used once, as the network is evaluated,
            but 64 batches at most.
        at_the_end: whether the averaged weights get new statistics too. Left out, a recovery
            measures them, and a training does not.
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
        teacher: a dense artefact that teaches. Left out, it is the network that is pruned.
        channel_wise: the weight of channel-wise distillation on logits (Shu et al., ICCV 2021).
        temperature: the temperature of channel-wise distillation.
        kl: the weight of the divergence of class probabilities at each pixel (Hinton et al., 2015).
        kl_temperature: the temperature of that divergence.
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
        miou_loss: the largest loss of mIoU, in points.
        class_loss: the largest loss of any one class's IoU, in points.
        miou_ratio: the least share of the mIoU at the beginning that has to remain.
    """

    miou_loss: float = Field(ge=-100, le=100)
    class_loss: float = Field(100.0, ge=-100, le=100)
    miou_ratio: float = Field(0.0, ge=0, le=1)
