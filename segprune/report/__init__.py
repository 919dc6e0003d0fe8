"""From records to a page: tables, plots, and which records are kept with the project."""

from segprune.gates.policy import Policy
from segprune.gates.policy_file import read_policy
from segprune.report.adoption import Adopted, adopt
from segprune.report.collection import Collection, read_collection
from segprune.report.page import readme_section, results_page
from segprune.report.plots import write_plots
from segprune.report.sheet import results_sheet

__all__ = [
    "Adopted",
    "Collection",
    "Policy",
    "adopt",
    "read_collection",
    "read_policy",
    "readme_section",
    "results_page",
    "results_sheet",
    "write_plots",
]
