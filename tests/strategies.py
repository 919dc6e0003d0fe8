"""Random segmentation networks, as small immutable specifications that shrink and print well."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from networks import FREE, LITERAL, MIXING, WIDTH, Block, ConvNormAct

ANY_WIDTH: dict[str, type[Block]] = {kind.__name__: kind for kind in (*FREE, *MIXING)}
FIXED_WIDTH: dict[str, type[Block]] = {kind.__name__: kind for kind in LITERAL}
BLOCKS = ANY_WIDTH | FIXED_WIDTH
LINKS = ("chain", "add", "join", "gate", "low")
HEADS = ("logits", "mapping", "pair")


@dataclass(frozen=True)
class Stage:
    """One block, and how its output meets its input."""

    block: str
    width: int
    link: str


@dataclass(frozen=True)
class Spec:
    """A whole network; equal specifications build equal networks."""

    stem: int
    stages: tuple[Stage, ...]
    head: str
    classes: int
    seed: int

    def build(self) -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            return Composed(self).eval()

    def example(self) -> Tensor:
        rng = torch.Generator().manual_seed(self.seed)
        return torch.randn(1, 3, 32, 32, generator=rng)


class Linked(nn.Module):
    def __init__(self, stage: Stage, cin: int):
        super().__init__()
        self.link, self.block = stage.link, BLOCKS[stage.block](cin, stage.width)
        self.project = nn.Conv2d(cin, stage.width, 1) if stage.link in ("add", "gate") else None
        self.width = stage.width + (cin if stage.link == "join" else 0)

    def forward(self, x: Tensor) -> Tensor:
        if self.link == "low":
            y = self.block(F.max_pool2d(x, 2))
            return F.interpolate(y, size=x.shape[-2:], mode="bilinear", align_corners=False)
        y = self.block(x)
        if self.project is None:
            return torch.cat((x, y), 1) if self.link == "join" else y
        side = self.project(x)
        return y + side if self.link == "add" else y * torch.sigmoid(side)


class Composed(nn.Module):
    def __init__(self, spec: Spec):
        super().__init__()
        self.form, width = spec.head, spec.stem
        self.stem = ConvNormAct(3, width, stride=2)
        self.stages = nn.ModuleList()
        for stage in spec.stages:
            self.stages.append(linked := Linked(stage, width))
            width = linked.width
        self.last = ConvNormAct(width, 32)
        self.head, self.side = nn.Conv2d(32, spec.classes, 1), nn.Conv2d(width, spec.classes, 1)

    def forward(self, x: Tensor) -> Any:
        y = self.stem(x)
        for stage in self.stages:
            y = stage(y)
        out = self.head(self.last(y))
        out = F.interpolate(out, size=x.shape[-2:], mode="bilinear", align_corners=False)
        if self.form == "logits":
            return out
        return {"out": out, "side": self.side(y)} if self.form == "mapping" else (out, self.side(y))


def stages(names: tuple[str, ...] = tuple(BLOCKS)) -> st.SearchStrategy[Stage]:
    """A stage of one of the named blocks, each as likely as the others."""
    widths = st.sampled_from((16, 24, 32))
    links = st.sampled_from(LINKS)

    def of(name: str) -> st.SearchStrategy[Stage]:
        width = st.just(WIDTH) if name in FIXED_WIDTH else widths
        return st.builds(Stage, block=st.just(name), width=width, link=links)

    return st.sampled_from(names).flatmap(of)


@functools.cache
def specs(
    names: tuple[str, ...] = tuple(BLOCKS), *, least: int = 1, most: int = 3
) -> st.SearchStrategy[Spec]:
    """Networks of `least` to `most` stages."""
    return st.builds(
        Spec,
        stem=st.sampled_from((16, 24)),
        stages=st.lists(stages(names), min_size=least, max_size=most).map(tuple),
        head=st.sampled_from(HEADS),
        classes=st.integers(2, 6),
        seed=st.integers(0, 3),
    )
