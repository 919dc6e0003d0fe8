"""Prove that a pruned network computes what its masked twin computes."""
