"""From records to a page: tables, plots, and which records are kept with the project."""

from segprune.report.adoption import Adopted, adopt
from segprune.report.collection import Collection, read_collection
from segprune.report.page import readme_section, results_page
from segprune.report.plots import write_plots
from segprune.report.policy import Policy, read_policy

__all__ = [
    "Adopted",
    "Collection",
    "Policy",
    "adopt",
    "read_collection",
    "read_policy",
    "readme_section",
    "results_page",
    "write_plots",
]
