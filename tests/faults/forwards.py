"""Methods of the network that compute something else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from faults.planting import Case, fault, put, replan, shifted


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
