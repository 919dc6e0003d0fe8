"""A network, its plan, and what a refusal has to be."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
from torch import nn

import segprune
from networks import Construct
from networks.whole import UNet
from segprune.errors import (
    SegpruneError,
)


@functools.cache
def unet() -> tuple[nn.Module, Any, Any, Any, nn.Module]:
    network, example = Construct("UNet", UNet).build()
    graph = segprune.trace(network, example)
    plan = segprune.make_plan(network, graph, budget={"macs": 0.5})
    return network, example, graph, plan, segprune.prune(network, plan)


def planned(**options: Any) -> Any:
    network, _, graph, _, _ = unet()
    return segprune.make_plan(network, graph, **options)


def words_of(error: BaseException) -> str:
    return str(error).lower()


def refuses(
    action: Callable[[], Any], *words: str, error: type[SegpruneError] = SegpruneError
) -> None:
    """The action raises `error`, whose message holds every word and says what to do."""
    with pytest.raises(error) as caught:
        action()
    message = words_of(caught.value)
    missing = [word for word in words if word.lower() not in message]
    assert not missing, (missing, message)
    assert len(message.split()) >= 8, f"too short to name thing, expectation and remedy: {message}"
