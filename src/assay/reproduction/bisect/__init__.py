"""Bisect: which of all that differs between two runs makes their results differ, found by running.

``swaps`` takes two recipes apart into what can be exchanged, ``search`` decides what to try next,
``judging`` says which of the two runs a result is like, ``bisection`` puts them together, and
``trying`` carries a mixed recipe out.
"""
