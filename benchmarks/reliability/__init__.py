"""Reliability: each promise under load, kills and damage, printed as figures. ``make reliability``
runs all in full.

``tests/e2e/test_reliability.py`` runs the short form of each in CI.
"""
