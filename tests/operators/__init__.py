"""Small networks that apply one operator of the rule table each."""

from .base import BRANCHES, Apply, Beside, Case
from .table import CASES

__all__ = ["BRANCHES", "CASES", "Apply", "Beside", "Case"]
