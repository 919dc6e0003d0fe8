"""Results are written for machines and for people, and a folder that is none loses none."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree

import pytest

from pytest_plugin.repository import CASE, RED, Repository, output, table_row


def test_results_are_written_for_machines_and_for_people(repository: Repository) -> None:
    result = repository.run("test_gates.py", "--segprune-report", "out", "--junit-xml", "junit.xml")
    assert result.ret == 0
    content = json.loads((repository.path / "out/segprune.json").read_text())
    gates = content["cases"][CASE]["gates"]
    assert content["cases"][CASE]["verdict"] == "PASS"
    assert [gate["gate"] for gate in gates] == ["size", "proof", "accuracy", "speed"]
    assert gates[3]["figures"]["speedup"] == pytest.approx(2.0, rel=0.02)
    text = (repository.path / "out/segprune.md").read_text()
    assert f"| {CASE} | 339 (51%) | 156 k (50%) |" in text
    properties = {
        (node.get("name"), node.get("value"))
        for node in ElementTree.parse(repository.path / "junit.xml").iter("property")
    }
    assert {("segprune_speed", "PASS"), ("segprune_accuracy", "PASS")} <= properties


def test_a_report_that_cannot_be_written_keeps_the_verdicts(repository: Repository) -> None:
    (repository.path / "taken").write_text("")
    result = repository.run("--segprune-report", "taken/sub")
    assert result.ret == RED
    assert "--segprune-report: expected a folder to write to" in output(result)
    assert table_row(result)
