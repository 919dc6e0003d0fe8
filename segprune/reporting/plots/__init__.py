"""Pictures of the records: one module a picture, each drawn from the same report as the page."""

from segprune.reporting.plots.drawing import write_plots

__all__ = ["write_plots"]
