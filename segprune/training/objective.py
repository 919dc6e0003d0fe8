"""The objective of a recipe: losses of the logits, of auxiliary heads, and what a teacher adds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segprune.training.losses import (
    channel_wise_distillation,
    cross_entropy,
    kl_distillation,
    ohem_cross_entropy,
)
from segprune.training.sections import DistillationSection, TrainingSection

__all__ = ["Objective"]


@dataclass(frozen=True)
class Objective:
    """Computes each term of the loss from outputs and targets.

    Attributes:
        weight: `(K,)`, of each class, or None.
    """

    training: TrainingSection
    distillation: DistillationSection | None = None
    weight: Tensor | None = None

    def __call__(
        self,
        logits: Tensor,
        auxiliary: Sequence[Tensor],
        target: Tensor,
        teacher_logits: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Return the weighted terms by name; their sum is minimised.

        Args:
            logits, auxiliary, teacher_logits: `(N, K, h, w)`, of the network, its heads, the
                teacher.
            target: `(N, H, W)`; logits of another size are resized to it (bilinear).
        """
        size = (int(target.shape[-2]), int(target.shape[-1]))
        # In single precision whatever the network computes in: half a bit of a loss adds up.
        logits = _resized(logits.float(), size)
        terms = {"segmentation": self._segmentation(logits, target)}
        if auxiliary and self.training.auxiliary_weight:
            heads = [self._segmentation(_resized(head.float(), size), target) for head in auxiliary]
            terms["auxiliary"] = torch.stack(heads).sum() * self.training.auxiliary_weight
        if teacher_logits is not None and self.distillation is not None:
            theirs, section = _resized(teacher_logits.float(), size), self.distillation
            if section.channel_wise:
                terms["channel_wise"] = section.channel_wise * channel_wise_distillation(
                    logits, theirs, section.temperature
                )
            if section.kl:
                terms["kl"] = section.kl * kl_distillation(logits, theirs, section.kl_temperature)
        return terms

    def _segmentation(self, logits: Tensor, target: Tensor) -> Tensor:
        weight = None if self.weight is None else self.weight.to(logits.device)
        smoothing = self.training.label_smoothing
        if self.training.loss == "ohem":
            return ohem_cross_entropy(
                logits, target, threshold=self.training.ohem_threshold, weight=weight,
                label_smoothing=smoothing,
            )  # fmt: skip
        return cross_entropy(logits, target, weight=weight, label_smoothing=smoothing)


def _resized(logits: Tensor, size: tuple[int, int]) -> Tensor:
    if tuple(logits.shape[-2:]) != size:
        logits = F.interpolate(logits, size=size, mode="bilinear", align_corners=False)
    if logits.requires_grad and logits.device.type != "cpu":
        logits.register_hook(_channels_last)
    return logits


def _channels_last(gradient: Tensor) -> Tensor:
    """Put a gradient into the format that a GPU's gradient of an interpolation takes.

    Losses hand theirs back contiguous; summing that up is half of a step of BiSeNetV2 with heads.
    """
    return gradient.contiguous(memory_format=torch.channels_last)


def frozen(model: nn.Module) -> nn.Module:
    """A network that only teaches: in evaluation mode, without gradients; changed in place."""
    return model.eval().requires_grad_(False)
