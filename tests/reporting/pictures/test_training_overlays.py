"""Pictures that a training leaves."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from reporting.pictures.tiny import eleven, read
from segprune.errors import InputError
from segprune.records.preprocessing import Preprocessing
from segprune.workflows.train.overlays import write_overlays


def test_overlays_of_a_training_are_evenly_spaced_and_leave_the_network_alone(
    camvid: Path, tmp_path: Path
) -> None:
    network = eleven().train()
    network.stem.eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    files = write_overlays(tmp_path / "seen", network, read(camvid), Preprocessing(), 2)
    assert [path.name for path in files] == ["0001TP_0.png", "0001TP_2.png"]
    assert sorted(os.listdir(tmp_path / "seen")) == [path.name for path in files]
    assert network.training
    assert not network.stem[1].training
    for name, value in network.state_dict().items():
        assert torch.equal(before[name], value), name
    again = write_overlays(tmp_path / "seen", network, read(camvid), Preprocessing(), 99)
    assert len(again) == 5
    assert os.listdir(tmp_path) == ["seen"]


def test_no_overlays_are_an_error(camvid: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="count"):
        write_overlays(tmp_path / "seen", eleven(), read(camvid), Preprocessing(), 0)
