"""Every way in which somebody broke the engine once; each must stay mended."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import oracle
import segprune
from segprune.core.verification.closeness import difference

X = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))


class Net(nn.Module):
    """Three layers; subclasses say what happens between them."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 32, 3, padding=1), nn.Conv2d(32, 24, 3, padding=1)
        self.c, self.gate = nn.Conv2d(24, 5, 1), nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        return self.c(self.middle(F.relu(self.b(F.relu(self.a(x))))))

    def middle(self, y: Tensor) -> Tensor:
        return y


class WhereFillsWithOnes(Net):
    def middle(self, y: Tensor) -> Tensor:
        return y * torch.where(y > 0.2, y, 1.0).sum(1, keepdim=True)


class NumpyConstantFromAPrunedSize(Net):
    def middle(self, y: Tensor) -> Tensor:
        return y * torch.from_numpy(np.full((1, 1, 32, 32), y.shape[1] ** -0.5, np.float32))


class NestedListFromAPrunedSize(Net):
    def middle(self, y: Tensor) -> Tensor:
        return y * torch.tensor([[y.shape[1] / 16.0] * 32] * 32)


class DropoutThatIsItsInput(Net):
    def middle(self, y: Tensor) -> Tensor:
        F.dropout(y, 0.1, False).add_(1)
        return y * y.sum(1, keepdim=True)


class UnequalPartsOfAShape(Net):
    def middle(self, y: Tensor) -> Tensor:
        part = y.shape[1] // 4
        first, rest = y.split([part, y.shape[1] - part], 1)
        return torch.cat((F.relu(first), torch.tanh(rest)), 1)


class SizeOfAnotherTensor(Net):
    def middle(self, y: Tensor) -> Tensor:
        n, c, h, w = y.shape
        other = (y * 2).view(n, c, h * w)
        return other.view(n, c, h, w) + y


@pytest.mark.parametrize(
    "kind",
    [
        WhereFillsWithOnes, NumpyConstantFromAPrunedSize, NestedListFromAPrunedSize,
        DropoutThatIsItsInput, UnequalPartsOfAShape, SizeOfAnotherTensor,
    ],
    ids=lambda kind: kind.__name__,
)  # fmt: skip
@pytest.mark.parametrize("seed", range(3))
def test_the_pruned_network_computes_what_its_twin_does(kind: type[Net], seed: int) -> None:
    torch.manual_seed(seed)
    model = oracle.randomise(kind())
    plan = segprune.make_plan(
        model, X, scope={"a": 0.6, "[bc]*": 0.7}, importance="random", seed=seed
    )
    assert not plan.is_empty
    small, twin = segprune.prune(model, plan).eval(), segprune.mask(model, plan).eval()
    with torch.no_grad():
        assert difference(small(X), twin(X)) < 1e-5
    assert segprune.verify(model, small, plan, X) == ()


