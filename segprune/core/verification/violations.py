"""What verification can find wrong with a pruned network."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["KINDS", "Violation", "mismatch"]

KINDS = {
    "missing-tensor": "a parameter or buffer of the dense network is gone",
    "unexpected-tensor": "a parameter or buffer that the dense network does not have",
    "shape": "a tensor does not have the shape that the plan asks for",
    "value": "a tensor does not hold the kept values of the dense one",
    "attribute": "a module attribute is not the dense network's, or not the size of its tensors",
    "behaviour": "a module is of another class, in another mode or order, or has other hooks",
    "plan": "the plan does not fit the dense network",
    "masked": "channels are multiplied by zero, not removed",
    "regrown": "channels that the plan removes are there, and not zero",
    "storage": "memory is shared, larger than the tensor, or a tie was lost",
    "interface": "outputs have another structure, shape or type",
    "equality": "outputs differ from those of the masked twin",
    "degenerate": "outputs that depend on no input, or tensors that no output depends on: no proof",
    "gradient": "a parameter learns where the dense one does not, or not as the twin's does",
    "not-finite": "NaN or infinity",
    "run": "the pruned network raises where the dense one runs",
}


@dataclass(frozen=True)
class Violation:
    """One thing that is wrong.

    Attributes:
        kind: one of `KINDS`.
        where: tensor, module or method.
        message: what was expected and what was found.
    """

    kind: str
    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.where}: {self.message}"


def mismatch(kind: str, where: str, expected: object, found: object) -> Violation:
    """Return the violation that something else was found; an empty place is the network itself."""
    return Violation(kind, where or "the network", f"expected {expected}, found {found}")
