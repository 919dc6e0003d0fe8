"""Every field of a recipe is described where it is defined, with its type and default."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from segprune.training import input_sections, sections
from segprune.training.recipe_fields import fields_of


def section_classes() -> list[type[BaseModel]]:
    found = (getattr(m, name) for m in (input_sections, sections) for name in m.__all__)
    return [kind for kind in found if kind is not input_sections.Section]


@pytest.mark.parametrize("section", section_classes(), ids=lambda kind: kind.__name__)
def test_every_field_of_a_recipe_is_described_with_its_type(section: type[BaseModel]) -> None:
    fields = fields_of(section)
    assert [field.name for field in fields] == list(section.model_fields)
    for field in fields:
        assert field.description, f"{section.__name__}.{field.name}: describe it in the docstring"
        assert field.kind


def test_a_field_that_is_renamed_or_has_another_default_changes_the_page() -> None:
    class Changed(sections.TrainingSection):
        batch_size: int = 9

    before = {field.name: field.default for field in fields_of(sections.TrainingSection)}
    after = {field.name: field.default for field in fields_of(Changed)}
    assert (before["batch_size"], after["batch_size"]) == ("`8`", "`9`")
