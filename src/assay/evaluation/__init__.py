"""Evaluation: how good predictions are, how sure that is, and whether it is good enough.

Pure computing over arrays: metrics, bootstrap intervals, slices, thresholds, plots and the report.
Nothing here loads models or logs; ``assay.fluent.evaluate`` does, and gives the result to the run.
Metrics are written with NumPy alone, because the default install has nothing more.
"""
