"""Faults that show only in some way to run the network, or only on a scale of their own."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from faults.forwards import hook
from faults.planting import Case, fault


def changed_where(acts: Any) -> Any:
    def after(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        return output.flip(1) if acts(module) else output

    return after


@fault("equality", keeps_shapes=True, survives_training=True)
def a_hook_acts_in_inference_mode_only(case: Case) -> None:
    act = changed_where(lambda module: torch.is_inference_mode_enabled())
    case.pruned.mixed.register_forward_hook(act)


@fault("equality", keeps_shapes=True, survives_training=True)
def a_hook_acts_under_no_grad_only(case: Case) -> None:
    act = changed_where(
        lambda module: not torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
    )
    case.pruned.mixed.register_forward_hook(act)


@fault("equality", keeps_shapes=True, survives_training=True)
def a_hook_acts_with_gradients_enabled_only(case: Case) -> None:
    act = changed_where(lambda module: torch.is_grad_enabled() and not module.training)
    case.pruned.mixed.register_forward_hook(act)


@fault("equality", keeps_shapes=True, survives_training=True)
def a_hook_acts_in_training_mode_only(case: Case) -> None:
    case.pruned.mixed.register_forward_hook(changed_where(lambda module: module.training))


@fault("equality", keeps_shapes=True, survives_training=True)
def a_hook_acts_only_where_a_norm_is_in_training_mode(case: Case) -> None:
    case.pruned.norm.register_forward_hook(changed_where(lambda module: module.training))


@fault("gradient", keeps_shapes=True, survives_training=True)
def a_hook_doubles_the_gradient_on_its_way_back(case: Case) -> None:
    def double(module: nn.Module, given: Any, output: Any) -> Any:
        return tuple(None if gradient is None else 2 * gradient for gradient in given)

    case.pruned.mixed.register_full_backward_hook(double)


@fault("gradient", keeps_shapes=True, survives_training=True)
def a_tensor_within_the_forward_reverses_its_gradient(case: Case) -> None:
    def after(module: nn.Module, inputs: Any, output: Tensor) -> None:
        if output.requires_grad:
            output.register_hook(lambda gradient: -gradient)

    case.pruned.point.register_forward_hook(after)


@fault("equality", keeps_shapes=True, survives_training=True)
def a_faint_channel_beside_strong_ones_differs(case: Case) -> None:
    scale = torch.tensor([1.0, 1e-9, 1.0, 1e9, 1.0]).view(1, 5, 1, 1)
    case.dense.head.register_forward_hook(hook(lambda y: y * scale.to(y)))
    wrong = torch.tensor([1.0, 1.001e-9, 1.0, 1e9, 1.0]).view(1, 5, 1, 1)
    case.pruned.head.register_forward_hook(hook(lambda y: y * wrong.to(y)))


@fault("equality", keeps_shapes=True, survives_training=True)
def a_channel_that_is_zero_in_the_dense_network_is_faint(case: Case) -> None:
    scale = torch.tensor([1.0, 0.0, 1.0, 1.0, 1.0]).view(1, 5, 1, 1)
    case.dense.head.register_forward_hook(hook(lambda y: y * scale.to(y)))
    case.pruned.head.register_forward_hook(hook(lambda y: y * scale.to(y).clamp(min=1e-14)))


@fault("degenerate", keeps_shapes=True, survives_training=True)
def one_channel_answers_the_same_to_everything(case: Case) -> None:
    scale = torch.tensor([1.0, 0.0, 1.0, 1.0, 1.0]).view(1, 5, 1, 1)
    for network in (case.dense, case.pruned):
        network.head.register_forward_hook(hook(lambda y: y * scale.to(y)))


@fault("degenerate", keeps_shapes=True, survives_training=True)
def an_auxiliary_output_answers_the_same_to_everything(case: Case) -> None:
    for network in (case.dense, case.pruned):
        network.aux.register_forward_hook(hook(lambda y: y * 0 + 1))
