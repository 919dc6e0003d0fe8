"""RESULTS.md: everything that the committed records say."""

from __future__ import annotations

from segprune.gates.policy import Policy
from segprune.reporting.dataset_report import DatasetReport, dataset_reports
from segprune.reporting.left_out import left_out
from segprune.reporting.main_table import (
    class_table,
    evaluation_table,
    headline_notes,
    headline_table,
    speed_table,
    split_notes,
)
from segprune.reporting.provenance import commands, conditions
from segprune.reporting.store import Collection
from segprune.reporting.sweep_summary import sweep_summary
from segprune.reporting.sweep_tables import failures, miou_table, speedup_table, trained_cells

__all__ = ["PLOTS", "readme_section", "results_page"]

PLOTS = "plots"
"""Folder of the pictures, beside the page."""


def results_page(collection: Collection, policy: Policy) -> str:
    """Return the whole page in Markdown; the same records give the same bytes.

    Raises:
        InputError: records that contradict one another, or cannot be compared.
    """
    lines = [
        "# Results",
        "",
        "Written by `segprune report` from records, and from nothing else; do not edit. The same",
        "rows for a spreadsheet or a script are in [RESULTS.csv](RESULTS.csv).",
        "",
    ]
    found = dataset_reports(collection, policy)
    if not found:
        lines += ["There are no records yet.", ""]
    for report in found:
        lines += _report(report, collection, policy)
    others = set(collection.sensitivities) - {n for report in found for n in report.sensitivities}
    if others:
        lines += ["## Sensitivity of other networks", ""]
        for name in sorted(others):
            lines += [_picture(f"sensitivity-{name}", f"Sensitivity of each layer: {name}"), ""]
    missing = left_out(found, collection, policy)
    if missing:
        lines += ["## Not shown", "", *(f"- {sentence}" for sentence in missing), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def readme_section(collection: Collection, policy: Policy) -> str:
    """Return the headline tables; empty while there are no trained networks."""
    lines: list[str] = []
    for report in dataset_reports(collection, policy):
        if report.rows:
            lines += [f"**{report.data}**", "", *headline_table(report.rows), ""]
            notes = [
                *headline_notes(report.rows, policy),
                *split_notes(report.rows, report.evaluations),
            ]
            lines += [" ".join(notes), ""]
    if lines:
        lines.append("Everything else: [benchmarks/RESULTS.md](benchmarks/RESULTS.md).")
    return "\n".join(lines)


def _report(report: DatasetReport, collection: Collection, policy: Policy) -> list[str]:
    data, sweep = report.data, report.sweep
    drawn = sweep.has_scores if sweep is not None else False
    lines = [f"## {data}", ""]
    if drawn:
        text = "Which strategy at which ratio, for accuracy and speed, and what recovery buys"
        lines += [_picture(f"{data}-summary", text), ""]
    if report.rows:
        lines += ["### Trained networks", "", *headline_table(report.rows), ""]
        for note in headline_notes(report.rows, policy):
            lines += [note, ""]
        if report.compared:
            text = "mIoU of each trained network and seed beside dense, and what pruning saves"
            lines += [_picture(f"{data}-trained", text), ""]
        lines += ["IoU of each class, in percent (change against dense):", ""]
        lines += [*class_table(report.rows), ""]
        measured = speed_table(report.rows, collection.speeds)
        if measured:
            lines += ["Every measurement of their speed:", "", *measured, ""]
    if report.evaluations:
        lines += ["### Evaluated apart", ""]
        lines += [*evaluation_table(report.rows, report.evaluations), ""]
    if sweep:
        lines += ["### Which strategy at which ratio, and what recovery buys", ""]
        lines += sweep_summary(report, policy)
        if drawn:
            text = "mIoU against MACs, parameters and time"
            lines += [_picture(f"{data}-trade-off", text), ""]
        trained = trained_cells(sweep, report.dense)
        if trained:
            lines += [_picture(f"{data}-recovery", "What recovery buys"), ""]
            lines += ["### Fine-tuned and distilled", "", *trained, ""]
        lines += ["### The sweep", ""]
        for network in sweep.networks:
            lines += [f"mIoU of {network.name}, best of each column in bold:", ""]
            lines += [*miou_table(sweep, network.name), ""]
        for network in sweep.networks:
            speeds = speedup_table(sweep, network.name)
            if speeds:
                lines += [f"Speed-up of {network.name} (95 %), fastest of each column in bold:", ""]
                lines += [*speeds, ""]
        failed = failures(sweep)
        if failed:
            lines += ["Cells that failed:", "", *failed, ""]
        if drawn:
            text = "Kept width of each layer by importance"
            lines += [_picture(f"{data}-widths", text), ""]
    for name in report.sensitivities:
        lines += [_picture(f"sensitivity-{name}", f"Sensitivity of each layer: {name}"), ""]
    lines += ["### Conditions", "", *conditions(report, collection), ""]
    lines += ["Files by their last name; which folder they were in, no record says.", ""]
    lines += ["```text", *commands(report, collection), "```", ""]
    return lines


def _picture(name: str, text: str) -> str:
    return f"![{text}]({PLOTS}/{name}.png)"
