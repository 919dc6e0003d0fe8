"""What a training logs, as CSV and for TensorBoard: each epoch once, over all attempts of a run.

Lightning's CSV logger empties the file that an earlier attempt wrote, and TensorBoard shows what
every attempt wrote. A killed attempt may have logged epochs that are trained again, or may have
written a checkpoint and not yet the row that belongs to it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import CSVLogger, Logger, TensorBoardLogger
from pytorch_lightning.utilities import rank_zero_only

from segprune.records.io import write_atomic
from segprune.training.checkpoint import Stop

__all__ = ["LOSS", "ROWS", "flush", "open_logs"]

LOSS = "loss"
"""What the sum of all terms is called in logs; each term is `loss/name`."""

_FOLDER = "log"
ROWS = Path(_FOLDER, "metrics.csv")
"""Within the folder of a run."""

Row = dict[str, Any]


def open_logs(folder: Path, stop: Stop | None) -> list[Logger]:
    """Open the loggers of a run, which continue where an earlier attempt stopped.

    Args:
        folder: of the run.
        stop: of the attempt before this one.
    """
    # TensorBoard forgets the last epoch that counts and all later ones; that one is logged again.
    purge_step = None if stop is None else stop.steps - 1
    rows = CSVLogger(folder, name=_FOLDER, version="")
    board = TensorBoardLogger(folder, name=_FOLDER, version="", purge_step=purge_step)
    if stop is not None:
        _keep(rows, board, folder, stop)
    return [rows, board]


def flush(loggers: Iterable[Logger]) -> None:
    """Write what loggers hold back, which would be lost in a kill."""
    for logger in loggers:
        logger.save()
        if isinstance(logger, TensorBoardLogger):
            logger.experiment.flush()


@rank_zero_only
def _keep(csv_log: CSVLogger, board: TensorBoardLogger, folder: Path, stop: Stop) -> None:
    """Take over the log of an earlier attempt, as far as it counts."""
    log, kept = folder / ROWS, folder / "state" / ROWS.name
    if log.exists() and not kept.exists():
        # Lightning removes the file before anything is written in its place.
        write_atomic(kept, log.read_text(encoding="utf-8"))
    rows = [row for row in _read(kept) if _step(row) < stop.steps]
    if not any(_step(row) == stop.steps - 1 and LOSS in row for row in rows):
        # Killed after the checkpoint was written, and before the log was.
        rows.append({"epoch": stop.epochs - 1, "step": stop.steps - 1, **stop.losses})
    csv_log.experiment.metrics.extend(rows)
    csv_log.save()
    kept.unlink(missing_ok=True)
    for row in rows:
        if _step(row) == stop.steps - 1:
            board.log_metrics({k: float(v) for k, v in row.items() if k != "step"}, _step(row))


def _read(path: Path) -> list[Row]:
    """The rows that are whole, without fields that are empty."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as stream:
        rows = [{k: v for k, v in row.items() if k and v} for row in csv.DictReader(stream)]
    return [row for row in rows if str(row.get("step", "")).isdigit()]


def _step(row: Row) -> int:
    return int(row["step"])
