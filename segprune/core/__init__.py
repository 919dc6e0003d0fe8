"""The pruning library: labels, plans, surgery and proof. It knows no data set and no file."""
