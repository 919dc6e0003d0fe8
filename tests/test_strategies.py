"""The random networks are worth testing with: each construct occurs, runs, and loses channels."""

from __future__ import annotations

import dataclasses
from collections import Counter

import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings

import oracle
import segprune
from networks import FREE
from strategies import BLOCKS, HEADS, LINKS, Spec, specs


def drawn(count: int, names: tuple[str, ...] = tuple(BLOCKS)) -> list[Spec]:
    found: list[Spec] = []
    quiet = (HealthCheck.too_slow, HealthCheck.data_too_large)

    @settings(
        max_examples=count, database=None, derandomize=True, phases=(Phase.generate,),
        suppress_health_check=quiet, deadline=None,
    )  # fmt: skip
    @given(specs(names))
    def collect(spec: Spec) -> None:
        found.append(spec)

    collect()
    return found


def test_every_construct_link_and_head_occurs_often_enough() -> None:
    found = drawn(2000)
    blocks = Counter(stage.block for spec in found for stage in spec.stages)
    links = Counter(stage.link for spec in found for stage in spec.stages)
    heads = Counter(spec.head for spec in found)
    assert set(blocks) == set(BLOCKS)
    assert min(blocks.values()) >= 3, blocks
    assert all(links[link] >= 100 for link in LINKS), links
    assert all(heads[head] >= 100 for head in HEADS), heads


def test_different_constructs_meet_in_one_network() -> None:
    together = [len({stage.block for stage in spec.stages}) for spec in drawn(300)]
    assert sum(count >= 2 for count in together) >= 100


@given(specs())
def test_every_random_network_runs_in_both_modes_and_its_output_varies(spec: Spec) -> None:
    network, example = spec.build(), spec.example()
    first = oracle.run(network, example)
    assert oracle.difference(oracle.run(network, oracle.fresh(example, batch=1)), first) > 1e-6
    assert oracle.gradients(network, example, train=True)


@given(specs())
def test_equal_specifications_build_equal_networks(spec: Spec) -> None:
    first, second = spec.build().state_dict(), spec.build().state_dict()
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.slow
def test_every_free_construct_loses_channels_in_most_networks_it_occurs_in() -> None:
    """Each in three networks whose other constructs no literal holds.

    Constructs without watched layers may stay frozen, and freeze what they are summed with.
    """
    names = tuple(kind.__name__ for kind in FREE if kind.watch)
    bases = drawn(3 * len(names), names)
    lost: Counter[str] = Counter()
    for number, base in enumerate(bases):
        first = dataclasses.replace(base.stages[0], block=names[number % len(names)])
        spec = dataclasses.replace(base, stages=(first, *base.stages[1:]))
        graph = segprune.trace(spec.build(), spec.example())
        free = {layer.name: layer.free for layer in graph.layers}
        lost[first.block] += any(free[n] for n in free if n.startswith("stages.0.block."))
    assert len(bases) == 3 * len(names)
    assert sum(lost.values()) >= 0.95 * len(bases)
    assert not {name for name in names if lost[name] < 2}
