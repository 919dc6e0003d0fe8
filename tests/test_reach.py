"""How far pruning reaches: stored counts, open sizes, einsum, and trials that come to no end."""

from __future__ import annotations

import types
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

import oracle
import segprune
from segprune.core.stored import counts_of, set_count
from test_averaged_axes import Net, X


def pruned_to_half(model: nn.Module, example: Tensor = X) -> nn.Module:
    """Half of every layer goes; the result is compared with the tests' own twin, and verified."""
    model = oracle.randomise(model).eval()
    graph = segprune.trace(model, example)
    plan = segprune.make_plan(model, graph, scope={"*": 0.5}, importance="random")
    small = segprune.prune(model, plan)
    assert oracle.distance_in_float64(model, small, plan.kept, example) < oracle.EXACT
    assert segprune.verify(model, small, plan, graph) == ()
    return small


def frozen_by(graph: Any, layer: str) -> list[str]:
    return [str(frozen) for frozen in graph.frozen if layer in frozen.layers]


# -- numbers by path ---------------------------------------------------------------------------

NUMBERS = st.integers(-1000, 1000)
NESTED = st.recursive(
    NUMBERS | st.floats(allow_nan=False) | st.text(max_size=2) | st.none() | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.sampled_from(("a", "b c", 3)), inner, max_size=3)
        | st.builds(types.SimpleNamespace, x=inner, y=inner)
    ),
    max_leaves=8,
)


class Holder(nn.Module):
    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


@given(NESTED, NUMBERS)
def test_a_count_that_is_set_is_found_again_and_all_others_stay(value: Any, number: int) -> None:
    before = counts_of(Holder(value))
    for path in before:
        module = Holder(value)
        set_count(module, path, number)
        assert counts_of(module) == {**before, path: number}
        assert type(module.value) is type(value)
    assert counts_of(Holder(value)) == before  # what others may hold as well is not written to


class Shared(nn.Module):
    """Two parts hold one object of settings; each reads another number of it."""

    class Part(nn.Module):
        def __init__(self, settings: Any, name: str) -> None:
            super().__init__()
            self.settings, self.name = settings, name

        def forward(self, x: Tensor) -> Tensor:
            return x.view(len(x), getattr(self.settings, self.name), -1).view_as(x).tanh()

    def __init__(self, settings: Any) -> None:
        super().__init__()
        self.a, self.b, self.head = nn.Conv2d(3, 16, 1), nn.Conv2d(16, 24, 1), nn.Conv2d(24, 5, 1)
        self.first, self.second = self.Part(settings, "narrow"), self.Part(settings, "wide")

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.second(self.b(self.first(self.a(x)))))


def test_settings_that_modules_share_are_rewritten_for_each_and_the_original_stays() -> None:
    settings = types.SimpleNamespace(narrow=16, wide=24, name="settings")
    small = pruned_to_half(Shared(settings))
    assert (small.first.settings.narrow, small.second.settings.wide) == (8, 12)
    assert vars(settings) == {"narrow": 16, "wide": 24, "name": "settings"}


def test_a_count_of_the_class_is_rewritten_on_the_pruned_network_alone() -> None:
    class Typed(Net):
        WIDTH = 16

        def factor(self, x: Tensor) -> Tensor:
            return x.reshape(len(x), self.WIDTH, -1).view_as(x)

    assert pruned_to_half(Typed()).WIDTH == 8
    assert Typed.WIDTH == 16


def test_a_count_behind_python_that_hides_it_is_found_by_its_value() -> None:
    class Hidden(Net):
        def __init__(self) -> None:
            super().__init__()
            self.other, self.width = 7, 16

        def factor(self, x: Tensor) -> Tensor:
            return x.view(len(x), int(str(self.width)), -1).view_as(x)

    small = pruned_to_half(Hidden())
    assert (small.other, small.width) == (7, 8)


def test_code_that_refuses_other_integers_is_traced_all_the_same() -> None:
    class Strict(Net):
        def __init__(self) -> None:
            super().__init__()
            self.width = 16

        def factor(self, x: Tensor) -> Tensor:
            if type(self.width) is not int:
                raise TypeError("a plain integer, please")
            return x.view(len(x), self.width, -1).view_as(x)

    assert pruned_to_half(Strict()).width == 8


