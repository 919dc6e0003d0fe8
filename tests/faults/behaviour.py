"""Modules whose behaviour changed while all tensors stayed the same, and plans that do not fit."""

from __future__ import annotations

import dataclasses

from torch import nn

from faults.planting import Case, fault


@fault("behaviour", keeps_shapes=True, survives_training=True)
def an_activation_is_another_that_agrees_on_small_numbers(case: Case) -> None:
    case.pruned.stem[2] = nn.ReLU6()


@fault("behaviour", keeps_shapes=True, survives_training=True)
def a_hook_acts_in_training_only(case: Case) -> None:
    case.pruned.norm.register_forward_hook(lambda m, x, y: y.flip(1) if m.training else y)


@fault("behaviour", keeps_shapes=True, survives_training=True)
def a_norm_is_left_in_training_mode(case: Case) -> None:
    case.pruned.norm.train()


@fault("plan", keeps_shapes=True, survives_training=True)
def the_plan_promises_another_result(case: Case) -> Case:
    return dataclasses.replace(case, plan=dataclasses.replace(case.plan, result="0" * 64))


@fault("plan", survives_training=True)
def the_plan_names_a_tensor_of_no_network(case: Case) -> Case:
    kept = {**case.kept(), "no.such.weight": {0: (0, 1)}}
    return dataclasses.replace(case, plan=dataclasses.replace(case.plan, kept=kept))
