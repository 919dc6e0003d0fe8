"""Train and recover: from a recipe to a run folder with artefact, scores, overlays and record."""
