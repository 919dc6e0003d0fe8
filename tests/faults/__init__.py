"""Faults planted into a correct pruning, each with the kind of violation that it must cause.

A fault changes the pruned network, the plan, or both; `keeps_shapes` says that every tensor still
has the shape that the plan promises, `survives_training` that it shows without comparing values.
"""

from faults import (  # noqa: F401 (they fill the table)
    attributes,
    behaviour,
    forwards,
    hidden,
    slices,
    tensors,
)
from faults.planting import FAULTS, Case, Fault, Patient

__all__ = ["FAULTS", "Case", "Fault", "Patient"]
