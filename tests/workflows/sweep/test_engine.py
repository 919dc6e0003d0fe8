"""Jobs: what comes back from a function, a failure and a killed process, and that none is left."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from segprune.errors import InputError
from segprune.workflows.sweep.engine import ENDED, Job, Processes, perform, portable

TASKS = """
import os, signal, sys, time
from pathlib import Path
from segprune.errors import InputError


def writes(arguments, progress):
    import torch
    progress("write", 1, 3)
    Path(arguments["file"]).write_text(f"{os.getpid()} {torch.get_num_threads()}")


def refuses(arguments, progress):
    raise InputError("pairs: expected more,\\nfound 1 in /some/where/else.toml; take more.")


def breaks(arguments, progress):
    print("this goes to the log")
    return {}["missing"]


def dies(arguments, progress):
    os.kill(os.getpid(), signal.SIGKILL)


def leaves(arguments, progress):
    os._exit(0)


def quits(arguments, progress):
    sys.exit("enough")


def stays(arguments, progress):
    Path(arguments["file"]).write_text(str(os.getpid()))
    time.sleep(600)
"""


@pytest.fixture(scope="module", autouse=True)
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("tasks")
    (folder / "tasks_of_tests.py").write_text(TASKS, encoding="utf-8")
    path = sys.path[:]
    sys.path.insert(0, str(folder))
    yield folder
    sys.path[:] = path
    sys.modules.pop("tasks_of_tests", None)


def job(task: str, folder: Path, number: int = 0) -> Job:
    name = f"{task}-{number}"
    return Job(name, f"tasks_of_tests:{task}", {"file": str(folder / name)})


def test_a_failure_is_one_sentence_without_folders(tmp_path: Path) -> None:
    assert perform(job("writes", tmp_path)) is None
    assert perform(job("refuses", tmp_path)) == (
        "pairs: expected more, found 1 in else.toml; take more."
    )
    assert perform(job("breaks", tmp_path)) == "KeyError: 'missing'"
    assert "ModuleNotFoundError" in str(perform(Job("x", "no_such_module:f", {})))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("read '/a/b/c.png': no", "read 'c.png': no"),
        ("runs/a/b.json stays, ~/x/y.toml goes", "runs/a/b.json stays, y.toml goes"),
        ("1/2 of https://some.org/a/b", "1/2 of https://some.org/a/b"),
        ("two\n lines", "two lines"),
    ],
)
def test_only_what_is_above_a_file_is_left_out(text: str, left: str) -> None:
    assert portable(text) == left


@pytest.mark.slow
def test_every_job_ends_once_whatever_its_worker_comes_to(tmp_path: Path) -> None:
    log, seen = tmp_path / "log", []
    engine = Processes(
        2, 1, log=log, watch=lambda name, step, done, total: seen.append((name, step))
    )
    kinds = ["writes", "dies", "breaks", "refuses", "writes", "leaves", "quits"]
    jobs = [job(kind, tmp_path, number) for number, kind in enumerate(kinds)]
    ended = {result.job.name: result.failure for result in engine.run(jobs)}
    assert sorted(ended) == sorted(j.name for j in jobs)
    assert ended["breaks-2"] == "KeyError: 'missing'"
    assert ended["refuses-3"] == "pairs: expected more, found 1 in else.toml; take more."
    assert "killed by SIGKILL" in str(ended["dies-1"])
    assert "ended with status 0" in str(ended["leaves-5"])
    assert "ended with status 1" in str(ended["quits-6"])
    for number in (0, 4):
        assert ended[f"writes-{number}"] is None
        pid, threads = (tmp_path / f"writes-{number}").read_text().split()
        assert (int(pid) != os.getpid(), threads) == (True, "1")
    assert "this goes to the log" in log.read_text()
    assert "KeyError" in log.read_text()
    assert {(j.name, ENDED) for j in jobs} <= set(seen)


def test_no_process_outlives_an_abandoned_run(tmp_path: Path) -> None:
    results = Processes(1, log=tmp_path / "log").run(
        [job("writes", tmp_path), job("stays", tmp_path)]
    )
    assert next(results).failure is None
    pid = int((tmp_path / "writes-0").read_text().split()[0])
    os.kill(pid, 0)  # it is there, for the next job
    results.close()
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    raise AssertionError("the worker is still there")


@pytest.mark.parametrize(("workers", "threads"), [(0, 1), (1, 0)])
def test_no_workers_or_threads_are_refused(workers: int, threads: int) -> None:
    with pytest.raises(InputError, match="workers, threads"):
        Processes(workers, threads)
