"""Faults planted in the package, one at a time: which of them does no test notice?"""
