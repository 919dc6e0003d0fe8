"""The sensitivity of a layer is what its own pruning changes."""

from __future__ import annotations

import pytest
import torch

from segprune.data.source import ImageSource
from segprune.errors import InputError
from segprune.workflows.dense import Dense, on_images
from segprune.workflows.open import open_network
from segprune.workflows.sensitivity import run_sensitivity
from workflows.small import SIZE, four, macs


@pytest.fixture(scope="module")
def dense() -> Dense:
    return on_images(open_network(four()), SIZE, ImageSource())


def test_each_layer_is_pruned_alone_to_the_share_that_is_asked_for(dense: Dense) -> None:
    record = run_sensitivity("four", dense, keep=0.5)
    rows = {row.layers: row for row in record.layers}
    assert set(rows) == {("first",), ("second",)}
    for name, width, saved in (("first", 8, macs(4, 12)), ("second", 12, macs(8, 6))):
        row = rows[name,]
        assert (row.channels, row.kept) == (width, width // 2)
        assert row.macs == pytest.approx(1 - saved / macs(8, 12))


def test_the_change_is_that_of_zeroed_channels(dense: Dense) -> None:
    (row,) = run_sensitivity("four", dense, layers=["second"], keep=0.5).layers
    with torch.no_grad():
        before = four()(dense.example)
        twin = four()
        norms = twin.second.weight.flatten(1).norm(dim=1)
        gone = norms.argsort()[:6]
        twin.second.weight[gone] = 0
        twin.second.bias[gone] = 0
        after = twin(dense.example)
    assert row.changed == pytest.approx((before.argmax(1) != after.argmax(1)).float().mean().item())
    assert row.error == pytest.approx(((after - before).norm() / before.norm()).item(), rel=1e-3)


def test_a_share_that_keeps_all_or_nothing_and_a_layer_that_is_not_there_are_refused(
    dense: Dense,
) -> None:
    for keep in (0.0, 1.0):
        with pytest.raises(InputError, match="keep: expected a share between 0 and 1"):
            run_sensitivity("four", dense, keep=keep)
    with pytest.raises(InputError, match="layers: expected a glob"):
        run_sensitivity("four", dense, layers=["third"])
