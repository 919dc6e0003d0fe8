"""From records to a page: tables, plots, and which records are kept with the project."""

from segprune.gates.policy import Policy
from segprune.gates.policy_file import read_policy
from segprune.reporting.csv_export import results_csv
from segprune.reporting.import_records import Adopted, adopt
from segprune.reporting.page import readme_section, results_page
from segprune.reporting.plots import write_plots
from segprune.reporting.store import Collection, read_collection

__all__ = [
    "Adopted",
    "Collection",
    "Policy",
    "adopt",
    "read_collection",
    "read_policy",
    "readme_section",
    "results_csv",
    "results_page",
    "write_plots",
]
