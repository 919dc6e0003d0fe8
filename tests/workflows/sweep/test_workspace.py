"""What the cells of one network share changes no number."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from segprune.core.planning.make_plan import make_plan
from segprune.workflows.sweep.workspace import Workspace
from workflows.sweep.fake_sweep import recipes


def test_remembered_scores_make_the_plan_that_fresh_ones_make(here: Path) -> None:
    _, bases = recipes(here)
    work = Workspace(bases["net"])
    given: dict[str, Any] = {"round_to": 2, "calibration": list(work.batches(2))}
    for name, budget in itertools.product(("taylor", "activation", "lamp"), (0.7, 0.4)):
        given["budget"] = {"macs": budget}
        wanted = make_plan(work.start.network, work.graph, importance=name, **given)
        found = make_plan(work.start.network, work.graph, importance=work.importance(name), **given)
        assert found == wanted
        assert found.notes == wanted.notes
