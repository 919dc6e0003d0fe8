"""Faults planted into a correct pruning, each with the kind of violation that it must cause.

A fault changes the pruned network, the plan, or both; `keeps_shapes` says that every tensor still
has the shape that the plan promises, `survives_training` that it shows without comparing values.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import prune as torch_prune

import segprune
from networks import ConvNormAct
from oracle import select
from segprune.network import network_digest

Kept = dict[str, dict[int, tuple[int, ...]]]


class Patient(nn.Module):
    """A network with one of everything that a fault may hit."""

    traced_methods = ("forward", "forward_with_aux")

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvNormAct(3, 24, stride=2)
        self.deep = nn.Conv2d(24, 48, 3, padding=1, groups=24, bias=False)
        self.norm = nn.BatchNorm2d(48)
        self.point, self.act = nn.Conv2d(48, 32, 1), nn.PReLU(32)
        self.mixed = nn.Conv2d(32, 32, 3, padding=1, groups=4)
        self.twin_a, self.twin_b = nn.Conv2d(32, 32, 1), nn.Conv2d(32, 32, 1)
        self.twin_b.weight = self.twin_a.weight
        self.join = ConvNormAct(24 + 32 + 32, 40)
        self.up = nn.ConvTranspose2d(40, 32, 2, 2)
        self.register_buffer("scale", torch.linspace(0.5, 1.5, 32).view(1, 32, 1, 1))
        self.head, self.side = nn.Conv2d(32, 5, 1), nn.Conv2d(40, 5, 1)
        self.aux = nn.Sequential(ConvNormAct(32, 16), nn.Conv2d(16, 5, 1))

    def features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        a = self.stem(x)
        b = self.act(self.point(F.relu(self.norm(self.deep(a)))))
        b = b + F.relu(self.mixed(b))
        c = F.relu(self.twin_a(b)) + torch.tanh(self.twin_b(b))
        return b, self.join(torch.cat((a, b, c), 1))

    def decode(self, x: Tensor) -> dict[str, Tensor]:
        y = self.up(x) * self.scale
        return {"out": self.head(F.relu(y)), "side": self.side(x)}

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return self.decode(self.features(x)[1])

    def forward_with_aux(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        b, y = self.features(x)
        return self.decode(y)["out"], (self.aux(b),)


@dataclass(frozen=True)
class Case:
    """A dense network, its pruned copy and the plan between them."""

    dense: nn.Module
    pruned: nn.Module
    plan: Any

    def tensor(self, name: str) -> Tensor:
        return self.pruned.state_dict()[name]

    def full(self, name: str) -> Tensor:
        return self.dense.state_dict()[name].detach().clone()

    def kept(self) -> Kept:
        return {name: dict(dims) for name, dims in self.plan.kept.items()}


Plant = Callable[[Case], "Case | None"]


@dataclass(frozen=True)
class Fault:
    name: str
    kind: str
    plant: Plant
    keeps_shapes: bool
    survives_training: bool

    def __str__(self) -> str:
        return self.name


FAULTS: list[Fault] = []


def fault(
    kind: str, *, keeps_shapes: bool = False, survives_training: bool = False
) -> Callable[[Plant], Plant]:
    def register(plant: Plant) -> Plant:
        name = plant.__name__.replace("_", " ")
        FAULTS.append(Fault(name, kind, plant, keeps_shapes, survives_training))
        return plant

    return register


def put(network: nn.Module, name: str, tensor: Tensor) -> None:
    """Replace the named parameter or buffer by a tensor of its own."""
    path, _, leaf = name.rpartition(".")
    module = network.get_submodule(path)
    tensor = tensor.detach().clone()
    if leaf in module._parameters:
        module._parameters[leaf] = nn.Parameter(tensor)
    else:
        module._buffers[leaf] = tensor


def shifted(indices: tuple[int, ...], size: int) -> tuple[int, ...]:
    """Other indices, as many: every kept one moves up by one."""
    return tuple(sorted((index + 1) % size for index in indices))


def shift_in_copy(case: Case, name: str, dim: int = 0) -> None:
    """The copy took the slice one further; the plan is right."""
    full, kept = case.full(name), case.kept()[name]
    put(case.pruned, name, select(full, kept | {dim: shifted(kept[dim], full.shape[dim])}))


def replan(case: Case, kept: Kept, *, rebuild: tuple[str, ...]) -> Case:
    """A plan that says something else, and a copy that was cut as that plan says."""
    for name in rebuild:
        put(case.pruned, name, select(case.full(name), kept[name]))
    shapes = {name: tuple(tensor.shape) for name, tensor in case.pruned.state_dict().items()}
    plan = dataclasses.replace(case.plan, kept=kept, result=network_digest(shapes))
    return Case(case.dense, case.pruned, plan)


# ---------------------------------------------------------------- a slice taken wrongly


def _norm_slice(leaf: str) -> None:
    @fault("value", keeps_shapes=True)
    def plant(case: Case) -> None:
        shift_in_copy(case, f"join.1.{leaf}")

    FAULTS[-1] = Fault(f"the norm's {leaf} is sliced one off", "value", plant, True, False)

    @fault("shape", survives_training=True)
    def forget(case: Case) -> None:
        put(case.pruned, f"join.1.{leaf}", case.full(f"join.1.{leaf}"))

    FAULTS[-1] = Fault(f"the norm's {leaf} is not sliced", "shape", forget, False, True)


for _leaf in ("weight", "bias", "running_mean", "running_var"):
    _norm_slice(_leaf)


@fault("value", keeps_shapes=True)
def rows_are_taken_one_off(case: Case) -> None:
    shift_in_copy(case, "stem.0.weight")


@fault("value", keeps_shapes=True)
def columns_are_taken_one_off(case: Case) -> None:
    shift_in_copy(case, "head.weight", dim=1)


@fault("value", keeps_shapes=True)
def the_last_index_is_one_off(case: Case) -> None:
    full, kept = case.full("head.weight"), case.kept()["head.weight"]
    unused = sorted(set(range(full.shape[1])) - set(kept[1]))
    put(case.pruned, "head.weight", select(full, {1: (*kept[1][:-1], unused[-1])}))


@fault("value", keeps_shapes=True)
def the_concatenation_offset_is_wrong(case: Case) -> None:
    """Columns of the second and third part read as if the first part had one channel less."""
    full, kept = case.full("join.0.weight"), case.kept()["join.0.weight"]
    columns = tuple(i if i < 24 else i - 1 for i in kept[1])
    put(case.pruned, "join.0.weight", select(full, {0: kept[0], 1: columns}))


@fault("value", keeps_shapes=True)
def the_prelu_slopes_are_shifted(case: Case) -> None:
    shift_in_copy(case, "act.weight")


@fault("value", keeps_shapes=True)
def the_buffer_is_shifted(case: Case) -> None:
    shift_in_copy(case, "scale", dim=1)


@fault("value", keeps_shapes=True)
def the_transposed_convolution_is_cut_along_the_wrong_rows(case: Case) -> None:
    shift_in_copy(case, "up.weight", dim=0)


@fault("value", keeps_shapes=True)
def the_depthwise_rows_are_taken_in_another_order(case: Case) -> None:
    tensor = case.tensor("deep.weight")
    half = len(tensor) // 2
    put(case.pruned, "deep.weight", torch.stack((tensor[:half], tensor[half:]), 1).flatten(0, 1))


@fault("value", keeps_shapes=True)
def channels_are_permuted(case: Case) -> None:
    put(case.pruned, "point.weight", case.tensor("point.weight").flip(0))


@fault("value", keeps_shapes=True)
def input_columns_are_permuted(case: Case) -> None:
    put(case.pruned, "join.0.weight", case.tensor("join.0.weight").roll(1, 1))


@fault("value", keeps_shapes=True)
def one_row_has_other_values(case: Case) -> None:
    tensor = case.tensor("point.weight").clone()
    tensor[1] *= 1.0001
    put(case.pruned, "point.weight", tensor)


@fault("value", keeps_shapes=True)
def a_bias_is_zeroed(case: Case) -> None:
    put(case.pruned, "up.bias", torch.zeros_like(case.tensor("up.bias")))


@fault("value", keeps_shapes=True)
def an_unpruned_tensor_is_touched(case: Case) -> None:
    put(case.pruned, "head.bias", case.tensor("head.bias") + 1e-3)


@fault("shape", survives_training=True)
def one_channel_too_many_is_kept(case: Case) -> None:
    kept = case.kept()["point.weight"]
    unused = next(i for i in range(32) if i not in kept[0])
    rows = {0: tuple(sorted((*kept[0], unused)))}
    put(case.pruned, "point.weight", select(case.full("point.weight"), kept | rows))


@fault("shape", survives_training=True)
def the_class_head_is_cut(case: Case) -> None:
    put(case.pruned, "head.weight", case.tensor("head.weight")[:4])
    put(case.pruned, "head.bias", case.tensor("head.bias")[:4])
    case.pruned.head.out_channels = 4


# ---------------------------------------------------------------- a plan that is wrong itself


@fault("equality", keeps_shapes=True, survives_training=True)
def the_plan_keeps_other_norm_entries_than_rows(case: Case) -> Case:
    kept = case.kept()
    names = tuple(f"join.1.{leaf}" for leaf in ("weight", "bias", "running_mean", "running_var"))
    for name in names:
        kept[name] = {0: shifted(kept[name][0], 40)}
    return replan(case, kept, rebuild=names)


@fault("equality", keeps_shapes=True)
def the_plan_keeps_another_running_mean(case: Case) -> Case:
    kept = case.kept()
    kept["join.1.running_mean"] = {0: shifted(kept["join.1.running_mean"][0], 40)}
    return replan(case, kept, rebuild=("join.1.running_mean",))


@fault("equality", keeps_shapes=True)
def the_plan_keeps_another_bias(case: Case) -> Case:
    kept = case.kept()
    kept["point.bias"] = {0: shifted(kept["point.bias"][0], 32)}
    return replan(case, kept, rebuild=("point.bias",))


@fault("equality", keeps_shapes=True)
def the_plan_keeps_other_slopes(case: Case) -> Case:
    kept = case.kept()
    kept["act.weight"] = {0: shifted(kept["act.weight"][0], 32)}
    return replan(case, kept, rebuild=("act.weight",))


@fault("equality", keeps_shapes=True, survives_training=True)
def the_plan_keeps_other_columns_than_its_producer_rows(case: Case) -> Case:
    kept = case.kept()
    kept["head.weight"] = kept["head.weight"] | {1: shifted(kept["head.weight"][1], 32)}
    return replan(case, kept, rebuild=("head.weight",))


@fault("equality", keeps_shapes=True, survives_training=True)
def the_plan_counts_the_concatenation_from_one(case: Case) -> Case:
    kept = case.kept()
    columns = tuple(i if i < 24 else 24 + (i - 24 + 1) % 64 for i in kept["join.0.weight"][1])
    kept["join.0.weight"][1] = tuple(sorted(columns))
    return replan(case, kept, rebuild=("join.0.weight",))


@fault("equality", keeps_shapes=True, survives_training=True)
def the_plan_cuts_a_residual_branch_elsewhere(case: Case) -> Case:
    kept = case.kept()
    weight, bias = kept["twin_b.weight"], kept["twin_b.bias"]
    kept["twin_b.bias"] = {0: shifted(bias[0], 32)}
    assert weight[0] == bias[0]
    return replan(case, kept, rebuild=("twin_b.bias",))


@fault("interface", survives_training=True)
def the_plan_cuts_the_class_head(case: Case) -> Case:
    kept = case.kept()
    kept["head.weight"] = kept["head.weight"] | {0: (0, 1, 3, 4)}
    kept["head.bias"] = {0: (0, 1, 3, 4)}
    case.pruned.head.out_channels = 4
    return replan(case, kept, rebuild=("head.weight", "head.bias"))


# ---------------------------------------------------------------- attributes


@fault("attribute", keeps_shapes=True, survives_training=True)
def the_groups_are_not_updated(case: Case) -> None:
    case.pruned.deep.groups = case.dense.deep.groups


@fault("attribute", keeps_shapes=True, survives_training=True)
def the_output_channels_lie(case: Case) -> None:
    case.pruned.point.out_channels = case.dense.point.out_channels


@fault("attribute", keeps_shapes=True, survives_training=True)
def the_input_channels_lie(case: Case) -> None:
    case.pruned.head.in_channels += 1


@fault("attribute", keeps_shapes=True, survives_training=True)
def the_number_of_features_lies(case: Case) -> None:
    case.pruned.join[1].num_features = case.dense.join[1].num_features


@fault("attribute", keeps_shapes=True, survives_training=True)
def the_number_of_slopes_lies(case: Case) -> None:
    case.pruned.act.num_parameters = 32


@fault("attribute", keeps_shapes=True, survives_training=True)
def the_norms_momentum_is_another(case: Case) -> None:
    case.pruned.join[1].momentum = 0.5


@fault("equality", keeps_shapes=True, survives_training=True)
def the_norms_epsilon_is_another(case: Case) -> None:
    case.pruned.join[1].eps = 0.1


@fault("interface", keeps_shapes=True, survives_training=True)
def the_stride_is_another(case: Case) -> None:
    case.pruned.stem[0].stride = (1, 1)


@fault("equality", keeps_shapes=True, survives_training=True)
def padding_and_dilation_are_others(case: Case) -> None:
    case.pruned.mixed.padding = case.pruned.mixed.dilation = (2, 2)


# ---------------------------------------------------------------- not removed at all


@fault("masked", survives_training=True)
def channels_are_only_masked(case: Case) -> Case:
    return Case(case.dense, segprune.mask(case.dense, case.plan), case.plan)


@fault("masked", survives_training=True)
def masks_are_left_on_a_layer(case: Case) -> None:
    torch_prune.ln_structured(case.pruned.point, "weight", 0.3, n=2, dim=0)


@fault("regrown", survives_training=True)
def the_zeros_of_the_masked_network_have_regrown(case: Case) -> Case:
    network = segprune.mask(case.dense, case.plan)
    rng = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        parameter.data += 0.01 * torch.randn(parameter.shape, generator=rng)
    return Case(case.dense, network, case.plan)


@fault("shape", survives_training=True)
def nothing_is_pruned(case: Case) -> Case:
    return Case(case.dense, copy.deepcopy(case.dense), case.plan)


@fault("unexpected-tensor", survives_training=True)
def a_mask_buffer_is_left(case: Case) -> None:
    rows = len(case.tensor("point.weight"))
    case.pruned.point.register_buffer("mask", torch.ones(rows))


# ---------------------------------------------------------------- storage and sharing


@fault("storage", keeps_shapes=True, survives_training=True)
def storage_is_shared_with_the_dense_network(case: Case) -> None:
    case.pruned.head.bias = nn.Parameter(case.dense.head.bias.detach())


@fault("storage", keeps_shapes=True, survives_training=True)
def a_parameter_is_a_view_into_larger_storage(case: Case) -> None:
    tensor = case.tensor("point.weight")
    whole = torch.cat((tensor, tensor)).detach().clone()
    case.pruned.point.weight = nn.Parameter(whole[: len(tensor)])


@fault("storage", keeps_shapes=True, survives_training=True)
def tied_weights_are_untied(case: Case) -> None:
    put(case.pruned, "twin_b.weight", case.tensor("twin_a.weight"))


@fault("storage", keeps_shapes=True, survives_training=True)
def two_biases_are_tied_that_were_not(case: Case) -> None:
    case.pruned.side.bias = case.pruned.head.bias


# ---------------------------------------------------------------- tensors


@fault("not-finite", keeps_shapes=True, survives_training=True)
def a_weight_is_not_a_number(case: Case) -> None:
    case.tensor("side.weight")[0, 0] = float("nan")


@fault("unexpected-tensor", survives_training=True)
def there_is_an_extra_parameter(case: Case) -> None:
    case.pruned.head.gain = nn.Parameter(torch.ones(1))


@fault("missing-tensor", survives_training=True)
def a_buffer_is_missing(case: Case) -> None:
    case.pruned.join[1].num_batches_tracked = None


@fault("missing-tensor", survives_training=True)
def a_bias_is_missing(case: Case) -> None:
    case.pruned.point.bias = None


@fault("interface", keeps_shapes=True, survives_training=True)
def the_dtype_is_another(case: Case) -> None:
    case.pruned.double()


@fault("gradient", keeps_shapes=True, survives_training=True)
def a_parameter_no_longer_requires_a_gradient(case: Case) -> None:
    case.pruned.mixed.weight.requires_grad_(False)


# ---------------------------------------------------------------- the forward


def hook(change: Callable[[Any], Any]) -> Callable[..., Any]:
    def after(module: nn.Module, inputs: Any, output: Any) -> Any:
        return change(output)

    return after


@fault("gradient", keeps_shapes=True, survives_training=True)
def the_forward_cuts_the_gradient(case: Case) -> None:
    case.pruned.mixed.register_forward_hook(hook(lambda y: y.detach()))


@fault("equality", keeps_shapes=True, survives_training=True)
def a_relu_is_dropped(case: Case) -> None:
    case.pruned.stem[2] = nn.Identity()


@fault("equality", keeps_shapes=True, survives_training=True)
def the_outputs_are_averaged(case: Case) -> None:
    mean = hook(lambda y: y.mean(1, keepdim=True).expand_as(y))
    case.pruned.head.register_forward_hook(mean)


@fault("equality", keeps_shapes=True, survives_training=True)
def the_output_hardly_differs_but_differs(case: Case) -> None:
    case.pruned.head.register_forward_hook(hook(lambda y: y * (1 + 1e-6)))


@fault("interface", keeps_shapes=True, survives_training=True)
def an_output_key_is_dropped(case: Case) -> None:
    def drop(module: nn.Module, inputs: Any, output: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"out": output["out"]}

    case.pruned.register_forward_hook(drop)


@fault("interface", keeps_shapes=True, survives_training=True)
def the_output_is_resized(case: Case) -> None:
    case.pruned.head.register_forward_hook(hook(lambda y: y[..., ::2, ::2]))


@fault("degenerate", keeps_shapes=True, survives_training=True)
def both_networks_answer_the_same_to_everything(case: Case) -> None:
    zero = hook(lambda out: {name: y * 0 for name, y in out.items()})
    case.dense.register_forward_hook(zero)
    case.pruned.register_forward_hook(zero)


@fault("run", survives_training=True)
def the_forward_raises_for_other_sizes(case: Case) -> None:
    def check(y: Tensor) -> Tensor:
        if y.shape[-1] != 16 or y.shape[0] != 1:
            raise RuntimeError("written for 32 columns")
        return y

    case.pruned.stem.register_forward_hook(hook(check))


# ---------------------------------------------------------------- the training method


@fault("shape", survives_training=True)
def the_auxiliary_head_is_not_cut(case: Case) -> None:
    put(case.pruned, "aux.0.0.weight", case.full("aux.0.0.weight"))


@fault("equality", keeps_shapes=True, survives_training=True)
def the_auxiliary_head_lost_its_activation(case: Case) -> None:
    case.pruned.aux[0][2] = nn.Identity()


@fault("equality", keeps_shapes=True, survives_training=True)
def the_plan_cuts_the_auxiliary_columns_elsewhere(case: Case) -> Case:
    kept = case.kept()
    name = "aux.0.0.weight"
    kept[name] = kept[name] | {1: shifted(kept[name][1], 32)}
    return replan(case, kept, rebuild=(name,))
