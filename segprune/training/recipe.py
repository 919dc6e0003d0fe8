"""Recipes: one typed TOML file that says everything about a training or a recovery.

Paths in a recipe are relative to the current folder. `segprune.training.sections` says what each
field means, and what it is where a recipe leaves it out.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, Field, ValidationError

from segprune.data.sequences import is_file
from segprune.errors import InputError, warn_renamed
from segprune.training.input_sections import (
    AugmentationSection,
    DataSection,
    NetworkSection,
    Section,
)
from segprune.training.sections import (
    DistillationSection,
    PruningSection,
    RecalibrationSection,
    TargetsSection,
    TrainingSection,
)
from segprune.training.toml import explain, read_toml, to_toml

__all__ = ["Recipe", "parse_recipe", "read_recipe"]


class Recipe(Section):
    """A whole recipe.

    Attributes:
        name: the name of the run, and of its folder under `runs/`.
        seed: the seed of initial weights, of the order of samples and of augmentation.
        variant: the name of what distinguishes the run from others of its network and data set,
            such as "macs50"; the policy's budget of this name judges the run. Left out, it is read
            from a name of the form `NETWORK-DATA-VARIANT`.
        pruning: for `segprune recover`; a network that is already pruned needs none.
        targets: the limits on what the result may lose; without this section there are none. It is
            called `promise` in recipes of earlier versions.
        half: whether the artefact stores weights in half precision.
    """

    name: str = Field(max_length=200, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    seed: int = Field(0, ge=0, lt=2**63)
    variant: str | None = Field(None, max_length=200, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    network: NetworkSection
    data: DataSection
    augmentation: AugmentationSection = AugmentationSection()
    training: TrainingSection
    pruning: PruningSection | None = None
    recalibration: RecalibrationSection = RecalibrationSection()
    distillation: DistillationSection | None = None
    targets: TargetsSection | None = Field(
        None, validation_alias=AliasChoices("targets", "promise")
    )
    half: bool = True

    def digest(self) -> str:
        """Return the SHA-256 of all fields that a result depends on."""
        text = to_toml(self._decisive())
        # As earlier versions wrote it, for their checkpoints hold the digest.
        text = re.sub(r"(?m)^ignored_layers = ", "ignore = ", text)
        text = re.sub(r"(?m)^(normalize = true|cost_aware = false)\n", "", text)
        text = re.sub(r"(?m)^\[targets\]$", "[promise]", text)
        return hashlib.sha256(text.encode()).hexdigest()

    def differences(self, other: Recipe) -> tuple[str, ...]:
        """Describe the fields in which another recipe differs, without what no result depends on.

        Each is like `training.epochs was 40, is 60`, with this recipe's value first.
        """
        ours, theirs = (_flat(r._decisive().model_dump(mode="json")) for r in (self, other))
        return tuple(
            f"{field} was {_shown(ours.get(field))}, is {_shown(theirs.get(field))}"
            for field in dict.fromkeys((*ours, *theirs))
            if ours.get(field) != theirs.get(field)
        )

    def _decisive(self) -> Recipe:
        """Return the recipe with fixed values in the fields that no result depends on."""
        every = self.training.model_copy(update={"checkpoint_every": 1})
        network = self.network.model_copy(update={"poor_start": None})
        return self.model_copy(update={"training": every, "network": network, "variant": None})

    def portable(self) -> Recipe:
        """Return the recipe for a record, without the folders of its paths."""
        content = self.model_dump(mode="json")
        content["data"]["root"] = None
        if self.data.sequences is not None and is_file(self.data.sequences):
            content["data"]["sequences"] = Path(self.data.sequences).name
        for section, field in (
            ("network", "init_from"), ("network", "architecture_of"), ("distillation", "teacher")
        ):  # fmt: skip
            part = content[section]
            if part is not None and part[field] is not None:
                part[field] = Path(part[field]).name
        if self.network.average_of is not None:
            content["network"]["average_of"] = [path.name for path in self.network.average_of]
        return Recipe.model_validate(content)


def _flat(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Turn sections into dotted fields: `{"training": {"epochs": 3}}` into `training.epochs`."""
    found: dict[str, Any] = {}
    for name, value in content.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def _shown(value: Any) -> str:
    return "left out" if value is None else json.dumps(value, ensure_ascii=False)


def read_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe, with single values replaced.

    Args:
        overrides: such as `training.epochs=3`; the value is TOML, or a bare word.

    Raises:
        InputError: no such file, no TOML, or a field that is missing, unknown or out of range; all
            of them are named.
    """
    content = read_toml(path, overrides)
    recipe = parse_recipe(content, str(path))
    if "ignore" in content.get("pruning", {}):
        warn_renamed(f"{path}: pruning.ignore", "pruning.ignored_layers")
    if "promise" in content:
        warn_renamed(f"{path}: promise", "targets")
    return recipe


def parse_recipe(content: Mapping[str, Any], source: str) -> Recipe:
    """Build a recipe from plain values; errors as for `read_recipe`."""
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        raise InputError(f"{source}: {explain(error)}") from error
