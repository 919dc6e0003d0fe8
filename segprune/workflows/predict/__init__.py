"""Predict: from an artefact and images, a data set or a video to pictures."""
