"""Decide which channels go: costs, importance, budgets and the plan."""
