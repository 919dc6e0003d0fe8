import pytest

from networks import make_network

pytestmark = pytest.mark.segprune(
    "half",  # its baseline: baselines/half.json
    dense=make_network,
    weights="dense.safetensors",
    artifact="half.safetensors",
    data="streets",
    budget={"macs": 0.5, "miou_loss": 2.0, "class_loss": 8.0, "speedup": 1.05},
)


def test_size(segprune_gate):
    segprune_gate.size()


def test_proof(segprune_gate):
    segprune_gate.proof()


def test_accuracy(segprune_gate):
    segprune_gate.accuracy()


def test_speed(segprune_speed):
    segprune_speed()
