"""Building by name, specs, and what is said about bad input."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from segprune.models import available, build, spec_of

OPTIONS = st.fixed_dictionaries(
    {
        "num_classes": st.integers(1, 200),
        "aux": st.booleans(),
        "width": st.floats(0.05, 2.0) | st.sampled_from([1, 2]),
    }
)
NAMED_OPTIONS = st.one_of(
    st.tuples(st.just("bisenetv2"), OPTIONS),
    st.tuples(
        st.just("icnet"),
        st.builds(
            lambda options, trunk, whole: options | {"trunk": trunk, "whole_trunk": whole},
            OPTIONS,
            st.sampled_from(["resnet18", "resnet50"]),
            st.booleans(),
        ),
    ),
)


def on_meta(name: str, **options: Any) -> nn.Module:
    with torch.device("meta"):
        return build(name, **options)


def shapes(model: nn.Module) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in model.state_dict().items()}


def test_available_names_are_those_that_build() -> None:
    assert available() == ("bisenetv2", "icnet")
    for name in available():
        assert isinstance(on_meta(name), nn.Module)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(NAMED_OPTIONS)
def test_a_spec_survives_json_and_rebuilds_the_same_network(
    named: tuple[str, dict[str, Any]],
) -> None:
    name, options = named
    model = on_meta(name, **options)
    spec = json.loads(json.dumps(spec_of(model)))
    assert spec == {"name": name, "options": options}
    again = on_meta(spec["name"], **spec["options"])
    assert shapes(again) == shapes(model)
    assert str(again) == str(model)
    assert spec_of(again) == spec


@pytest.mark.parametrize("name", available())
def test_a_spec_holds_every_option_resolved(name: str) -> None:
    expected: dict[str, Any] = {"num_classes": 19, "aux": True, "width": 1.0}
    if name == "icnet":
        expected |= {"trunk": "resnet18", "whole_trunk": True}
    assert spec_of(on_meta(name)) == {"name": name, "options": expected}


def test_a_spec_survives_deepcopy_and_belongs_to_the_caller() -> None:
    model = copy.deepcopy(on_meta("bisenetv2", width=0.5))
    spec = spec_of(model)
    assert spec is not None
    assert spec["options"]["width"] == 0.5
    spec["options"]["width"] = 2.0
    assert spec_of(model) != spec


def test_a_network_from_elsewhere_has_no_spec() -> None:
    assert spec_of(nn.Conv2d(3, 3, 1)) is None


def test_the_same_seed_builds_the_same_weights() -> None:
    states = []
    for _ in range(2):
        torch.manual_seed(3)
        states.append(build("bisenetv2", width=0.25).state_dict())
    torch.testing.assert_close(states[0], states[1], rtol=0, atol=0)
