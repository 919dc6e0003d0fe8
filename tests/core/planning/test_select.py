"""A share that a layer cannot keep is said in the plan; 1.0 keeps everything."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import segprune
from segprune.errors import BudgetError, PlanError

IMAGES = torch.rand(1, 3, 16, 16)


def chain(*widths: int) -> nn.Sequential:
    """Chain 1x1 convolutions from 3 channels through `widths` to 5; their names are numbers."""
    torch.manual_seed(0)
    sizes = [3, *widths, 5]
    pairs = itertools.pairwise(sizes)
    return nn.Sequential(*(nn.Conv2d(one, two, 1) for one, two in pairs)).eval()


def pruned(net: nn.Module, scope: dict[str, float], **options: Any) -> tuple[list[int], Any]:
    """Return the width of each layer, and what the plan says about missed shares."""
    plan = segprune.make_plan(net, IMAGES, scope=scope, min_channels=1, floor=0.0, **options)
    small = segprune.prune(net, plan)
    layers = [m for m in small.modules() if isinstance(m, nn.Conv2d)]
    return [layer.out_channels for layer in layers], plan.notes.get("missed_shares")


@pytest.mark.parametrize(
    ("width", "share", "round_to", "left"),
    [
        (8, 0.5, 16, 8),  # no multiple of 16 is smaller
        (20, 0.5, 16, 16),  # the smallest multiple
        (64, 0.75, 32, 32),  # rounded down
        (8, 1 / 3, 1, 2),  # a share of whole channels
        (64, 0.5, 16, 32),
    ],
)
def test_a_width_is_a_multiple_or_stays_and_another_share_is_noted(
    width: int, share: float, round_to: int, left: int
) -> None:
    widths, missed = pruned(chain(width), {"0": share}, round_to=round_to)
    assert widths == [left, 5]
    whole = int(share * width)
    assert missed == (None if left == whole else {"0": {"asked": share, "kept": left / width}})


@pytest.mark.parametrize("round_to", [1, 7, 16])
@pytest.mark.parametrize("pattern", ["*", "0"])
def test_a_share_of_one_keeps_everything(pattern: str, round_to: int) -> None:
    assert pruned(chain(8, 9), {pattern: 1.0}, round_to=round_to) == ([8, 9, 5], None)


@pytest.mark.parametrize("scope", [{"0": 1.0, "*": 0.5}, {"*": 0.5, "0": 1.0}])
def test_the_name_of_a_layer_counts_before_a_glob_in_any_order(scope: dict[str, float]) -> None:
    widths, missed = pruned(chain(8, 8), scope)
    assert widths == [8, 4, 5]
    assert missed == {"2": {"asked": 0.5, "kept": 1.0}}  # the output's channels stay
    assert pruned(chain(8, 8), {"*": 1.0, "1": 0.5}) == ([8, 4, 5], None)


def test_globs_that_ask_for_different_shares_are_noted() -> None:
    widths, missed = pruned(chain(8, 8), {"[01]": 0.5, "[0]": 0.75})
    assert widths == [4, 4, 5]
    assert missed == {"0": {"asked": 0.75, "kept": 0.5}}


def test_a_floor_that_lifts_a_share_is_noted_for_a_glob_and_refused_for_a_name() -> None:
    net = chain(8)
    plan = segprune.make_plan(net, IMAGES, scope={"[0]": 0.25}, min_channels=6)
    assert plan.notes["missed_shares"] == {"0": {"asked": 0.25, "kept": 0.75}}
    with pytest.raises(BudgetError, match=r"expected 0 to keep 2 of 8 channels, found that 6 must"):
        segprune.make_plan(net, IMAGES, scope={"0": 0.25}, min_channels=6)


def test_a_floor_between_two_multiples_leaves_the_upper_one() -> None:
    plan = segprune.make_plan(
        chain(64), IMAGES, scope={"[0]": 0.25}, round_to=16, min_channels=20, floor=0.0
    )
    assert plan.notes["missed_shares"] == {"0": {"asked": 0.25, "kept": 0.5}}
    assert len(plan.kept["0.weight"][0]) == 32


class Tied(nn.Module):
    """Two layers whose channels are added: what one loses, the other loses."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.out = nn.Conv2d(3, 8, 1), nn.Conv2d(3, 8, 1), nn.Conv2d(8, 5, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.a(x) + self.b(x))


@pytest.mark.parametrize("scope", [{"a": 0.5, "b": 1.0}, {"b": 1.0, "a": 0.5}])
def test_two_orders_that_contradict_each_other_are_refused(scope: dict[str, float]) -> None:
    with pytest.raises(BudgetError, match="expected a to keep 4 of 8 channels, found that 8 must"):
        pruned(Tied().eval(), scope)


def test_a_layer_that_loses_channels_with_another_one_is_noted() -> None:
    widths, missed = pruned(Tied().eval(), {"a": 0.5, "b": 0.75})
    assert widths == [4, 4, 5]
    assert missed == {"b": {"asked": 0.75, "kept": 0.5}}


# -- what is out of reach --------------------------------------------------------------------------


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_refusal_names_the_steps_of_widths(step: int) -> None:
    with pytest.raises(BudgetError) as refused:
        segprune.make_plan(Tied().eval(), IMAGES, budget={"channels": 0.01}, round_to=step)
    said = f"Widths go in steps of {step} (round_to)." in str(refused.value)
    assert said is (step > 1)


class Folded(nn.Module):
    """Each channel of the first layer occurs once in it, and twice in the one it is tied to."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(3, 8, 1), nn.Conv2d(3, 16, 1), nn.Conv2d(16, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.a(x)
        return self.c(torch.cat([y, y], 1) + self.b(x))


def test_steps_of_widths_hold_in_the_layer_where_a_channel_occurs_least_often() -> None:
    network = Folded().eval()
    plan = segprune.make_plan(network, IMAGES, budget={"channels": 0.8}, round_to=4, min_channels=1)
    small = segprune.prune(network, plan)
    assert (small.a.out_channels, small.b.out_channels) == (4, 8)


# -- which layers a name means ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "widths"),
    [("0", [4, 8]), ("1", [8, 4]), ("1.0", [8, 4]), ("[01]", [4, 4]), ("1*", [8, 4])],
)
def test_a_name_means_a_layer_and_all_layers_beneath_it(pattern: str, widths: list[int]) -> None:
    torch.manual_seed(0)
    inner = nn.Sequential(nn.Conv2d(8, 8, 1, bias=False))
    network = nn.Sequential(nn.Conv2d(3, 8, 1, bias=False), inner, nn.Conv2d(8, 5, 1)).eval()
    assert pruned(network, {pattern: 0.5})[0] == [*widths, 5]


def test_a_name_that_matches_no_module_is_refused_with_close_ones() -> None:
    with pytest.raises(PlanError, match=r"layers: .*found 'outs', which matches none.*out"):
        pruned(Tied().eval(), {"outs": 0.5})
