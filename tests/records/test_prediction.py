"""The record of pictures comes back, also from files of earlier versions."""

from __future__ import annotations

import json

from records.committed import stays_as_it_is
from segprune.records.io import to_json
from segprune.records.prediction import Pictured, PredictRecord, Shown
from segprune.records.preprocessing import Preprocessing

WHOLE = PredictRecord(
    command=("segprune", "predict"),
    source="streets",
    classes=("road", "car"),
    network=Shown("half", "a" * 64, 400, 900, Preprocessing(), "the artefact"),
    dense=None,
    pictures=(Pictured("one", 0.5, None, 0.25), Pictured("two", None, None, None)),
)


def test_pictures_without_a_label_or_a_dense_network_come_back() -> None:
    assert stays_as_it_is(PredictRecord, to_json(WHOLE)) == WHOLE


def test_a_record_of_an_earlier_version_does_not_say_how_images_were_prepared() -> None:
    content = json.loads(to_json(WHOLE))
    del content["network"]["preprocessing"], content["network"]["normalisation"]
    found = stays_as_it_is(PredictRecord, json.dumps(content))
    assert (found.network.preprocessing, found.network.normalisation) == (None, "")
