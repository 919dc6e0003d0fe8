"""ICNet can leave out what its half scale discards."""

from __future__ import annotations

import pytest
import torch

from models.test_counts import gmacs, on_meta
from segprune.models import build


@pytest.mark.parametrize(("trunk", "expected"), [("resnet18", 16.957), ("resnet50", 26.106)])
def test_icnet_can_leave_out_what_its_half_scale_discards(trunk: str, expected: float) -> None:
    lean = on_meta("icnet", trunk=trunk, whole_trunk=False)
    assert gmacs(lean, "forward") == pytest.approx(expected, rel=0.0005)


def test_icnet_gives_the_same_logits_without_the_discarded_layers() -> None:
    whole, lean = build("icnet", width=0.25).eval(), build("icnet", width=0.25, whole_trunk=False)
    lean.load_state_dict(whole.state_dict())
    x = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        assert torch.equal(whole(x), lean.eval()(x))
