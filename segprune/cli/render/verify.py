"""What a proof prints: what holds and what it was compared with, or every violation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from segprune.cli.render.common import facts, frames_or_random
from segprune.format import counted, shape_of

if TYPE_CHECKING:
    from segprune.core.verification.violations import Violation
    from segprune.workflows.verify import Proof

__all__ = ["show_proof", "show_violations"]


def show_violations(violations: Sequence[Violation], consequence: str) -> None:
    """Print every violation by its kind, with the meaning of the kind."""
    from segprune.core.verification.violations import KINDS

    console = Console()
    many = counted(len(violations), "violation")
    console.print(facts(("wrong", "red", f"{many}. {consequence}")))
    for kind in dict.fromkeys(violation.kind for violation in violations):
        console.print(Text.assemble((kind, "bold"), f": {KINDS.get(kind, '')}"))
        for violation in violations:
            if violation.kind == kind:
                console.print(Text(f"  {violation.where}: {violation.message}"), soft_wrap=True)


def show_proof(file: Path, proof: Proof, images: str | None = None) -> None:
    """Print what was proved of a file, and what was compared for it.

    Args:
        images: the name of the proof's frames.
    """
    count, size = len(proof.header.plan.kept), shape_of(proof.input)
    numbers = (
        "compared with the dense weights, and equal"
        if proof.values_compared
        else f"not compared with the dense ones, for {proof.why_not}"
    )
    seen = f"{size} and other sizes (random images)"
    if images is not None and proof.frames is not None:
        frames = f"{frames_or_random(proof.frames.count)} of {images}"
        seen = f"{size} ({frames}) and other sizes (random images)"
    Console().print(
        facts(
            ("proved", "green", f"{file.name} is what its plan makes of {proof.header.network}"),
            (
                "",
                "",
                f"{count} pruned tensors: shapes, attributes, memory and gradients as planned",
            ),
            ("", "", f"outputs on {seen}: those of the masked full-size network"),
            ("", "", f"kept weights: {numbers}"),
        )
    )
