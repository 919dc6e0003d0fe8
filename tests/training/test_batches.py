"""Batches: each image of an epoch once, in one process or in several."""

from __future__ import annotations

import pytest

from segprune.data.order import EpochOrder


@pytest.mark.parametrize("world", [1, 2, 3])
def test_processes_part_an_epoch_among_them(world: int) -> None:
    orders = [EpochOrder(13, 2, seed=4, rank=rank, world=world) for rank in range(world)]
    for epoch in (0, 1, 7):
        for order in orders:
            order.set_epoch(epoch)
        parts = [list(order) for order in orders]
        together = [key for part in parts for key in part]
        assert {len(part) for part in parts} == {13 // (2 * world) * 2}
        assert len(set(together)) == len(together)
        assert {e for e, _ in together} == {epoch}
        # The first batches of all are the first samples of one process with larger batches.
        whole = EpochOrder(13, 2 * world, seed=4)
        whole.set_epoch(epoch)
        assert {key for part in parts for key in part[:2]} == set(list(whole)[: 2 * world])
