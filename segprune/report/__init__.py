"""From records to a page: tables, plots, and which records are kept with the project."""
