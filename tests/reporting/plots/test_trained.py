"""The picture of trained networks: what stands where, on made-up records."""

from __future__ import annotations

import pytest
from matplotlib.axes import Axes

from reporting.records import training
from segprune.gates.policy import Budget, Policy
from segprune.reporting import Collection
from segprune.reporting.dataset_report import DatasetReport, dataset_reports
from segprune.reporting.plots import trained

POLICY = Policy(
    {"macs50": Budget("macs50", miou_loss=1.0, class_loss=8.0, speedup=1.7, macs=0.5)},
    {"streets-icnet-macs50": {"miou_loss": 2.5}}, {"streets": 0.5}, {}, 3,
)  # fmt: skip


def study_of(*trainings: object) -> DatasetReport:
    (study,) = dataset_reports(Collection(trainings=trainings), POLICY)  # type: ignore[arg-type]
    return study


@pytest.fixture(scope="module")
def panels() -> dict[str, Axes]:
    """By network."""
    study = study_of(
        training("bisenetv2", "dense", 0.70),
        training("bisenetv2", "dense-continued", 0.71),
        training("bisenetv2", "macs50", 0.69, share=0.5),
        training("bisenetv2", "macs50", 0.72, share=0.5, seed=1, suffix="-seed1"),
        training("bisenetv2", "control-local", 0.66, share=0.5),
        training("icnet", "dense", 0.64),
        training("icnet", "macs50", 0.63, share=0.4),
    )
    figure = trained.draw(study)
    return {axes.get_title().split()[0]: axes for axes in figure.axes if axes.lines}


def marks(axes: Axes, label: str) -> list[tuple[str, float]]:
    """Variant and mIoU in percent of every mark that the legend calls so."""
    variants = [text.get_text() for text in axes.get_yticklabels()]
    return [
        (variants[round(float(y))], round(float(x), 6))
        for line in axes.lines
        if line.get_label() == label
        for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)  # type: ignore[arg-type]
    ]


def test_every_network_has_a_panel_and_every_variant_a_line(panels: dict[str, Axes]) -> None:
    assert list(panels) == ["bisenetv2", "icnet"]
    assert marks(panels["bisenetv2"], "dense") == [("dense", 70.0), ("dense-continued", 71.0)]
    assert marks(panels["bisenetv2"], "pruned") == [("macs50", 70.5)]
    assert marks(panels["bisenetv2"], "control") == [("control-local", 66.0)]
    assert marks(panels["icnet"], "pruned") == [("macs50", 63.0)]


def test_seeds_are_shown_where_there_are_several(panels: dict[str, Axes]) -> None:
    assert marks(panels["bisenetv2"], "one of its seeds") == [("macs50", 69.0), ("macs50", 72.0)]
    assert marks(panels["icnet"], "one of its seeds") == []


def test_the_target_is_measured_from_the_better_dense_network(panels: dict[str, Axes]) -> None:
    assert marks(panels["bisenetv2"], "target") == [("macs50", 70.0)]
    assert marks(panels["icnet"], "target") == [("macs50", 61.5)]


def test_figures_stand_beside_the_line_they_belong_to() -> None:
    study = study_of(training(miou=0.7), training(variant="macs50", miou=0.685, share=0.25))
    (beside,) = [axes for axes in trained.draw(study).axes if not axes.lines]
    places = {text.get_text(): round(text.get_position()[1]) for text in beside.texts}
    assert places["70.00"] == 0
    assert places["68.50 (−1.50)"] == places["−75 %"] == 1


def test_there_is_nothing_to_draw_without_a_pruned_network_or_a_dense_one() -> None:
    assert not study_of(training()).compared
    assert not study_of(training(variant="macs50", share=0.5)).compared
    assert study_of(training(), training(variant="macs50", share=0.5)).compared
