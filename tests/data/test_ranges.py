"""Mean, deviation and range are of one scale, or refused; also where they come from two sources."""

from __future__ import annotations

import pytest

from segprune.data.normalisation import Given, choose
from segprune.errors import InputError
from segprune.records.preprocessing import Preprocessing

UNIT_MEAN, UNIT_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
BYTE_MEAN, BYTE_STD = (123.7, 116.3, 103.5), (58.4, 57.1, 57.4)
BYTES = (0.0, 255.0)


@pytest.mark.parametrize(
    ("mean", "std", "scale"),
    [
        (UNIT_MEAN, BYTE_STD, None),
        (None, BYTE_STD, None),
        ((0.0,) * 3, (255.0,) * 3, None),
        (BYTE_MEAN, UNIT_STD, BYTES),
        (UNIT_MEAN, UNIT_STD, BYTES),
        ((0.0,) * 3, (3.0,) * 3, (-1.0, 1.0)),
        (UNIT_MEAN, (1e-6,) * 3, None),
    ],
)
def test_a_deviation_of_another_range_is_refused(mean: object, std: object, scale: object) -> None:
    with pytest.raises(InputError, match="std: expected deviations of pixels that are scaled to"):
        Given(mean, std, scale)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("mean", "std", "scale"),
    [
        (UNIT_MEAN, UNIT_STD, None),
        (BYTE_MEAN, BYTE_STD, BYTES),
        ((0.0,) * 3, (1.0,) * 3, None),
        ((104.0, 117.0, 123.0), (1.0,) * 3, BYTES),
        ((0.0,) * 3, (255.0,) * 3, BYTES),
        ((0.0,) * 3, (1.0,) * 3, (-1.0, 1.0)),
        ((0.5,) * 3, (1 / 255,) * 3, None),
    ],
)
def test_values_that_networks_are_trained_with_are_taken(
    mean: tuple[float, ...], std: tuple[float, ...], scale: object
) -> None:
    found = choose(Given(mean, std, scale)).preprocessing  # type: ignore[arg-type]
    assert (found.mean, found.std, found.range) == (mean, std, scale or (0.0, 1.0))


@pytest.mark.parametrize(
    ("mean", "std", "said"),
    [(UNIT_MEAN, None, "mean: expected std and range"), (None, UNIT_STD, "std: expected mean")],
)
def test_half_a_normalisation_is_not_mixed_with_one_of_another_range(
    mean: object, std: object, said: str
) -> None:
    kept = Preprocessing(BYTE_MEAN, BYTE_STD, None, BYTES)  # type: ignore[arg-type]
    given = Given(mean, std)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=f"{said}.* of the artefact are of pixels scaled to 0 to"):
        choose(given, artifact=kept)
    assert choose(given, artifact=Preprocessing()).preprocessing.range == (0.0, 1.0)
