"""Attributes of modules that are others than the plan makes them."""

from __future__ import annotations

from faults.planting import Case, fault


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
