"""Jobs, and the engine that runs them: worker processes here, or an existing one in its place.

A job is a plain description: the name of a function, and arguments that JSON can hold. What it
makes it writes to files itself; all that comes back is whether it ended well. So another engine
needs no more than a way to call `perform(job)` somewhere with this package and the same folders:

    class OnSlurm:                                             # submitit; Ray: ray.remote(perform)
        def run(self, jobs):
            running = {executor.submit(perform, job): job for job in jobs}
            for future in submitit.helpers.as_completed(running):
                yield Ended(running[future], result_or_reason(future))

An engine yields every job once, in the order in which they end, and never raises for a job that
fails or dies: that is a sentence in `Ended.failure`.
"""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import re
import signal
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, Protocol

from segprune.errors import InputError, SegpruneError
from segprune.workflows.jobs import Progress

__all__ = ["ENDED", "Ended", "Engine", "Job", "Processes", "perform", "portable"]

Watch = Callable[[str, str, int, int], None]
"""Called with a job's name, what it is doing, how much of that is done, and how much there is; in
the end with `ENDED`."""

ENDED = "ended"

_PATIENCE = 5.0  # seconds between asking a worker to end and ending it
_OFTEN = 0.5  # seconds between two reports of progress
_FOLDERS = re.compile(r"(?<![\w.:/~-])~?/(?:[^\s:;,'\"()]+/)+(?=[^\s:;,'\"()/])")


@dataclass(frozen=True)
class Job:
    """A description of work.

    Attributes:
        name: unique among the jobs of a run.
        task: `package.module:function`, called with the arguments and a progress callback.
        arguments: what JSON can hold.
    """

    name: str
    task: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Ended:
    """A job that is over; `failure` says why it failed, or is None."""

    job: Job
    failure: str | None


class Engine(Protocol):
    """Whatever runs jobs."""

    def run(self, jobs: Sequence[Job]) -> Generator[Ended, None, None]:
        """Run them all; closing the generator ends what still runs."""


def perform(job: Job, progress: Progress = lambda step, done, total: None) -> str | None:
    """Run a job in this process; return None, or the sentence that says why it failed."""
    module, _, name = job.task.partition(":")
    try:
        getattr(importlib.import_module(module), name)(job.arguments, progress)
    except SegpruneError as error:
        return portable(str(error))
    except Exception as error:
        traceback.print_exc()  # to the worker's log
        return portable(f"{type(error).__name__}: {error}")
    return None


def portable(text: str) -> str:
    """Return a text on one line, without the folders above a file, which other machines lack."""
    return _FOLDERS.sub("", " ".join(text.split()))


class Processes:
    """Runs jobs in processes of this machine; one that dies costs only the job that it was at.

    No pool of a library does this. Those of `concurrent.futures` and loky break as a whole once a
    worker dies. That of pebble (5.2) waits forever for a job whose process ends with status 0. One
    pool of `concurrent.futures` for each process works, in as many lines as these.

    Args:
        workers: processes beside each other.
        threads: of torch in each of them; together best no more than there are cores.
        log: file to which workers' own output goes, so that it tears no progress bar; None leaves
            it where it is.
        watch: called as jobs report their progress.
    """

    def __init__(
        self, workers: int = 2, threads: int = 1, *, log: Path | None = None,
        watch: Watch | None = None,
    ) -> None:  # fmt: skip
        if workers < 1 or threads < 1:
            raise InputError(
                f"workers, threads: expected at least 1 of each, found {workers} and {threads}."
            )
        self._workers, self._threads, self._log = workers, threads, log
        self._watch = watch or (lambda job, step, done, total: None)

    def run(self, jobs: Sequence[Job]) -> Generator[Ended, None, None]:
        """Run all jobs, as `Engine.run` does.

        Raises:
            InputError: a worker does not even start.
        """
        waiting, busy, idle = deque(jobs), list[_Worker](), list[_Worker]()
        try:
            while waiting or busy:
                while waiting and len(busy) < self._workers:
                    worker = next((w for w in idle if w.alive), None)
                    idle = [w for w in idle if w is not worker and w.alive]
                    worker = worker or _Worker(self._threads, self._log)
                    busy.append(worker)
                    worker.begin(waiting.popleft())
                wait([handle for worker in busy for handle in worker.handles])
                for worker in tuple(busy):
                    ended = worker.listen(self._watch)
                    if ended is not None:
                        busy.remove(worker)
                        idle.append(worker)
                        self._watch(ended.job.name, ENDED, 1, 1)
                        yield ended
        finally:
            everyone = [*busy, *idle]
            for worker in everyone:
                worker.stop()
            for worker in everyone:
                worker.join()


