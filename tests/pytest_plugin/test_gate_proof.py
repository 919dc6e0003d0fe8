"""The proof gate: the file is what its plan makes of the dense network, with channels removed."""

from __future__ import annotations

from pytest_plugin.repository import RED, Repository, output


def test_the_proved_network_passes(repository: Repository) -> None:
    assert repository.run("-k", "proof", "--segprune-partial").ret == 0


def test_a_network_that_keeps_every_channel_is_red(repository: Repository) -> None:
    import segprune

    namespace: dict[str, object] = {"__file__": str(repository.path / "my_networks.py")}
    exec((repository.path / "my_networks.py").read_text(), namespace)
    dense = namespace["make_network"]()  # type: ignore[operator]
    import torch

    whole = segprune.make_plan(dense, torch.rand(1, 3, 32, 64), budget={"macs": 1.0})
    segprune.save(repository.path / "half.safetensors", segprune.prune(dense, whole), whole)
    result = repository.run("-k", "proof", "--segprune-partial")
    assert result.ret == RED
    assert "mine-half, proof: NOT_COMPARABLE" in output(result)
