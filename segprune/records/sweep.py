"""The records of a sweep: one for each cell, and one for the speed of each plan.

A cell is a network, pruned to a budget by an importance within a scope, and one way to recover it.
Cells of one plan share its digest, and so does the record of that plan's speed: a ratio measured
beside other work would be worth less, so speed is measured apart, when nothing else runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from segprune.records.environment import Environment
from segprune.records.io import LATER
from segprune.records.preprocessing import Preprocessing
from segprune.records.score import Score
from segprune.records.speed import MemoryFormat, SpeedComparison, SpeedInput

__all__ = ["RECOVERIES", "CellRecord", "LayerWidth", "Outcome", "SpeedRecord", "plan_name"]

RECOVERIES = ("none", "recalibrated", "fine-tuned", "distilled")
"""Nothing, BatchNorm statistics measured anew, fine-tuning, fine-tuning with the dense network as
teacher; each includes those before it."""


def plan_name(network: str, budget: Mapping[str, float], importance: str, scope: str) -> str:
    """Return the name of the plan that the cells of all recoveries share."""
    ((kind, share),) = budget.items()
    return f"{network}-{kind}{100 * share:g}-{importance}-{scope}"


@dataclass(frozen=True)
class LayerWidth:
    """Output channels of one layer: how many stay, of how many."""

    name: str
    kept: int
    of: int


@dataclass(frozen=True)
class Outcome:
    """The result of a cell.

    Attributes:
        plan: digest of the plan from the dense network.
        params, macs: of inference.
        widths: of every layer that inference uses, in the order of the network.
        score: on the whole validation split.
        steps: of the optimiser; 0 without fine-tuning.
        seconds: the duration of this cell, to plan the next sweep; no measurement of speed.
    """

    plan: str
    params: int
    macs: int
    widths: tuple[LayerWidth, ...]
    score: Score
    steps: int
    seconds: float


@dataclass(frozen=True)
class CellRecord:
    """One cell; digests are SHA-256.

    Attributes:
        sweep: name of the sweep; cell: name of the cell, unique in it, and of its file.
        network: label of the network in the sweep, such as "bisenetv2"; data: such as "streets".
        recovery: one of `RECOVERIES`.
        recipe: of the whole cell, resolved, as TOML, without folders.
        input: of the evaluated network, `(1, 3, H, W)`.
        source: digest of the dense network's file.
        dense_params, dense_macs, dense_score: of the dense network, same evaluation.
        preprocessing: how images are prepared; `normalisation`: the source of these values.
        outcome: None where the cell failed; failure: the sentence that says why, or None.
    """

    SCHEMA: ClassVar[str] = "segprune.cell/1"

    command: tuple[str, ...]
    sweep: str
    cell: str
    network: str
    data: str
    budget: Mapping[str, float]
    importance: str
    scope: str
    recovery: str
    seed: int
    recipe: str
    classes: tuple[str, ...]
    input: tuple[int, ...]
    validation_images: int
    validation_digest: str
    source: str
    dense_params: int
    dense_macs: int
    dense_score: Score
    outcome: Outcome | None
    failure: str | None
    packages: Mapping[str, str]
    environment: Environment
    preprocessing: Preprocessing | None = field(default=None, metadata=LATER)
    normalisation: str = field(default="", metadata=LATER)

    @property
    def plan_name(self) -> str:
        """The name that the cells of its plan share."""
        return plan_name(self.network, self.budget, self.importance, self.scope)


@dataclass(frozen=True)
class SpeedRecord:
    """A pruned network measured in turn with its dense one.

    Attributes:
        reference, candidate: names of the networks; digests of their plans, and of their files
            where there are files.
        input, memory_format: of one batch.
        speed: with every pair.
    """

    SCHEMA: ClassVar[str] = "segprune.paired-speed/3"

    command: tuple[str, ...]
    name: str
    reference: str
    candidate: str
    reference_artifact: str | None
    candidate_artifact: str | None
    candidate_plan: str
    input: tuple[int, ...]
    seed: int
    speed: SpeedComparison
    environment: Environment
    memory_format: MemoryFormat = "contiguous"

    @property
    def at(self) -> SpeedInput:
        """What was measured on."""
        return SpeedInput(self.input, self.memory_format)
