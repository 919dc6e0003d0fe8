"""A network from a file of either kind: an artefact, or the weights of a network that is named."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from segprune.artifacts import Header, is_artifact, load, read_header
from segprune.errors import ArtifactError
from segprune.models.references import resolve
from segprune.workflows.dense import load_dense

__all__ = ["named_dense", "read_network"]

_SAY = "pass --model package.module:factory."


def read_network(path: Path, model: str | None = None) -> tuple[nn.Module, Header | None]:
    """The network, in evaluation mode, and what an artefact says about it.

    Args:
        model: `package.module:factory` of the dense network, or a built-in network's name; needed
            for weights, and for an artefact of a network that is not built in.

    Raises:
        ArtifactError: the file is missing, damaged, of another network, or of one that was not
            named.
        ModelError: no such factory.
    """
    if path.is_file() and not is_artifact(path):
        if model is None:
            raise ArtifactError(
                f"{path}: expected an artefact of segprune, found weights of another kind; to "
                f"say of which network they are, {_SAY}"
            )
        return load_dense(model, input=(1, 3, 1, 1), weights=path).model.eval(), None
    header = read_header(path)
    dense = None if header.spec is not None else named_dense(path, header, model)
    return load(path, dense), header


def named_dense(path: Path, header: Header, model: str | None) -> nn.Module | None:
    """The dense network of an artefact, by the name given; None where only the artefact has one.

    Raises:
        ArtifactError: nobody says what it is rebuilt from.
        ModelError: no such factory.
    """
    if model is not None:
        return resolve(model)
    if header.spec is None:
        raise ArtifactError(
            f"{path}: expected the dense {header.network} that it is rebuilt from, found none, and "
            f"it is none of segprune's own networks; {_SAY}"
        )
    return None
