"""All pictures of a collection of records, drawn and written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from segprune.errors import InputError
from segprune.gates.policy import Policy
from segprune.reporting.dataset_report import dataset_reports
from segprune.reporting.plots import layers, recovery, summary, trade_off, trained
from segprune.reporting.plots.style import RC, clear, save
from segprune.reporting.store import Collection

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["write_plots"]

Progress = Callable[[str, int, int], None]


def write_plots(
    collection: Collection,
    policy: Policy,
    folder: Path,
    progress: Progress = lambda step, done, total: None,
) -> tuple[str, ...]:
    """Write every picture as PNG and SVG, and remove those of records that are gone.

    Returns:
        Their names, without endings.

    Raises:
        InputError: matplotlib is not installed, or records contradict one another.
    """
    try:
        import matplotlib
    except ImportError as error:
        raise InputError(
            "plots: expected matplotlib, found none; install segprune[report], or pass --no-plots."
        ) from error
    folder.mkdir(parents=True, exist_ok=True)
    jobs = list(_jobs(collection, policy))
    # Not whatever style a matplotlibrc of this machine asks for.
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(RC)  # type: ignore[arg-type]
        for number, (name, draw) in enumerate(jobs):
            progress("draw", number, len(jobs))
            save(draw(), folder, name, collection.digest)
    progress("draw", len(jobs), len(jobs))
    names = tuple(name for name, _ in jobs)
    clear(folder, names)
    return names


def _jobs(collection: Collection, policy: Policy) -> Iterator[tuple[str, Callable[[], Figure]]]:
    for report in dataset_reports(collection, policy):
        if report.compared:
            yield f"{report.data}-trained", partial(trained.draw, report)
        sweep = report.sweep
        if sweep is not None and sweep.has_scores:
            yield f"{report.data}-summary", partial(summary.draw, report, sweep)
            yield f"{report.data}-trade-off", partial(trade_off.draw, report, sweep)
            if recovery.is_there(sweep):
                yield f"{report.data}-recovery", partial(recovery.draw, report, sweep)
            yield f"{report.data}-widths", partial(layers.draw_widths, sweep)
    for name, record in collection.sensitivities.items():
        yield f"sensitivity-{name}", partial(layers.draw_sensitivity, name, record)
