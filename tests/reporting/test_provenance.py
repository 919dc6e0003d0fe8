"""Conditions and commands: what the figures of a data set were made with, each once."""

from __future__ import annotations

import shlex

from reporting.records import cell, speed, training
from segprune.gates.policy import Policy
from segprune.reporting import Collection
from segprune.reporting.dataset_report import dataset_reports
from segprune.reporting.provenance import commands, conditions


def lines_of(collection: Collection, policy: Policy) -> tuple[list[str], list[str]]:
    (report,) = dataset_reports(collection, policy)
    return conditions(report, collection), commands(report, collection)


def test_seeds_images_and_machines_are_counted_from_the_records(policy: Policy) -> None:
    first = training(variant="macs50", share=0.5, steps=5000)
    second = training(variant="macs50", share=0.5, seed=3, suffix="-seed3", steps=7000)
    measured = speed(1.8, artifact=first.artifact, threads=4)
    foreign = speed(1.2, plan="of nothing")
    text = "\n".join(lines_of(Collection((first, second), (), (measured, foreign)), policy)[0])
    assert "2000 for training, 200 for validation" in text
    assert "Trainings: 2, seeds 0, 3, 5000 to 7000 steps, 60 epochs" in text
    assert "Speed: 1 pairs of networks" in text
    assert "4 threads" in text  # those of the measurement, and not those of its process


def test_failed_cells_are_counted_and_not_hidden(policy: Policy) -> None:
    cells = (cell(), cell(importance="lamp", miou=None, failure="no channels left"))
    text = "\n".join(lines_of(Collection((), cells), policy)[0])
    assert "Sweep: 2 cells, 1 failed, seeds 0" in text


def test_a_command_line_is_written_once_and_many_are_counted(policy: Policy) -> None:
    same = training(command=("segprune", "train", "a b.toml"))
    again = training(variant="macs50", share=0.5, command=same.command)
    assert lines_of(Collection((same, again)), policy)[1] == [shlex.join(same.command)]
    many = tuple(
        cell(importance=f"i{number}", command=("segprune", "sweep", f"{number}.toml"))
        for number in range(20)
    )
    found = lines_of(Collection((), many), policy)[1]
    assert len(found) == 13
    assert found[-1] == "# and 8 more, in the records"
