"""The one door to a network: by a name, a factory, weights or an artefact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from segprune.artifacts import (
    Header,
    declared,
    is_artifact,
    open_artifact,
    read_header,
    rebuild,
)
from segprune.core.modules import copy_with
from segprune.core.plan import PrunePlan
from segprune.core.state.process import seeded
from segprune.data.normalisation import NOTHING, Given, Normalisation, choose
from segprune.errors import ArtifactError, InputError, ModelError
from segprune.models.references import resolve
from segprune.models.registry import available
from segprune.models.weights import file_digest, load_weights, read_weights
from segprune.records.preprocessing import Preprocessing

__all__ = [
    "OpenedNetwork",
    "network_name",
    "open_file",
    "open_files",
    "open_network",
    "preprocessing_of",
]

_SAY = "pass model='package.module:factory'."


@dataclass(frozen=True)
class OpenedNetwork:
    """A network, and what is known of it.

    Attributes:
        name: of its artefact without the suffix; else of the network, fit for a file's name.
        network: in evaluation mode, on the CPU.
        dense: the network that it was pruned from, `network` itself without an artefact. It has the
            numbers of `weights`; beside an artefact without weights its numbers mean nothing.
        header: what the artefact says about itself, its plan too; None without an artefact.
        artifact: SHA-256 of the artefact, or None.
        weights: SHA-256 of the dense network's file of weights, or None.
        classes: names of its classes, if the artefact gives them.
        data: name of the data set that it was trained on, if the artefact gives it.
        size: (H, W) that its images are resized to, if the artefact gives it.
        normalisation: the normalisation of its images, and where that is from.
    """

    name: str
    network: nn.Module
    dense: nn.Module
    header: Header | None
    artifact: str | None
    weights: str | None
    classes: tuple[str, ...] | None
    data: str | None
    size: tuple[int, int] | None
    normalisation: Normalisation

    @property
    def plan(self) -> PrunePlan | None:
        """Return the plan that it was pruned by; None without an artefact."""
        return None if self.header is None else self.header.plan

    @property
    def digest(self) -> str | None:
        """Return the SHA-256 of the file its numbers are from; None: random, or by the factory."""
        return self.artifact or self.weights

    @property
    def is_dense(self) -> bool:
        """Return whether no channel was removed from it."""
        return self.plan is None or self.plan.network == self.plan.result

    @property
    def preprocessing(self) -> Preprocessing:
        """Return the preparation of its images, with `size`."""
        return replace(self.normalisation.preprocessing, size=self.size)


def open_network(
    model: str | nn.Module | None = None,
    *,
    weights: str | Path | None = None,
    artifact: str | Path | None = None,
    num_classes: int | None = None,
    seed: int = 0,
    given: Given = NOTHING,
) -> OpenedNetwork:
    """Open a network by its name, with its weights, or from an artefact.

    Args:
        model: the dense network whose weights or artefact these are: a built-in network's name,
            `package.module:factory`, or the network itself, which is not changed. An artefact of a
            built-in network needs none.
        weights: a file with a state dict of the dense network, or a checkpoint that holds one, such
            as PyTorch Lightning's.
        artifact: a file that `save`, `segprune prune`, `train` or `recover` wrote.
        num_classes: of a built-in network without an artefact; None means 19.
        seed: of random weights.
        given: values for the normalisation of the images, in place of the network's own.

    Returns:
        The network in evaluation mode, on the CPU, and what is known of it. Without weights and
        artefact its numbers are random, unless the factory loads some.

    Raises:
        InputError: nothing to open.
        ModelError: no such network, or weights of another one.
        ArtifactError: a file that is missing, damaged or of another network, or one whose network
            was not named.

    Example:
        >>> segprune.open_network("bisenetv2", num_classes=11).is_dense
        True
    """
    if num_classes is not None and (artifact is not None or isinstance(model, nn.Module)):
        raise ModelError(
            f"num_classes: expected none beside {artifact or 'a network'}, which has its own, "
            f"found {num_classes}; leave it out."
        )
    if artifact is not None:
        return _from_artifact(Path(artifact), model, weights, given)
    if model is None and weights is None:
        raise InputError("open_network: expected a model or an artifact, found neither; pass one.")
    if model is None:
        raise ArtifactError(
            f"{weights}: expected an artefact of segprune, found weights alone; to say of which "
            f"network they are, {_SAY}"
        )
    state = None if weights is None else read_weights(Path(weights))
    # Checkpoints for inference lack the auxiliary heads; then the network is built without.
    aux = state is None or any("aux" in name for name in state)
    network = _made(model, num_classes, aux, seed)
    if state is not None:
        load_weights(network, state, str(weights))
    return OpenedNetwork(
        name=network_name(model),
        network=network,
        dense=network,
        header=None,
        artifact=None,
        weights=None if weights is None else file_digest(Path(weights)),
        classes=None,
        data=None,
        size=None,
        normalisation=choose(given, network=network),
    )


def open_file(
    path: Path, model: str | nn.Module | None = None, *, given: Given = NOTHING
) -> OpenedNetwork:
    """Open a file of either kind: an artefact, or weights of the network that `model` names.

    Raises:
        ArtifactError, ModelError: as for `open_network`.
    """
    if path.is_file() and not is_artifact(path):
        return replace(open_network(model, weights=path, given=given), name=path.stem)
    return open_network(model, artifact=path, given=given)


def open_files(
    paths: Sequence[Path], model: str | None = None, *, given: Given = NOTHING
) -> tuple[OpenedNetwork, ...]:
    """Open files that are compared; `model` is for those that do not name their network.

    Raises:
        ArtifactError, ModelError: as for `open_network`.
    """
    unnamed = [path for path in paths if not _names_its_network(path)]
    # Where every file names its network, a model has to fit all of them: none is passed over.
    return tuple(
        open_file(path, model if path in (unnamed or paths) else None, given=given)
        for path in paths
    )


def _names_its_network(path: Path) -> bool:
    return path.is_file() and is_artifact(path) and read_header(path).spec is not None


def network_name(model: str | nn.Module) -> str:
    """Name a network for folders: `my.nets:make` is `make`."""
    if isinstance(model, nn.Module):
        return type(model).__name__
    return model.partition(":")[2].replace(".", "-") or model


def _from_artifact(
    path: Path, model: str | nn.Module | None, weights: str | Path | None, given: Given
) -> OpenedNetwork:
    opened = open_artifact(path)
    header = opened.header
    dense = _dense_of(path, header, model)
    if weights is not None:
        state = read_weights(Path(weights))
        if header.spec is not None and not header.spec["options"].get("aux", True):
            # A deployed file has no auxiliary heads, whatever the checkpoint holds.
            state = {name: tensor for name, tensor in state.items() if "aux" not in name}
        load_weights(dense, state, str(weights))
    facts, names = header.metadata, header.metadata.get("classes")
    own = preprocessing_of(header)
    size = own.size if own is not None else header.input and header.input[2:]
    return OpenedNetwork(
        name=path.stem,
        network=rebuild(opened, dense),
        dense=dense,
        header=header,
        artifact=opened.digest,
        weights=None if weights is None else file_digest(Path(weights)),
        classes=tuple(map(str, names)) if isinstance(names, list) and names else None,
        data=facts["data"] if isinstance(facts.get("data"), str) else None,
        size=size,
        normalisation=choose(given, artifact=own, network=dense),
    )


def preprocessing_of(header: Header) -> Preprocessing | None:
    """Return what an artefact says about the preparation of its images, or None."""
    kept = header.metadata.get("preprocessing")
    return None if kept is None else Preprocessing.from_metadata(kept)


def _dense_of(path: Path, header: Header, model: str | nn.Module | None) -> nn.Module:
    """Build the dense network that an artefact is rebuilt from."""
    if model is None and header.spec is None:
        raise ArtifactError(
            f"{path}: expected the dense {header.network} that it is rebuilt from, found none, and "
            f"it is none of segprune's own networks; {_SAY}"
        )
    if model is not None and model not in available():
        return _made(model)
    # The artefact alone has the options of a built-in network, such as its width.
    found = header.network if header.spec is None else header.spec["name"]
    if model is not None and model != found:
        raise ArtifactError(
            f"{path}: expected an artefact of {model}, as model says, found one of {found}; leave "
            "model out, or name the network that the file was made of."
        )
    return declared(header, path).eval()


def _made(
    model: str | nn.Module, num_classes: int | None = None, aux: bool = True, seed: int = 0
) -> nn.Module:
    if not isinstance(model, str):
        network = copy_with(model, {})  # weights are loaded into it, and the network is the user's
        network.eval()
        return network
    with seeded(seed):
        return resolve(model, num_classes, aux)
