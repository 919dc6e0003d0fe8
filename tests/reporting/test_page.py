"""The page of results: the same records give the same bytes, in whichever order they are read."""

from __future__ import annotations

import dataclasses
import random

from reporting.records import campaign
from segprune.reporting import Policy, results_page


def test_the_page_does_not_depend_on_the_order_of_files(policy: Policy) -> None:
    whole = campaign(budgets=(0.5, 0.3))
    rng = random.Random(0)
    mixed = dataclasses.replace(
        whole,
        trainings=tuple(rng.sample(whole.trainings, len(whole.trainings))),
        cells=tuple(rng.sample(whole.cells, len(whole.cells))),
        speeds=tuple(rng.sample(whole.speeds, len(whole.speeds))),
    )
    page = results_page(whole, policy)
    tables = [line for line in page.splitlines() if line.startswith(("|", "- ", "**"))]
    again = results_page(mixed, policy)
    assert [line for line in again.splitlines() if line.startswith(("|", "- ", "**"))] == tables
    assert whole.digest == mixed.digest
