"""Small networks, each of which applies one operator of the rule table."""

from .base import BRANCHES, Apply, Beside, Case
from .table import CASES

__all__ = ["BRANCHES", "CASES", "Apply", "Beside", "Case"]
