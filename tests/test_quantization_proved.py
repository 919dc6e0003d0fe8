"""`verify` proves networks whose observers are active, though each run changes buffers."""

from __future__ import annotations

import dataclasses

import pytest
import torch

import segprune
from faults.planting import shifted
from test_quantization import X, prepared

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")


@pytest.mark.parametrize("backend", ["fbgemm", "qnnpack"])
def test_a_network_that_observes_in_evaluation_mode_is_proved_and_stays_as_it_is(
    backend: str,
) -> None:
    """The observers change their ranges in each run, which is nothing random."""
    network = prepared(backend)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    plan = segprune.make_plan(network, X, scope={"*": 0.5}, importance="random")
    assert segprune.verify(network, segprune.prune(network, plan), plan, X) == ()
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    network(3 * X)
    after = network.state_dict()
    assert any(not torch.equal(after[name], tensor) for name, tensor in before.items())


def test_a_wrong_plan_of_such_a_network_is_refused() -> None:
    network = prepared("fbgemm")
    plan = segprune.make_plan(network, X, scope={"*": 0.5}, importance="random")
    kept = {name: dict(dims) for name, dims in plan.kept.items()}
    kept["3.weight"][1] = shifted(kept["3.weight"][1], 16)
    wrong = dataclasses.replace(plan, kept=kept)
    found = segprune.verify(network, segprune.prune(network, wrong), wrong, X)
    assert "equality" in {one.kind for one in found}
