"""Networks, pictures and labels have the same classes, or the one that differs is named."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from segprune.data.classes import ClassTable
from segprune.errors import InputError
from segprune.workflows.jobs import PredictJob
from segprune.workflows.predict.classes import agreed_classes, check_label, load_networks
from segprune.workflows.predict.pictures import Picture, Pictures
from workflows.small import MODEL, four, keep

IMAGE = torch.zeros(3, 8, 8, dtype=torch.uint8)


def source(*names: str) -> Pictures:
    table = ClassTable(names, tuple((n, n, n) for n in range(len(names)))) if names else None
    return Pictures("here", lambda: iter(()), 0, classes=table)


def job(folder: Path, *names: str) -> PredictJob:
    facts = {"classes": list(names)} if names else {}
    file = keep(folder / "a.safetensors", four(), **facts)
    return PredictJob(file, ".", model=MODEL)


def test_the_file_names_the_classes(tmp_path: Path) -> None:
    asked = job(tmp_path, "a", "b", "c", "d")
    networks = load_networks(asked)
    assert agreed_classes(asked, networks, source(), IMAGE).names == ("a", "b", "c", "d")
    same = source("a", "b", "c", "d")
    assert agreed_classes(asked, networks, same, IMAGE).names == ("a", "b", "c", "d")
    with pytest.raises(InputError, match="expected labels of the classes of"):
        agreed_classes(asked, networks, source("d", "c", "b", "a"), IMAGE)


def test_a_data_set_names_them_where_the_file_does_not(tmp_path: Path) -> None:
    asked = job(tmp_path)
    networks = load_networks(asked)
    assert agreed_classes(asked, networks, source("a", "b", "c", "d"), IMAGE).names[0] == "a"
    with pytest.raises(InputError, match=r"expected the 4 classes of .*, found 2"):
        agreed_classes(asked, networks, source("a", "b"), IMAGE)


def test_a_label_above_the_classes_is_refused_and_void_is_none() -> None:
    table = ClassTable(("a", "b"), ((0, 0, 0), (9, 9, 9)))
    for value, fits in ((1, True), (255, True), (2, False)):
        picture = Picture("p", IMAGE, torch.full((8, 8), value), "p.png")
        if fits:
            check_label(picture, table)
        else:
            with pytest.raises(InputError, match=r"p\.png: expected labels below 2.*found 2"):
                check_label(picture, table)
