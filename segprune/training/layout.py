"""How images lie in memory while training: channels last, where its kernels can be trusted.

On a CPU, in bfloat16 and channels last, torch 2.15 (oneDNN, AVX-512) computes the weight gradient
of a dilated convolution whose input channels do not fill vectors of sixteen from memory that nobody
has written: a garbage gradient, and NaN sooner or later. Published networks have widths of 32, 64,
128; pruned ones run into it. Contiguous images are not affected, nor is float32.
"""

from __future__ import annotations

from torch import nn

from segprune.training.devices import working_device
from segprune.training.sections import TrainingSection

__all__ = ["untrustworthy", "wants_channels_last"]

_VECTOR = 16


def wants_channels_last(network: nn.Module, section: TrainingSection) -> bool:
    """Whether a training of this network lies channels last, if its recipe wants that."""
    return section.channels_last and not (
        # float16 too: the kernels are those of bfloat16, and nobody has looked at them.
        section.precision != "32-true"
        and working_device(section).type == "cpu"
        and untrustworthy(network)
    )


def untrustworthy(network: nn.Module) -> tuple[str, ...]:
    """Convolutions whose gradient may be garbage on a CPU, in bfloat16 and channels last."""
    return tuple(
        name
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d)
        and max(module.dilation) > 1
        and (module.in_channels // module.groups) % _VECTOR
    )
