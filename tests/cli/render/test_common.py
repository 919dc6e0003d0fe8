"""Tables fold names and never cut them; channels that must stay are counted and explained."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from cli.render.conftest import Shown
from segprune.cli.render.common import announce, facts, reach_facts, speed_text, table
from segprune.records.prune import FrozenGroup
from segprune.speed import Pair, summarise


def printed(what: object, width: int) -> list[str]:
    console = Console(width=width)
    with console.capture() as captured:
        console.print(what)
    return captured.get().splitlines()


def test_a_name_that_is_too_long_is_folded_and_keeps_every_letter() -> None:
    name = "encoder.stages.3.blocks.11.attention.projection"
    rows = table("layer", "channels")
    rows.add_row(name, "64")
    lines = printed(rows, 30)
    assert "".join(line.split()[0] for line in lines[1:]) == name
    assert max(map(len, lines)) <= 30


def test_a_fact_wraps_beside_its_word() -> None:
    first, *others = printed(facts(("proved", "green", "one two three " * 9)), 40)
    assert first.startswith("proved    one")
    assert others
    assert all(line.startswith(" " * 10) for line in others)


@pytest.mark.parametrize(
    ("model", "weights", "says"),
    [
        ("icnet", None, "weights are random (no --weights)"),
        ("my.nets:make", None, "weights are random unless the factory loads some"),
        ("icnet", Path("work/mine/best.pt"), "weights from best.pt"),
    ],
)
def test_the_first_line_says_what_the_weights_are(
    shown: Shown, model: str, weights: Path | None, says: str
) -> None:
    (line,) = shown(announce, model, (1, 3, 64, 128), None, weights, None)
    assert line.startswith(f"{model} (")
    assert "1x3x64x128, random images" in line
    assert says in line


def test_reasons_that_channels_stay_are_shown_up_to_twelve_and_then_counted() -> None:
    groups = [FrozenGroup((f"layer{n}",), 2, f"reason {n}", "") for n in range(15)]
    rows = list(reach_facts(0.25, groups, ("table",)))
    assert rows[0] == (
        "reach",
        "yellow",
        "25 % of the hidden channels can be removed; 30 must stay:",
    )
    assert rows[1][2] == "2 of layer0: reason 0"
    assert rows[13][2] == "and 3 more reasons, in record.json"
    assert rows[14][2] == "1 parameters are never read and stay: table"
    assert list(reach_facts(1.0, (), ())) == [
        ("reach", "green", "every hidden channel can be removed")
    ]


def test_a_speed_up_is_shown_with_its_interval_and_how_it_was_measured() -> None:
    found = summarise([Pair(20.0, 10.0, True)] * 8, 0.95, batch=1, threads=2, device="cpu")
    assert speed_text(found) == (
        "2.00 times (95 % interval 2.00 to 2.00; 8 pairs in turn, cpu, 2 threads)"
    )
