"""Sweep: cells of a plan and a recovery each, run in worker processes, one record a cell."""
