"""Which constructs there are, and what is expected of each."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from .attention import (
    Attention,
    DefaultScale,
    EinsumForms,
    EinsumHeads,
    GivenScale,
    HeadsByShape,
    HeadsOfTheInput,
    HeadsStored,
    LinearAttention,
    MultiheadModule,
    Rearranged,
    ScaledByShape,
)
from .base import Block, Host
from .convolutions import (
    Biased,
    Depthwise,
    DepthwiseMultiplier,
    Factorised,
    Grouped,
    GroupsOfFour,
    Plain,
    Transposed,
    TransposedDepthwise,
    TransposedGrouped,
)
from .gates import (
    BufferGate,
    FlattenLinear,
    GateMany,
    GateOne,
    InPlace,
    InvertedResidual,
    MaxUnpooled,
    ParameterGate,
    PyramidPooling,
    Residual,
    SliceAssigned,
    SqueezeExcite,
    StripPooling,
)
from .literals import (
    LiteralAssert,
    LiteralBranch,
    LiteralConcat,
    LiteralDivisor,
    LiteralLayerNorm,
    LiteralRepeat,
    LiteralSlice,
    LiteralSplit,
    LiteralView,
    LiteralZeros,
    StoredChannels,
)
from .mixing import (
    ChannelCumulated,
    ChannelRatio,
    ChannelSoftmax,
    ChannelSum,
    EfficientChannelAttention,
    Recurrent,
    SpatialGate,
    UnitLength,
)
from .moving import (
    Chunked,
    Flipped,
    NestedConcat,
    PatchMerging,
    PixelShuffled,
    PixelUnshuffled,
    SameTwice,
    ShuffleByView,
    ShuffleModule,
    SlicedByShape,
    SplitByShape,
    UnequalByShape,
    Unfolded,
)
from .norms import (
    BatchNormNoStatistics,
    BatchNormPlain,
    GroupNormed,
    InstanceNormAffine,
    InstanceNormTracking,
    LayerNormMLP,
    Nonzero,
    PReLUMany,
    PReLUOne,
)
from .sharing import DenseLayers, ModuleTwice, ParameterTwice, TwoScales
from .spectral import FourierUnit, GatedLinear, Interlaced
from .stored import (
    CountsInSettings,
    GatesOfTwo,
    GroupsByHand,
    HeadsJoinedFirst,
    HeadsOfEight,
    SizeEqualToTheWidth,
    SlopesByCount,
    SplitByList,
    SplitByTuple,
    SplitByTwoCounts,
    WidthEqualToTheSize,
)
from .whole import (
    AuxiliaryMethod,
    AuxiliaryWhenTraining,
    DictOutput,
    InputJoined,
    ListOutput,
    Masked,
    NamedInputs,
    NestedOutput,
    Network,
    Overwritten,
    Positions,
    ReturnsFeatures,
    ReturnsProbabilities,
    Siamese,
    SpectralNormed,
    TiedHeads,
    TwoInputs,
    UNet,
    Unreached,
    WeightNormed,
)

FREE: tuple[type[Block], ...] = (
    Plain, Biased, Factorised, Depthwise, DepthwiseMultiplier, Grouped, GroupsOfFour, Transposed,
    TransposedDepthwise, TransposedGrouped, PReLUOne, PReLUMany, Nonzero, BatchNormPlain,
    BatchNormNoStatistics, InstanceNormAffine, InstanceNormTracking, GroupNormed, LayerNormMLP,
    ShuffleByView, ShuffleModule, PixelShuffled, PixelUnshuffled, PatchMerging, Chunked,
    SplitByShape, SlicedByShape, UnequalByShape, SameTwice, NestedConcat, Unfolded, Flipped,
    Residual, InvertedResidual, GateOne, GateMany, SqueezeExcite, FlattenLinear, PyramidPooling,
    StripPooling, MaxUnpooled, ParameterGate, BufferGate, InPlace, SliceAssigned, ModuleTwice,
    ParameterTwice, TwoScales, DenseLayers, Attention, HeadsByShape, HeadsStored, LinearAttention,
    GivenScale, MultiheadModule, UnitLength, ChannelSum, ChannelRatio, Recurrent, StoredChannels,
    LiteralConcat, GatedLinear, FourierUnit, Interlaced, EinsumHeads, EinsumForms, Rearranged,
    HeadsOfTheInput, SplitByList, SplitByTuple, SplitByTwoCounts, CountsInSettings,
    SizeEqualToTheWidth, WidthEqualToTheSize, HeadsOfEight, HeadsJoinedFirst, GatesOfTwo,
    SlopesByCount, GroupsByHand,
)  # fmt: skip
"""Blocks that any width suits; their watched layers lose channels."""

MIXING: tuple[type[Block], ...] = (
    ScaledByShape, DefaultScale, SpatialGate, ChannelSoftmax, EfficientChannelAttention,
    ChannelCumulated, LiteralDivisor,
)  # fmt: skip
"""Blocks that any width suits; their watched layers are frozen by the marked line."""

LITERAL: tuple[type[Block], ...] = (
    LiteralView, LiteralSlice, LiteralSplit, LiteralLayerNorm, LiteralZeros, LiteralBranch,
    LiteralAssert, LiteralRepeat,
)  # fmt: skip
"""Blocks written for WIDTH channels; their watched layers are frozen by the marked line."""

NETWORKS: tuple[type[Network], ...] = (
    UNet, TwoInputs, NamedInputs, ListOutput, DictOutput, NestedOutput, ReturnsFeatures,
    ReturnsProbabilities, AuxiliaryMethod, AuxiliaryWhenTraining, Unreached, Siamese, InputJoined,
    TiedHeads, Overwritten, Positions,
)  # fmt: skip

GUARDED: tuple[type[Network], ...] = (WeightNormed, SpectralNormed)
REFUSED: tuple[type[Network], ...] = (Masked,)


@dataclass(frozen=True)
class Construct:
    """A construct in a network that can be pruned to half of its MACs around it."""

    name: str
    kind: type[nn.Module] = field(repr=False)
    frozen: bool = False

    @property
    def watch(self) -> tuple[str, ...]:
        prefix = "" if issubclass(self.kind, Network) else "block."
        return tuple(prefix + name for name in self.kind.watch)  # type: ignore[attr-defined]

    def build(self, seed: int = 0) -> tuple[nn.Module, Any]:
        """The network in evaluation mode, and its example inputs."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            if issubclass(self.kind, Network):
                network: nn.Module = self.kind()
                example = network.example()  # type: ignore[operator]
            else:
                network, example = Host(self.kind), torch.randn(1, 3, 32, 32)
        return network.eval(), example

    def marked(self) -> tuple[str, ...]:
        """`FILE:LINE` of every line in the construct's own code that is in the way."""
        return tuple(f"{_file(self.kind)}:{number}" for number in _marked(self.kind))


def _file(kind: type) -> str:
    return Path(inspect.getfile(kind)).name


def _marked(kind: type) -> Iterator[int]:
    lines, first = inspect.getsourcelines(kind)
    for offset, line in enumerate(lines):
        if line.rstrip().endswith("# in the way"):
            yield first + offset


def constructs() -> tuple[Construct, ...]:
    """Every construct that can be traced and pruned."""
    free = (Construct(kind.__name__, kind) for kind in (*FREE, *NETWORKS))
    frozen = (Construct(kind.__name__, kind, frozen=True) for kind in (*MIXING, *LITERAL))
    return (*free, *frozen)
