"""How fast the web UI is: its budgets, measured in a real browser over a large store, and MLflow's
UI beside it over the same runs. ``python -m benchmarks.ui`` runs it.
"""
