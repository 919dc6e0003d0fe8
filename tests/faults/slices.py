"""Slices taken wrongly, by the copy or by the plan itself."""

from __future__ import annotations

import torch

from faults.planting import FAULTS, Case, Fault, fault, put, replan, shift_in_copy, shifted
from oracle import select


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
