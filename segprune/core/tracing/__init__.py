"""Find which channels depend on each other: capture a run, propagate labels, refine."""
