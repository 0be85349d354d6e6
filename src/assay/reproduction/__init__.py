"""Reproduction: a run is done again from what was captured, and the results are compared."""
