"""The network as Lightning trains it: a step, its learning rate, and an evaluation for the log."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn

from segprune.core.planning.calibration import two_classes
from segprune.errors import InputError
from segprune.evaluation.evaluate import best_classes, predict
from segprune.evaluation.metrics import ConfusionMatrix, score_counts
from segprune.records.preprocessing import Preprocessing
from segprune.training.batches import explain_batch_of_one
from segprune.training.checkpoint import note
from segprune.training.logs import LOSS, flush
from segprune.training.objective import Objective
from segprune.training.recipe import Recipe
from segprune.training.schedule import build_optimizer, rate_factor

__all__ = ["Module"]


class _Teacher:
    """Holds a network without being one: not trained, not saved, not copied with the student."""

    def __init__(self, model: nn.Module | None) -> None:
        self.model = model

    def __deepcopy__(self, memo: dict[int, Any]) -> _Teacher:
        return self  # averaged weights need no second teacher


class Module(pl.LightningModule):
    """A network in training.

    Args:
        network: images `(N, 3, H, W)` to logits `(N, K, H, W)`, with auxiliary heads where it has
            `forward_with_aux`.
        recipe: for optimiser, schedule and precision.
        objective: what is minimised.
        steps_per_epoch: of the optimiser.
        classes: K.
        channels_last: how images lie in memory.
        teacher: the dense network, frozen, or None.
    """

    def __init__(
        self,
        network: nn.Module,
        recipe: Recipe,
        objective: Objective,
        *,
        steps_per_epoch: int,
        classes: int,
        preprocessing: Preprocessing,
        channels_last: bool,
        teacher: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self._recipe = recipe
        self._objective = objective
        self._steps_per_epoch = steps_per_epoch
        self._classes = classes
        self._preprocessing = preprocessing
        self._channels_last = channels_last
        self._teacher = _Teacher(teacher)
        self._matrix: ConfusionMatrix | None = None

    # -- training ----------------------------------------------------------------------------------

    def on_fit_start(self) -> None:
        if self._teacher.model is not None:
            self._teacher.model.to(self.device)

    def on_fit_end(self) -> None:
        if self._teacher.model is not None:
            self._teacher.model.to("cpu")

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        # Dropout and the like draw from torch's own generators. A resumed epoch must draw what an
        # unbroken run drew, so each step begins with a seed of its own. (Not each epoch: Lightning
        # does not announce the one that it resumes with.)
        place = f"{self._recipe.seed} {self.trainer.global_step} {self.global_rank}"
        words = hashlib.sha256(place.encode()).digest()
        torch.manual_seed(int.from_bytes(words[:8], "big") >> 1)

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        images = self._prepared(batch[0])
        logits, auxiliary = self._with_heads(images)
        teacher_logits = None
        if self._teacher.model is not None:
            with torch.no_grad():
                teacher_logits = predict(self._teacher.model, images)
        terms = self._objective(logits, auxiliary, batch[1], teacher_logits)
        loss = torch.stack(list(terms.values())).sum()
        parts = {f"{LOSS}/{name}": term.detach() for name, term in terms.items()}
        self.log_dict(
            {LOSS: loss.detach(), **parts},
            on_step=False, on_epoch=True, batch_size=len(images), sync_dist=True,
        )  # fmt: skip
        return loss

    def on_train_epoch_end(self) -> None:
        # Before the checkpoint is written: a broken epoch must not be what a run is resumed from.
        for name, value in self._losses().items():
            if not math.isfinite(value):
                raise InputError(
                    f"training: expected finite losses, found {name} = {value} in epoch "
                    f"{self.current_epoch + 1}; lower training.learning_rate, set "
                    "training.gradient_clip, or take another precision."
                )
        if self.current_epoch == 0 and self._losses().get(f"{LOSS}/segmentation") == 0:
            raise InputError(
                "data: expected training images with labelled pixels, found none in the whole "
                "first epoch; check them with segprune data check."
            )

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        flush(self.trainer.loggers)
        note(checkpoint, self._recipe.digest(), self._losses())

    def _losses(self) -> dict[str, float]:
        found = self.trainer.callback_metrics
        return {name: float(value) for name, value in found.items() if name.startswith(LOSS)}

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        section = self._recipe.training
        optimizer = build_optimizer(self.network, section)
        total = section.epochs * self._steps_per_epoch
        warmup = section.warmup_over(self._steps_per_epoch)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer,
            lambda step: rate_factor(step, total=total, warmup=warmup, schedule=section.schedule),
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _prepared(self, images: Tensor) -> Tensor:
        prepared = self._preprocessing(images)
        if self._channels_last:
            prepared = prepared.contiguous(memory_format=torch.channels_last)
        return prepared

    def _with_heads(self, images: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        try:
            with explain_batch_of_one():
                return self._outputs(images)
        except InputError:
            raise
        except Exception as error:  # a network of any kind, which may raise anything
            raise InputError(
                f"training: expected a network that takes images {tuple(images.shape)} in training "
                f"mode, found {type(error).__name__}: {error}; look at augmentation.crop, "
                "training.batch_size and the network."
            ) from error

    def _outputs(self, images: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        with_heads: Any = getattr(self.network, "forward_with_aux", None)
        # Heads that count for nothing are not run: they are a third of a step of BiSeNetV2.
        if with_heads is None or not self._recipe.training.auxiliary_weight:
            return predict(self.network, images), ()
        logits, auxiliary = with_heads(images)
        return two_classes(logits), tuple(map(two_classes, auxiliary))

    # -- evaluation, for the log only --------------------------------------------------------------

    def on_validation_epoch_start(self) -> None:
        self._matrix = ConfusionMatrix(self._classes)

    def validation_step(self, batch: tuple[Tensor, Tensor], index: int) -> None:
        if self._matrix is not None:
            logits = predict(self.network, self._prepared(batch[0]))
            self._matrix.update(best_classes(logits, batch[1].shape[-2:]), batch[1])

    def on_validation_epoch_end(self) -> None:
        if self._matrix is None:
            return
        counts = torch.tensor(self._matrix.counts, device=self.device)
        counts = self.trainer.strategy.reduce(counts, reduce_op="sum")
        score = score_counts(counts.cpu().numpy(), len(self._matrix))
        self.log("miou", score.miou, sync_dist=True)  # of the whole set, the same in each process
