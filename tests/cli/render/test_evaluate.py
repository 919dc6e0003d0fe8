"""A score is shown by class, with a bar as long as the IoU."""

from __future__ import annotations

from cli.render.conftest import Shown
from reporting.records import CLASSES, score
from segprune.cli.render.evaluate import show_score


def test_each_class_has_its_iou_and_mean_and_pixels_follow(shown: Shown) -> None:
    found = score(0.5, c3=0.25)
    lines = shown(show_score, found, CLASSES)
    assert [line.split()[0] for line in lines[1 : 1 + len(CLASSES)]] == list(CLASSES)
    assert f"sky 50.0 {'█' * 10}" in lines
    assert f"road 25.0 {'█' * 5}" in lines
    mean = 100 * (10 * 0.5 + 0.25) / 11
    assert f"mIoU {mean:.1f} (mean over classes that occur)" in lines
    assert f"{100 * found.pixel_accuracy:.1f} % right on {found.images} images" in lines[-1]
