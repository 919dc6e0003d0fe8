"""A recipe that is written for a beginner is read as it is, and explains every field."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from segprune.training.new_recipe import new_recipe
from segprune.training.recipe import Recipe, parse_recipe
from segprune.training.recipe_fields import fields_of, sections


@pytest.mark.parametrize("dense", [None, "dense.safetensors"])
@pytest.mark.parametrize("data", ["streets", "folder"])
def test_it_is_read_as_it_is(dense: str | None, data: str) -> None:
    root = None if data == "streets" else Path("frames")
    text = new_recipe("first", "my.nets:make", dense=dense, data=data, root=root)
    recipe = parse_recipe(tomllib.loads(text), "first.toml")
    assert (recipe.name, recipe.network.model) == ("first", "my.nets:make")
    assert (recipe.data.name, recipe.data.root) == (data, root)
    assert (recipe.pruning is not None) == (recipe.distillation is not None) == (dense is not None)


def test_every_field_of_every_section_is_in_it() -> None:
    text = new_recipe("first", dense="dense.safetensors")
    blocks = re.split(r"(?m)^(?:# )?\[(\w+)\]$", text)
    found = {"": blocks[0], **dict(zip(blocks[1::2], blocks[2::2], strict=True))}
    schema = Recipe.model_json_schema()
    for name, field in schema["properties"].items():
        parts = [field, *field.get("anyOf", ()), *field.get("allOf", ())]
        kinds = [part["$ref"].rpartition("/")[2] for part in parts if "$ref" in part]
        if not kinds:
            assert re.search(rf"(?m)^(# )?{name}( = |: )", found[""]), name
            continue
        for inner in schema["$defs"][kinds[0]].get("properties", {}):
            assert re.search(rf"(?m)^(# )?{inner}( = |: )", found[name]), (name, inner)


def test_a_default_may_be_uncommented_and_changes_nothing() -> None:
    text = new_recipe("first", dense="dense.safetensors")
    before = parse_recipe(tomllib.loads(text), "first.toml")
    bare = re.sub(r"(?m)^# (\w+ = )", r"\1", text)
    bare = re.sub(r"(?m)^(layers|ignore) = .*\n", "", bare)
    bare = bare.split("# [targets]")[0]
    after = parse_recipe(tomllib.loads(bare), "first.toml")
    assert after.digest() == before.digest()


def test_every_field_says_its_meaning_in_a_sentence_and_its_type() -> None:
    lines = new_recipe("first", dense="dense.safetensors").splitlines()
    fields = [
        i for i, line in enumerate(lines) if re.match(r"(# )?\w+( = |: (left out|required)$)", line)
    ]
    assert len(fields) == sum(len(fields_of(kind)) for _, kind in sections()) + 4
    for place in fields:
        block = "\n".join(lines[:place]).rpartition("\n\n")[2]
        assert re.match(r"# \S.{5,}\.\n# Type: \S", block, flags=re.S), block
