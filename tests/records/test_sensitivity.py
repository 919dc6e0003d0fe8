"""The record of a sensitivity analysis comes back, also from files of earlier versions."""

from __future__ import annotations

import dataclasses
import json

from records.committed import stays_as_it_is
from reporting.records import sensitivity
from segprune.records.io import to_json
from segprune.records.sensitivity import SensitivityRecord

WHOLE = sensitivity("bisenetv2")


def test_every_layer_comes_back_with_all_of_its_figures() -> None:
    layer = dataclasses.replace(WHOLE.layers[0], layers=("a", "b"), changed=None, error=0.125)
    record = dataclasses.replace(WHOLE, layers=(layer,), skipped=("c: too narrow",))
    assert stays_as_it_is(SensitivityRecord, to_json(record)) == record


def test_a_record_without_images_needs_no_preprocessing() -> None:
    content = json.loads(to_json(dataclasses.replace(WHOLE, preprocessing=None, normalisation="")))
    assert {"preprocessing", "normalisation"}.isdisjoint(content)
    found = stays_as_it_is(SensitivityRecord, json.dumps(content))
    assert (found.preprocessing, found.normalisation) == (None, "")