@pytest.mark.parametrize("width", range(8, 65, 4))
def test_two_axes_that_keep_as_many_channels_by_chance_deceive_nobody(width: int) -> None:
    class ViewedWithTheOther(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.c = nn.Conv2d(3, width, 3, padding=1), nn.Conv2d(width, width, 1)
            self.h = nn.Conv2d(width, 5, 1)

        def forward(self, x: Tensor) -> Tensor:
            x = self.a(x)
            return self.h(self.c(x).view(x.shape))

    model = ViewedWithTheOther()
    plan = segprune.make_plan(model, X, importance="random", scope={"*": 0.6})
    assert segprune.verify(model, segprune.prune(model, plan), plan, X) == ()


class AskedForParity(Net):
    def middle(self, y: Tensor) -> Tensor:
        return y if y.shape[1] % 2 == 0 else y * 1.5


class AskedForTheLarger(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(3, 12, 1), nn.Conv2d(12, 20, 1), nn.Conv2d(20, 5, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.a(x)
        y = self.b(x)
        return self.c(y.tanh() if x.shape[1] <= y.shape[1] else y)


@pytest.mark.parametrize("kind", [AskedForParity, AskedForTheLarger])
def test_a_question_about_a_size_freezes_it(kind: type[nn.Module]) -> None:
    assert segprune.trace(kind(), X).frozen


def test_tiny_parts_of_a_cut_are_tried_with_unequal_sizes() -> None:
    class Halves(Net):
        def __init__(self) -> None:
            super().__init__()
            self.b, self.c = nn.Conv2d(32, 4, 1), nn.Conv2d(2, 5, 1)

        def middle(self, y: Tensor) -> Tensor:
            return y[:, : y.shape[1] // 2] + 2 * y[:, y.shape[1] // 2 :]

    model = Halves()
    plan = segprune.make_plan(
        model, X, budget={"channels": 0.5}, floor=0.0, min_channels=1, importance="random"
    )
    assert segprune.verify(model, segprune.prune(model, plan), plan, X) == ()


def test_a_gate_that_starts_at_zero_hides_nothing_from_verification() -> None:
    class Hidden(Net):
        def middle(self, y: Tensor) -> Tensor:
            return y + self.gate * torch.tanh(y)

    model = Hidden()
    plan = segprune.make_plan(model, X)
    small = segprune.prune(model, plan)
    assert segprune.verify(model, small, plan, X) == ()
    small.middle = lambda y: y + small.gate * y  # type: ignore[attr-defined]
    assert "equality" in {found.kind for found in segprune.verify(model, small, plan, X)}


def test_masked_logits_are_no_false_alarm() -> None:
    class Masked(Net):
        def forward(self, x: Tensor) -> Tensor:
            y = super().forward(x)
            return y.masked_fill(torch.arange(5).view(1, 5, 1, 1) == 3, float("-inf"))

    model = Masked()
    plan = segprune.make_plan(model, X)
    assert segprune.verify(model, segprune.prune(model, plan), plan, X) == ()


def test_a_network_that_is_random_in_evaluation_mode_is_told_so() -> None:
    class Noisy(Net):
        def middle(self, y: Tensor) -> Tensor:
            return F.dropout2d(y, 0.3)

    model = Noisy()
    plan = segprune.make_plan(model, X)
    found = segprune.verify(model, segprune.prune(model, plan), plan, X)
    assert any("random in evaluation mode" in violation.message for violation in found)


def test_a_lambda_that_holds_on_to_the_original_follows_its_copies() -> None:
    model = Net()
    model.middle = lambda y: torch.tanh(model.c(y)).mean(1, keepdim=True) + y  # type: ignore[method-assign]
    plan = segprune.make_plan(model.eval(), X)
    pruned = segprune.prune(model, plan)
    assert segprune.verify(model, pruned, plan, X) == ()
    with torch.no_grad():
        model.c.weight.zero_()  # of no concern to the copy
    assert pruned.c.weight.any()


def test_a_lambda_out_of_reach_that_holds_on_to_the_original_is_refused() -> None:
    model = Net()
    endless = itertools.cycle([lambda y: torch.tanh(model.c(y)).mean(1, keepdim=True) + y])
    model.middle = lambda y: next(endless)(y)  # type: ignore[method-assign]
    with pytest.raises(segprune.ModelError, match="captured"):
        segprune.trace(model.eval(), X)


def test_nobodys_random_numbers_are_disturbed() -> None:
    torch.manual_seed(1)
    np.random.seed(1)
    wanted = torch.rand(3), np.random.rand(3)
    torch.manual_seed(1)
    np.random.seed(1)
    model = Net()
    torch.manual_seed(1)
    plan = segprune.make_plan(model, X)
    segprune.verify(model, segprune.prune(model, plan), plan, X)
    assert torch.equal(torch.rand(3), wanted[0])
    assert np.array_equal(np.random.rand(3), wanted[1])


# -- plans and files by hand -------------------------------------------------------------------


def edited(plan: segprune.PrunePlan, change: Callable[[dict[str, Any]], object]) -> Any:
    """The plan with a change, and a digest that fits it."""
    data = json.loads(plan.to_json())
    change(data)
    kept = {name: {int(d): r for d, r in dims.items()} for name, dims in data["kept"].items()}
    return segprune.PrunePlan(data["network"], kept, data["attributes"], data["result"])


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data["kept"]["a.weight"]["0"].append(99),
        lambda data: data["kept"]["a.weight"].update({"7": [0]}),
        lambda data: data["kept"].update({"nobody.weight": {"0": [0]}}),
        lambda data: data["kept"].pop("a.bias"),
        lambda data: data["attributes"].update({"a": {"forward": 1}}),
        lambda data: data["attributes"].update({"nobody": {"width": 1}}),
    ],
)
def test_a_plan_made_by_hand_is_refused_where_it_does_not_fit(change: Any) -> None:
    model = Net()
    plan = edited(segprune.make_plan(model, X), change)
    with pytest.raises(segprune.PruneError, match=r"made by hand|has no"):
        segprune.prune(model, plan)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"schema": Infinity}', '{"schema": ' + "9" * 5000 + "}"]
)
def test_json_that_is_hostile_is_refused(text: str) -> None:
    with pytest.raises(segprune.PlanError):
        segprune.PrunePlan.from_json(text)


def test_another_class_with_the_same_tensors_is_not_loaded(tmp_path: Path) -> None:
    model = Net()
    plan = segprune.make_plan(model, X)
    path = segprune.save(tmp_path / "net.safetensors", segprune.prune(model, plan), plan)
    with pytest.raises(segprune.ArtifactError, match="another class"):
        segprune.load(path, model=SizeOfAnotherTensor())


@pytest.mark.parametrize("dtype", [torch.int8, torch.bool, torch.complex64, "float16"])
def test_types_that_cannot_hold_weights_are_refused(dtype: Any, tmp_path: Path) -> None:
    model = Net()
    plan = segprune.make_plan(model, X)
    with pytest.raises(segprune.ArtifactError, match="dtype"):
        segprune.save(tmp_path / "net.safetensors", segprune.prune(model, plan), plan, dtype=dtype)
    assert list(tmp_path.iterdir()) == []


def test_an_edited_header_is_noticed(tmp_path: Path) -> None:
    model = Net()
    plan = segprune.make_plan(model, X)
    small = segprune.prune(model, plan)
    path = segprune.save(tmp_path / "net.safetensors", small, plan, metadata={"mean": 5})
    changed = path.read_bytes().replace(b'\\"mean\\": 5', b'\\"mean\\": 6')
    assert changed != path.read_bytes()
    path.write_bytes(changed)
    with pytest.raises(segprune.ArtifactError, match="changed"):
        segprune.load(path, model=model)


@pytest.mark.parametrize(
    "options",
    [
        {"importance": lambda evidence: None},
        {"floor": "a"},
        {"seed": None},
        {"round_to": True},
        {"importance": "taylor", "calibration": [X], "loss": lambda output, batch: None},
    ],
)
def test_arguments_of_the_wrong_kind_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(segprune.SegpruneError):
        segprune.make_plan(Net(), X, **options)


def test_what_is_no_plan_is_refused() -> None:
    model = Net()
    plan = segprune.make_plan(model, X)
    small = segprune.prune(model, plan)
    for action in (
        lambda: segprune.prune(model, None),  # type: ignore[arg-type]
        lambda: segprune.mask(model, plan.to_json()),  # type: ignore[arg-type]
        lambda: segprune.verify(model, small, plan.to_json(), X),  # type: ignore[arg-type]
        lambda: plan.then(None),  # type: ignore[arg-type]
        lambda: segprune.save("never.safetensors", small, None),  # type: ignore[arg-type]
    ):
        with pytest.raises(segprune.SegpruneError):
            action()
