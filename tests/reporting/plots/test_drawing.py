"""Pictures of the page, the same to the byte, and the command that writes it all."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from reporting.plots.small import QUICK, SWEEPS, figures, one, outside
from reporting.records import campaign
from segprune.reporting import Collection, Policy, read_policy, results_page, write_plots

COMMITTED = Path(__file__).resolve().parents[3] / "benchmarks" / "policy.toml"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Collection]:
    folder = tmp_path_factory.mktemp("plots")
    collection = campaign(networks=("bisenetv2",), budgets=(0.5, 0.3), importances=("fpgm", "lamp"))
    write_plots(collection, read_policy(COMMITTED), folder)
    return folder, collection


def test_every_picture_that_the_page_shows_is_drawn(drawn: tuple[Path, Collection]) -> None:
    folder, collection = drawn
    page = results_page(collection, read_policy(COMMITTED))
    found = {path.name for path in folder.iterdir()}
    shown = {line.partition("(plots/")[2].rstrip(")") for line in page.splitlines() if "![" in line}
    assert shown == {name for name in found if name.endswith(".png")}
    assert {name.replace(".png", ".svg") for name in shown} | shown == found


def test_the_same_records_give_the_same_pictures_to_the_byte(
    drawn: tuple[Path, Collection], tmp_path: Path
) -> None:
    folder, collection = drawn
    write_plots(collection, read_policy(COMMITTED), tmp_path)
    for path in folder.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


def test_pictures_carry_the_digest_of_their_records_and_no_date(
    drawn: tuple[Path, Collection],
) -> None:
    folder, collection = drawn
    for path in folder.iterdir():
        content = path.read_bytes()
        assert collection.digest.encode() in content
        assert b"dc:date" not in content
        assert b"Software" not in content


@pytest.mark.parametrize(
    "thin",
    [
        lambda c: dataclasses.replace(c, speeds=()),
        lambda c: dataclasses.replace(
            c, cells=tuple(x for x in c.cells if x.recovery == "none"), trainings=()
        ),
        lambda c: dataclasses.replace(c, cells=()),
    ],
)
def test_an_unfinished_campaign_has_pictures_and_a_page_too(
    drawn: tuple[Path, Collection], tmp_path: Path, thin: Callable[[Collection], Collection]
) -> None:
    collection = thin(drawn[1])
    policy = read_policy(COMMITTED)
    for name in ("streets-summary.png", "streets-recovery.svg"):
        (tmp_path / name).write_bytes((drawn[0] / name).read_bytes())
    (tmp_path / "mine.png").write_bytes(b"a picture of somebody else")
    names = write_plots(collection, policy, tmp_path)
    assert {path.stem for path in tmp_path.iterdir()} == {*names, "mine"}
    page = results_page(collection, policy)
    assert all(f"plots/{name}.png" in page for name in names)
    assert page.count("![") == len(names)


@pytest.mark.parametrize(
    "name",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in SWEEPS],
)
def test_small_sweeps_are_drawn_whole_and_without_a_warning(name: str, policy: Policy) -> None:
    collection = SWEEPS[name]
    drawn = dict(figures(collection, policy))
    assert {"streets-summary", "streets-trade-off", "streets-widths"} <= drawn.keys()
    for picture, figure in drawn.items():
        assert outside(figure) == [], picture
    page = results_page(collection, policy)
    assert all(f"plots/{picture}.png" in page for picture in drawn)
    assert page.count("![") == len(drawn)


def test_a_sweep_of_which_every_cell_failed_has_a_page_and_no_picture(policy: Policy) -> None:
    collection = Collection((), (one("none", None),))
    assert dict(figures(collection, policy)) == {}
    page = results_page(collection, policy)
    assert "Cells that failed" in page
    assert "![" not in page
