"""Panels: which tiles there are, what they note, and how large the whole is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from segprune.data.classes import ClassTable
from segprune.errors import InputError
from segprune.reporting.pictures.overlay import MARK
from segprune.reporting.pictures.panel import (
    Tile,
    compare,
    cost_note,
    image_miou,
    side_by_side,
    with_legend,
)

TABLE = ClassTable(("road", "car", "sky"))


def example(height: int = 20, width: int = 30) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """An image, a label with void, and two predictions."""
    rng = np.random.default_rng(3)
    image = torch.from_numpy(rng.integers(0, 256, (3, height, width), dtype=np.uint8))
    label = torch.from_numpy(rng.choice([0, 1, 2, 255], (height, width)).astype(np.uint8))
    first, second = (torch.from_numpy(rng.integers(0, 3, (height, width))) for _ in range(2))
    return image, label, first, second


def miou_by_sets(predicted: Tensor, label: Tensor) -> float:
    """Mean over the classes that occur, pixel by pixel."""
    pairs = [
        (p, t)
        for p, t in zip(predicted.flatten().tolist(), label.flatten().tolist(), strict=True)
        if t != 255
    ]
    shares = []
    for one in range(3):
        union = sum(one in pair for pair in pairs)
        if union:
            shares.append(sum(pair == (one, one) for pair in pairs) / union)
    return sum(shares) / len(shares)


def test_a_comparison_has_a_tile_for_each_thing_there_is() -> None:
    image, label, first, second = example()
    both = {"dense": first, "pruned": second}

    def titles(tiles: tuple[Tile, ...]) -> list[str]:
        return [tile.title for tile in tiles]

    assert titles(compare(image, {"prediction": first}, TABLE)) == ["image", "prediction"]
    assert titles(compare(image, {"prediction": first}, TABLE, label))[1] == "label"
    assert titles(compare(image, both, TABLE)) == ["image", "dense", "pruned", "difference"]
    assert titles(compare(image, both, TABLE, label)) == [
        "image", "label", "dense", "pruned", "difference",
    ]  # fmt: skip


def test_notes_show_the_miou_of_the_image_and_the_share_that_differs() -> None:
    image, label, first, second = example()
    tiles = compare(image, {"dense": first, "pruned": second}, TABLE, label)
    assert tiles[2].note == f"mIoU {100 * miou_by_sets(first, label):.1f} %"
    assert tiles[3].note == f"mIoU {100 * miou_by_sets(second, label):.1f} %"
    marked = (tiles[4].picture == torch.tensor(MARK)[:, None, None]).all(dim=0)
    assert tiles[4].note == f"{100 * marked.double().mean():.1f} % of pixels"
    assert all(tile.note == "" for tile in compare(image, {"prediction": first}, TABLE))


def test_an_image_without_a_labelled_pixel_has_no_miou() -> None:
    image, label, first, _ = example()
    void = torch.full_like(label, 255)
    assert image_miou(first, void, 3) is None
    assert compare(image, {"prediction": first}, TABLE, void)[2].note == ""


def test_a_row_holds_its_tiles_pixel_by_pixel() -> None:
    image, _, first, second = example(90, 400)
    tiles = compare(image, {"dense": first, "pruned": second}, TABLE)
    whole = side_by_side(tiles, TABLE, ("dense: small",))
    assert whole.dtype == torch.uint8
    assert whole.shape[2] > 4 * 400
    windows = whole.unfold(1, 90, 1).unfold(2, 400, 1)  # (3, y, x, 90, 400)
    for tile in tiles:
        corner = (windows[..., 0, 0] == tile.picture[:, :1, :1]).all(dim=0).nonzero()
        found = [(y, x) for y, x in corner.tolist() if torch.equal(windows[:, y, x], tile.picture)]
        assert len(found) == 1, tile.title


@pytest.mark.parametrize(("width", "shown"), [(30, 330), (320, 320), (500, 500), (3000, 640)])
def test_small_pictures_are_enlarged_by_whole_numbers_and_large_ones_reduced(
    width: int, shown: int
) -> None:
    tile = Tile("image", torch.zeros(3, 10, width, dtype=torch.uint8))
    one, two = side_by_side([tile]), side_by_side([tile, tile])
    between = max(6, shown // 40)
    assert two.shape[2] - one.shape[2] == shown + between
    assert side_by_side([tile], width=200).shape[2] < 260


def test_a_longer_footer_only_makes_a_panel_taller() -> None:
    tile = Tile("image", torch.zeros(3, 10, 320, dtype=torch.uint8))
    short = side_by_side([tile], TABLE, ("a",))
    long = side_by_side([tile], TABLE, ("a " * 300,))
    assert long.shape[2] == short.shape[2]
    assert long.shape[1] > short.shape[1]
    assert torch.equal(long[:, :40], short[:, :40])


def test_a_title_that_is_too_long_does_not_reach_the_next_tile() -> None:
    black = torch.zeros(3, 10, 320, dtype=torch.uint8)
    plain = side_by_side([Tile("", black), Tile("", black)])
    long = side_by_side([Tile("w" * 200, black, "note"), Tile("", black)])
    half = plain.shape[2] // 2
    assert torch.equal(plain[..., half:], long[..., half:])
    assert not torch.equal(plain[..., :half], long[..., :half])


def test_an_overlay_with_a_legend_keeps_its_pixels_on_top() -> None:
    picture = example(40, 400)[0]
    shown = with_legend(picture, TABLE)
    assert torch.equal(shown[:, :40], picture)
    assert shown.shape[1] > 40
    small = with_legend(example(40, 60)[0], TABLE)
    assert small.shape[2] == 360


def test_tiles_of_several_sizes_or_none_are_refused() -> None:
    with pytest.raises(InputError, match="none"):
        side_by_side([])
    one, two = (Tile("a", torch.zeros(3, 4, w, dtype=torch.uint8)) for w in (5, 6))
    with pytest.raises(InputError, match="3x4x5, 3x4x6"):
        side_by_side([one, two])


def test_sizes_are_written_with_shares_of_the_dense_network() -> None:
    assert cost_note((3_340_000, 21_500_000_000)) == "3.34 M parameters, 21.50 G MACs"
    assert cost_note((50, 1000), (100, 4000)) == "50 parameters (50 %), 1.00 k MACs (25 %)"
    assert cost_note((5, 9), (5, 9)) == "5 parameters, 9 MACs"
