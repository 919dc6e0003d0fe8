"""Find weights that are NaN or infinite: the usual trace of a training that diverged."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

__all__ = ["not_finite"]


def not_finite(tensors: Mapping[str, Tensor], model: nn.Module) -> str:
    """Describe what is NaN or infinite among the tensors of a network; empty if nothing is.

    Nothing that such a network computes means anything. Only buffers that are no running statistics
    may hold infinity: attention masks do.
    """
    learned = dict(model.named_parameters(remove_duplicate=False))
    for name, tensor in tensors.items():
        if not tensor.is_floating_point() or tensor.is_meta:
            continue
        numbers = tensor.detach().float() if tensor.dtype.itemsize == 1 else tensor.detach()
        matters = name in learned or name.rpartition(".")[2].startswith("running_")
        kind = "NaN" if numbers.isnan().any() else "infinity"
        if kind == "NaN" or (matters and numbers.isinf().any()):
            return (
                f"expected finite numbers, found {kind} in {name}: the training that wrote it "
                "diverged, and nothing computed with it means anything. Take an earlier checkpoint."
            )
    return ""
