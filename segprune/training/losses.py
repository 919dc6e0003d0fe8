"""What training minimises: losses over logits `(N, K, H, W)`, and weights for rare classes.

Targets are class indices `(N, H, W)` with void pixels, which no loss looks at.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from segprune.errors import InputError

__all__ = [
    "channel_wise_distillation",
    "class_weights",
    "cross_entropy",
    "kl_distillation",
    "ohem_cross_entropy",
]

_VOID = 255
_KEPT = 16  # OHEM looks at one pixel in so many at least


def cross_entropy(
    logits: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    label_smoothing: float = 0.0,
    void: int = _VOID,
) -> Tensor:
    """Mean cross-entropy over the pixels that are not void; 0 where all of them are.

    With class weights the mean is weighted, as torch's is.

    Args:
        logits: `(N, K, H, W)`; target: `(N, H, W)` int64.
        weight: `(K,)`, of each class.
    """
    if not bool((target != void).any()):
        return logits.sum() * 0.0  # torch's mean over no pixel is NaN; this still has a gradient
    return F.cross_entropy(
        logits, target, weight, ignore_index=void, label_smoothing=label_smoothing
    )


def ohem_cross_entropy(
    logits: Tensor,
    target: Tensor,
    *,
    threshold: float = 0.7,
    weight: Tensor | None = None,
    label_smoothing: float = 0.0,
    void: int = _VOID,
) -> Tensor:
    """Cross-entropy over hard pixels: whose true class has a probability below `threshold`.

    At least a sixteenth of the pixels count, the hardest ones. Online hard example mining as the
    published BiSeNet trainings do it (Shrivastava et al., CVPR 2016; Wu et al., 2016).

    Args:
        logits: `(N, K, H, W)`; target: `(N, H, W)` int64.
        threshold: in (0, 1).
        weight: `(K,)`, of each class; hard pixels are chosen without it.
    """
    valid = target != void
    count = int(valid.sum())
    if count == 0:
        return logits.sum() * 0.0
    plain = F.cross_entropy(logits, target, ignore_index=void, reduction="none")
    with torch.no_grad():
        losses = plain[valid]
        fewest = max(count // _KEPT, 1)
        limit = -torch.log(torch.tensor(threshold, device=losses.device))
        limit = torch.minimum(limit, losses.topk(fewest).values[-1])
        hard = valid & (plain >= limit)
    if weight is None and not label_smoothing:
        return plain[hard].mean()
    chosen = torch.where(hard, target, torch.full_like(target, void))
    return F.cross_entropy(
        logits, chosen, weight, ignore_index=void, label_smoothing=label_smoothing
    )


def channel_wise_distillation(student: Tensor, teacher: Tensor, temperature: float = 4.0) -> Tensor:
    """Channel-wise distillation (Shu et al., ICCV 2021, equation 4) on logits `(N, K, H, W)`.

    Each channel is a distribution over its pixels; the divergence from the teacher's is summed over
    pixels, averaged over channels and images, and multiplied by the squared temperature.
    """
    _require_equal(student, teacher)
    return _divergence(student.flatten(2), teacher.flatten(2), temperature, dim=2)


def kl_distillation(student: Tensor, teacher: Tensor, temperature: float = 1.0) -> Tensor:
    """Divergence of the student's class probabilities from the teacher's at each pixel, averaged.

    Logits `(N, K, H, W)`; multiplied by the squared temperature (Hinton et al., 2015).
    """
    _require_equal(student, teacher)
    return _divergence(student, teacher, temperature, dim=1)


def _divergence(student: Tensor, teacher: Tensor, temperature: float, dim: int) -> Tensor:
    """Return the divergence of distributions over one dimension, averaged over all others."""
    ours = torch.log_softmax(student / temperature, dim=dim)
    theirs = torch.log_softmax(teacher / temperature, dim=dim)
    each = F.kl_div(ours, theirs, reduction="none", log_target=True)
    return each.sum(dim=dim).mean() * temperature**2


def class_weights(pixels: Tensor, kind: str) -> Tensor | None:
    """Weights `(K,)` float32 from how many pixels each class has, `(K,)`.

    Args:
        kind: "none"; "median": the median share over the class's share (median frequency balancing,
            Eigen and Fergus, ICCV 2015); "log": 1 / ln(1.02 + share) (ENet, Paszke et al., 2016).

    Classes without a pixel weigh 0 with "median": nothing can be learnt about them.
    """
    if kind == "none":
        return None
    share = pixels.double() / pixels.sum().clamp(min=1)
    if kind == "log":
        return (1 / torch.log(1.02 + share)).float()
    if kind == "median":
        present = share > 0
        middle = share[present].quantile(0.5) if bool(present.any()) else torch.tensor(0.0)
        return torch.where(present, middle / share.clamp(min=1e-12), 0.0).float()
    raise InputError(
        f"class_weights: expected 'none', 'median' or 'log', found {kind!r}; choose one."
    )


def _require_equal(student: Tensor, teacher: Tensor) -> None:
    if student.shape != teacher.shape:
        raise InputError(
            f"distillation: expected logits of one shape, found {tuple(student.shape)} of the "
            f"student and {tuple(teacher.shape)} of the teacher; both need the same classes and "
            "input size."
        )
