"""Cityscapes: label ids become train ids, by the table of its own scripts."""

from __future__ import annotations

from pathlib import Path

from data import trees
from data.reading_back import check, mapped
from segprune.data import open_dataset

TRAIN_IDS = {
    7: 0, 8: 1, 11: 2, 12: 3, 13: 4, 17: 5, 19: 6, 20: 7, 21: 8, 22: 9, 23: 10, 24: 11, 25: 12,
    26: 13, 27: 14, 28: 15, 31: 16, 32: 17, 33: 18,
}  # fmt: skip


def test_cityscapes_maps_label_ids_to_train_ids_and_the_rest_to_void(tmp_path: Path) -> None:
    written = trees.cityscapes(tmp_path)
    dataset = open_dataset("cityscapes", str(tmp_path))
    check(dataset, mapped(written, TRAIN_IDS))
    assert dataset.sequences == ("bonn_000003", "ulm_000000", "ulm_000001", "ulm_000001")
    assert len(dataset.classes) == 19


def test_the_names_of_cityscapes_classes_belong_to_their_indices() -> None:
    from torchvision.datasets import Cityscapes

    from segprune.data.classes import CITYSCAPES

    official = {c.train_id: (c.name, c.color) for c in Cityscapes.classes if 0 <= c.train_id < 19}
    for index, own in enumerate(zip(CITYSCAPES.names, CITYSCAPES.colours, strict=True)):
        assert own == official[index]
