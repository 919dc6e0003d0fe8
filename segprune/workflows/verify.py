"""Prove a file: rebuild the pruned network it holds, and compare it with the dense one's twin."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from segprune.artifacts import Header
from segprune.core.verification.verify import verify
from segprune.core.verification.violations import Violation
from segprune.data import Frames
from segprune.data.normalisation import NOTHING, Given, Normalisation
from segprune.data.source import ImageSource
from segprune.workflows.dense import example_of, lines_of
from segprune.workflows.jobs import INPUT
from segprune.workflows.open import open_network

__all__ = ["Proof", "run_verify"]


@dataclass(frozen=True)
class Proof:
    """The result of a verification.

    Attributes:
        header: what the file says about itself.
        violations: empty means proved.
        input: size of the example, `(N, C, H, W)`.
        frames: the images of the first batch; None: random numbers.
        normalisation: the frames' normalisation.
        values_compared: whether the tensors were compared with the dense network's own; `why_not`
            says why they were not.
    """

    header: Header
    violations: tuple[Violation, ...]
    input: tuple[int, ...]
    values_compared: bool
    why_not: str = ""
    frames: Frames | None = None
    normalisation: Normalisation | None = None

    @property
    def lines(self) -> tuple[str, ...]:
        """Lines about its images, to print before the result."""
        return lines_of(self.frames, self.normalisation)


def run_verify(
    file: Path,
    *,
    model: str | None = None,
    weights: Path | None = None,
    input: tuple[int, ...] | None = None,
    frames: Path | None = None,
    data: str | None = None,
    root: Path | None = None,
    split: str = "train",
    given: Given = NOTHING,
    trained: bool = False,
    seed: int = 0,
) -> Proof:
    """Rebuild the network in a file and verify it.

    A file holds the pruned network alone. Given the dense weights, its tensors are compared with
    them too; without, the twin is the dense network with the pruned tensors at their kept indices.

    Args:
        model: the dense network, as for `open_network`; needed unless it is a built-in one.
        weights: the dense network's, as they were before pruning.
        input: size of one batch, `(N, C, H, W)`; None means that of the run that wrote the file.
        frames, data, root, split: the images of the first batch, as for `ImageSource`; without
            them, and on other sizes, outputs are compared on random numbers.
        given: the user's values for the normalisation of the images.
        trained: the pruned network was trained since, so its values differ from the dense ones.

    Raises:
        ArtifactError: the file is damaged, foreign, or of another network.
        ModelError, InputError: as for `open_network`.
    """
    images = ImageSource(frames, data, root, split)
    opened = open_network(model, weights=weights, artifact=file, given=given)
    header = opened.header
    assert header is not None  # of an artefact
    rounded = bool(header.metadata.get("half"))
    compared = weights is not None and not trained and not rounded
    size = input or header.input or INPUT
    example, shown = example_of(
        size, images, 1, seed, preprocessing=opened.normalisation.preprocessing
    )
    # A file is rebuilt in evaluation mode and asks for gradients as its dense network does.
    violations = verify(opened.dense, opened.network, header.plan, example, trained=not compared)
    why_not = "they were not given (--weights)"
    if trained or "run" in header.metadata:
        why_not = "this network was trained since it was pruned: its numbers are others on purpose"
    elif rounded:
        why_not = "this file keeps them in half precision"
    return Proof(
        header, violations, tuple(example.shape), compared, why_not, shown, opened.normalisation
    )
