"""Evaluate: what is evaluated, what is kept of it, and the job itself."""
