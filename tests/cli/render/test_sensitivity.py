"""A layer has a row, and random weights are a warning."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cli.render.conftest import Shown
from reporting.records import sensitivity
from segprune.cli.render.sensitivity import show_sensitivity


def test_each_layer_has_a_row_in_the_order_of_the_record(shown: Shown) -> None:
    record = sensitivity()
    lines = shown(show_sensitivity, record, Path("runs/s"))
    rows = [line.split()[0] for line in lines if "→" in line]
    assert rows == [row.layers[0] for row in record.layers]
    assert lines[-1] == "written runs/s/sensitivity.json"


def test_random_weights_are_a_warning_and_trained_ones_are_not(shown: Shown) -> None:
    record = sensitivity()
    without = " ".join(shown(show_sensitivity, replace(record, weights=None), None))
    assert "warning the weights are random: then the order above says nothing" in without
    trained = " ".join(shown(show_sensitivity, replace(record, weights="0" * 64), None))
    assert "warning" not in trained


def test_layers_that_were_skipped_are_named(shown: Shown) -> None:
    lines = shown(show_sensitivity, replace(sensitivity(), skipped=("stem: no share",)), None)
    assert "skipped stem: no share" in lines
