"""Help that teaches, figures in words, and what the command sets for its process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from cli.runner import segprune_
from segprune.cli import app
from segprune.cli.errors import guarded
from segprune.cli.parsing import parse_budget, parse_input, parse_shares
from segprune.cli.render.common import reasons_for_speed
from segprune.records.io import read_record
from segprune.records.prune import PruneRecord
from segprune.speed import Pair, summarise


@pytest.mark.parametrize("command", [[], ["prune"], ["inspect"], ["verify"], ["sensitivity"]])
def test_help_teaches_by_examples_that_can_be_parsed(command: list[str]) -> None:
    result = segprune_(*command, "--help")
    assert result.exit_code == 0
    examples = [line.split() for line in result.stdout.splitlines() if "  segprune " in line]
    assert examples
    known = {c.name or c.callback.__name__ for c in app.registered_commands if c.callback}
    assert {words[1] for words in examples} <= known


def test_the_version_is_that_of_the_package() -> None:
    assert segprune_("--version").stdout.startswith("segprune ")


@pytest.mark.parametrize("speedup", [1.0, 0.8])
def test_smaller_but_not_faster_is_said_with_reasons(
    run: Path, monkeypatch: pytest.MonkeyPatch, speedup: float
) -> None:
    import dataclasses

    from segprune.cli.render.common import show_result

    record = read_record(PruneRecord, run / "record.json")
    pairs = [Pair(10 * speedup, 10.0, True)] * 10
    slow = summarise(pairs, 0.95, batch=1, threads=1, device="cpu")
    changed = dataclasses.replace(
        record, speed=slow, widths=(9, 1), depthwise=(3, 4),
        pruned=dataclasses.replace(
            record.pruned, activation_bytes=record.dense.activation_bytes
        ),
    )  # fmt: skip
    reasons = " ".join(reasons_for_speed(changed))
    assert "--round-to 8" in reasons
    assert "memory" in reasons
    assert "depthwise" in reasons
    assert reasons_for_speed(dataclasses.replace(changed, widths=(9, 9), round_to=8)) != reasons
    said = CliRunner()
    monkeypatch.setenv("COLUMNS", "100")
    with said.isolation() as (out, _, _):
        show_result(changed, None)
        sys.stdout.flush()
        text = " ".join(out.getvalue().decode().split())
    assert "smaller but not faster" in text
    assert ("it is slower" in text) == (speedup < 1)


def test_options_become_values() -> None:
    assert parse_budget("params=0.25") == {"params": 0.25}
    assert parse_input("2x3x64X128") == (2, 3, 64, 128)
    assert parse_input("64x128") == (1, 3, 64, 128)
    assert parse_shares(["a=b=0.5", "c.*=1"]) == {"a=b": 0.5, "c.*": 1.0}


@pytest.mark.parametrize(("package", "extra"), [("torchvision", "train"), ("matplotlib", "report")])
def test_a_package_that_is_missing_is_named_with_the_extra_that_brings_it(
    package: str, extra: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def command() -> None:
        raise ModuleNotFoundError(f"No module named '{package}'", name=f"{package}.transforms")

    with pytest.raises(typer.Exit) as ended:
        guarded(command)()
    assert ended.value.exit_code == 2
    assert f"pip install 'segprune[{extra}]'" in capsys.readouterr().err


@pytest.mark.parametrize("own", [None, "ACTIVE"])
def test_threads_wait_asleep_unless_told_otherwise(own: str | None) -> None:
    """OpenMP asks once, when torch is imported."""
    script = (
        "import os, sys\nimport segprune.cli as cli\n"
        "cli.app = lambda **_: print('torch' in sys.modules, os.environ['OMP_WAIT_POLICY'])\n"
        "cli.main()"
    )
    environment = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}
    if own is not None:
        environment["OMP_WAIT_POLICY"] = own
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", own or "PASSIVE"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks Linux for page faults")
@pytest.mark.parametrize("own", [None, "MALLOC_ARENA_MAX", "GLIBC_TUNABLES"])
def test_what_a_step_frees_the_next_one_takes_unless_told_otherwise(own: str | None) -> None:
    """The kernel counts the pages it hands out: in the end none, or those of every step."""
    script = (
        "import resource, segprune.cli.memory as memory\n"
        "faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "step = lambda: [bytearray(30_000_000) for _ in range(3)]\n"
        "memory.keep_memory()\n"
        "for _ in range(9): before = faults(); step()\n"
        "print(faults() - before)"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC", "GLIBC"))}
    if own is not None:
        environment[own] = "glibc.malloc.arena_max=2" if own == "GLIBC_TUNABLES" else "2"
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert (int(done.stdout) > 10_000) == (own is not None)
