"""Benchmarks: each claim of speed in the docs is a scenario here that anyone can run."""