class _Worker:
    """One process, from the side of its parent."""

    def __init__(self, threads: int, log: Path | None) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        # Not a daemon: it may have children of its own, which read and augment images.
        self._process: SpawnProcess = context.Process(
            target=_serve, args=(theirs, threads, None if log is None else str(log))
        )
        self._job: Job | None = None
        self._process.start()
        theirs.close()
        wait([self._connection, self._process.sentinel])
        try:
            self._connection.recv()
        except EOFError:
            self._process.join()
            raise InputError(
                f"workers: expected a process that starts, found {self._last_words()}; run sweeps "
                "from the command line, or below `if __name__ == '__main__'` in a script."
            ) from None

    @property
    def alive(self) -> bool:
        return self._process.is_alive()

    @property
    def handles(self) -> tuple[Connection, int]:
        return self._connection, self._process.sentinel

    def begin(self, job: Job) -> None:
        self._job = job
        with contextlib.suppress(OSError):  # it died just now, which `listen` will find
            self._connection.send(job)

    def listen(self, watch: Watch) -> Ended | None:
        """Return how its job ended, if it has; pass progress on."""
        assert self._job is not None
        job = self._job
        alive = self.alive  # read first: what a process sent before its death is still there
        try:
            while self._connection.poll():
                news = self._connection.recv()
                if len(news) == 1:
                    return Ended(job, news[0])
                watch(job.name, *news)
        except (EOFError, OSError):
            alive = False
        if alive:
            return None
        self._process.join()
        return Ended(job, f"worker: expected an end of the job, found {self._last_words()}.")

    def stop(self) -> None:
        if self.alive:
            self._process.terminate()

    def join(self) -> None:
        self._process.join(_PATIENCE)
        if self.alive:
            self._process.kill()
        self._process.join()
        self._connection.close()

    def _last_words(self) -> str:
        code = self._process.exitcode or 0
        if code >= 0:
            return f"the process ended with status {code}"
        name = signal.Signals(-code).name
        more = ", as when memory runs out: try fewer --workers" if name == "SIGKILL" else ""
        return f"the process killed by {name}{more}"


# -- in the worker ---------------------------------------------------------------------------------


def _serve(connection: Connection, threads: int, log: str | None) -> None:
    """Perform one job after the other, until the parent closes the connection."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all of a terminal; parents decide
    signal.signal(signal.SIGTERM, lambda signum, frame: sys.exit(128 + signum))
    if log is not None:
        file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        os.dup2(file, 1)
        os.dup2(file, 2)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    connection.send("ready")
    import torch

    torch.set_num_threads(threads)
    while True:
        try:
            job = connection.recv()
        except EOFError:
            return
        connection.send((perform(job, _reporter(connection)),))


def _reporter(connection: Connection) -> Progress:
    """Return a function that sends progress to the parent, now and then."""
    last: list[float] = [0.0]

    def report(step: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now - last[0] >= _OFTEN:
            last[0] = now
            connection.send((step, done, total))

    return report


def _end_with_parent() -> None:
    """End without a parent: a later attempt would write to the same folder."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
