"""Pictures with every layer: bars begin at zero, however few layers there are."""

from __future__ import annotations

import dataclasses

import pytest

from reporting.plots.small import FEW, outside
from reporting.records import sensitivity
from segprune.reporting.plots.layers import draw_sensitivity


@pytest.mark.parametrize("count", [0, 1, 5])
def test_few_layers_are_drawn_from_zero(count: int) -> None:
    record = sensitivity("bisenetv2", layers=FEW)
    for rows in (record.layers[:count], tuple(
        dataclasses.replace(row, error=0.0, macs=0.0) for row in record.layers[:count]
    )):  # fmt: skip
        figure = draw_sensitivity("mine", dataclasses.replace(record, layers=rows))
        figure.draw_without_rendering()
        for axes in figure.axes:
            assert axes.get_xlim()[0] == 0 < axes.get_xlim()[1]
        assert outside(figure) == []
