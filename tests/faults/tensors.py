"""Channels that were never removed, tensors that share, and tensors that are others."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.nn.utils import prune as torch_prune

import segprune
from faults.planting import Case, fault, put


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