# -- where a stored count cannot follow --------------------------------------------------------


def test_a_count_of_channels_that_must_stay_keeps_what_else_it_counts() -> None:
    """One attribute counts the channels of a GroupNorm of one group, and those of a convolution."""

    class Partial(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.part, self.width = 12, 32
            self.a, self.norm = nn.Conv2d(3, 32, 1), nn.GroupNorm(1, 12)
            self.mixed, self.head = nn.Conv2d(12, 12, 1), nn.Conv2d(32, 4, 1)

        def forward(self, x: Tensor) -> Tensor:
            first, rest = torch.split(self.a(x), [self.part, self.width - self.part], 1)
            y = self.mixed(self.norm(first))
            y = y.reshape(y.size(0), self.part, *y.shape[2:])
            return self.head(torch.cat([y, rest], 1))

    graph = segprune.trace(Partial(), X)
    layers = {layer.name: layer.free for layer in graph.layers}
    assert layers["a"] == 20
    assert layers["mixed"] == 0
    assert all("group_norm with one group" in text for text in frozen_by(graph, "mixed"))
    small = pruned_to_half(Partial())
    assert (small.part, oracle.rows(small.a), small.width) == (12, 16, 16)


def test_a_count_that_is_also_a_size_of_images_stays_with_the_line() -> None:
    class Square(Net):
        def __init__(self) -> None:
            super().__init__()
            self.number = 16

        def factor(self, x: Tensor) -> Tensor:
            y = x.view(len(x), self.number, -1).view_as(x)
            small = F.adaptive_avg_pool2d(y, self.number)
            return small.view(len(x), -1, self.number * 16)[..., :1, None].sigmoid()

    graph = segprune.trace(Square(), X)
    assert frozen_by(graph, "a")
    assert all("number counts these channels, and is" in t for t in frozen_by(graph, "a"))
    assert all("self.number" in text for text in frozen_by(graph, "a"))
    small = pruned_to_half(Square())
    assert small.number == 16


def test_what_differs_when_patience_ends_is_frozen_and_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Literal(Net):
        def factor(self, x: Tensor) -> Tensor:
            return x.reshape(len(x), 16, -1).view_as(x)

    monkeypatch.setattr(segprune.core.tracing.trace, "_PATIENCE", 0)
    graph = segprune.trace(Literal(), X)
    assert graph.free_share == 0
    (text,) = frozen_by(graph, "a")
    assert "trials came to no end" in text
    assert "reshape(len(x), 16, -1)" in text


# -- which axis shrinks ------------------------------------------------------------------------


class Heads(nn.Module):
    """16 channels in a view of four by four; `sizes` says which of them is left open."""

    def __init__(self, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.a, self.head, self.sizes = nn.Conv2d(3, 16, 1), nn.Conv2d(16, 5, 1), sizes

    def forward(self, x: Tensor) -> Tensor:
        y = self.a(x)
        return self.head(y.unflatten(1, self.sizes).tanh().flatten(1, 2))


@pytest.mark.parametrize(("sizes", "tied"), [((-1, 4), "inner"), ((4, -1), "outer")])
def test_the_axis_left_open_is_the_one_that_shrinks(sizes: tuple[int, ...], tied: str) -> None:
    model = Heads(sizes)
    plan = segprune.make_plan(model, X, scope={"a": 0.5}, importance="random")
    assert segprune.verify(model, segprune.prune(model, plan), plan, X) == ()
    kept = plan.kept["a.weight"][0]
    left = {row // 4 for row in kept} if tied == "inner" else {row % 4 for row in kept}
    assert (len(kept), len(left)) == (8, 2)


def test_a_view_that_regroups_channels_with_positions_freezes_them() -> None:
    """Which channels meet depends on the size of the images, and their number is stored."""

    class Regrouped(Net):
        def __init__(self) -> None:
            super().__init__()
            self.width, self.b = 16, nn.Conv2d(16, 16, 1)

        def factor(self, x: Tensor) -> Tensor:
            y = F.adaptive_avg_pool2d(self.b(x), (x.shape[2] // 8, 2)).flatten(2).transpose(1, 2)
            y = y.reshape(len(x), self.width, x.shape[2] // 8, 2)
            return F.interpolate(y, size=x.shape[2:])

    graph = segprune.trace(Regrouped(), X)
    assert any("regroups channels with positions" in text for text in frozen_by(graph, "b"))
    pruned_to_half(Regrouped())


def test_another_meaning_that_trials_do_not_bear_out_leaves_no_trace() -> None:
    """Softmax keeps the inner axis, a literal behind it the outer one: the first is the reason."""

    class Crossed(Net):
        def __init__(self) -> None:
            super().__init__()
            self.b = nn.Conv2d(16, 16, 1)

        def factor(self, x: Tensor) -> Tensor:
            y = self.b(x).view(len(x), 4, -1, x.shape[2] * x.shape[3]).softmax(2)
            return y.reshape(len(x), 16, -1).mean(2)[..., None, None].sum(1, keepdim=True)

    graph = segprune.trace(Crossed(), X)
    assert all("softmax" in text for text in frozen_by(graph, "b"))
    assert {layer.name: layer.free for layer in graph.layers} == {"a": 16, "b": 0, "head": 0}
    pruned_to_half(Crossed())


def test_a_size_is_read_as_a_part_of_another_axis() -> None:
    """Half of what another tensor has, though nothing else ties the two."""

    class Half(Net):
        def __init__(self) -> None:
            super().__init__()
            self.b = nn.Conv2d(16, 8, 1)

        def factor(self, x: Tensor) -> Tensor:
            y = self.b(x).view(len(x), x.shape[1] // 2, -1)
            return y.mean(2)[:, :, None, None].repeat(1, 2, 1, 1).sigmoid()

    small = pruned_to_half(Half())
    assert (oracle.rows(small.a), oracle.rows(small.b)) == (8, 4)


# -- einsum ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "equation",
    [
        "nchw,nchw->nc", "nchw,nc->nchw", "nchw,ndhw->ncd", "nchw,dc->ndhw", "nchw", "n...,n...",
        "nchw,nchw->nhw", "ncHW,ncHW,nc->cn", "...hw,...hw->...", "nchw,n1hw->nchw",
        "nchw,nchw,ncij,nc->nij",
    ],
)  # fmt: skip
def test_einsum_is_what_its_equation_says(equation: str) -> None:
    """A `1` is an axis of size 1 that is stretched over the channels."""

    class Summed(Net):
        def __init__(self) -> None:
            super().__init__()
            self.b, self.mix = nn.Conv2d(16, 16, 1), nn.Parameter(torch.randn(16, 16))

        def factor(self, x: Tensor) -> Tensor:
            _, *letters = equation.partition("->")[0].split(",")
            y = self.b(x)
            others = {"nc": y.mean((2, 3)), "dc": self.mix, "n1hw": y[:, :1].detach()}
            given = [x, *(others.get(names, y) for names in letters)]
            result = torch.einsum(equation.replace("1", "c"), *given)
            return result.sum() + result.flatten()[0]

    model, example = Summed(), X[:1]
    assert segprune.cost(model, example).macs == oracle.counted_macs(model, example)
    small = pruned_to_half(model, example)
    assert segprune.cost(small, example).macs == oracle.counted_macs(small, example)


def test_an_einsum_that_takes_a_diagonal_freezes_it() -> None:
    class Diagonal(Net):
        def factor(self, x: Tensor) -> Tensor:
            y = x.flatten(2)
            return torch.einsum("nii->ni", y @ y.transpose(1, 2))[..., None, None].sigmoid()

    graph = segprune.trace(Diagonal(), X)
    assert any("diagonal" in text for text in frozen_by(graph, "a"))
    pruned_to_half(Diagonal())


# -- public networks ---------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "share"),
    [("mixnet_s", 0.99), ("efficientvit_b0", 0.99), ("shvit_s1", 0.82), ("efficientvit_m0", 0.99)],
)
def test_public_networks_lose_channels_nearly_everywhere(name: str, share: float) -> None:
    timm = pytest.importorskip("timm")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = timm.create_model(name, features_only=True).eval()
    side = 224 if name == "efficientvit_m0" else 96
    example = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(0))
    graph = segprune.trace(model, example)
    assert graph.free_share >= share, graph.summary()
    plan = segprune.make_plan(model, graph, budget={"macs": 0.5}, importance="random")
    assert segprune.verify(model, segprune.prune(model, plan), plan, graph) == ()
