"""Facts of a run that files of earlier versions have only in its name and in its recipe.

No other module parses a name. Runs are called `<network>-<data>-<variant>`, with `-seed<number>` at
the end where a recipe was trained with several seeds.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace

from segprune.records.training import TrainingRecord

__all__ = ["label_of", "named", "recipe_digest", "with_facts", "without_facts"]

_SEED = re.compile(r"[-.]seed-?\d+$")
_PER_SEED = re.compile(r"^(name|seed|init_from|teacher|architecture_of|average_of) = ")


def named(name: str, data: str, model: str) -> tuple[str, str]:
    """Return the network and the variant that the name of a run says.

    A name of another form is the variant itself, and the model gives the network's label.
    """
    stem = _SEED.sub("", name)
    network, _, variant = stem.partition(f"-{data}-")
    return (network, variant) if variant else (label_of(model), stem)


def label_of(model: str) -> str:
    """Return the short name of a model: `icnet`, or `make` of `my_package.networks:make`."""
    return re.split(r"[.:]", model)[-1]


def recipe_digest(recipe: str) -> str:
    """Return the SHA-256 of a recipe in TOML without what differs from seed to seed.

    Names of files are left out, but not how many they are.
    """
    lines = (
        f"{found[1]}: {line.count(', ') + 1}" if (found := _PER_SEED.match(line)) else line
        for line in recipe.splitlines()
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def with_facts(record: TrainingRecord) -> TrainingRecord:
    """Fill network, data set, variant and recipe digest where a record's file lacks them."""
    data = record.data or str(record.sections["data"]["name"])
    network, variant = record.network, record.variant
    if not variant:
        network, variant = named(record.name, data, str(record.sections["network"]["model"]))
    digest = record.recipe_digest or recipe_digest(record.recipe)
    return replace(record, network=network, data=data, variant=variant, recipe_digest=digest)


def without_facts(record: TrainingRecord) -> TrainingRecord:
    """Return the record as an earlier version wrote it, if `with_facts` gives it back."""
    bare = replace(record, network="", data="", variant="", recipe_digest="")
    return bare if with_facts(bare) == record else record
