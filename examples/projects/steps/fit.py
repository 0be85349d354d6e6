"""Fit a line through the numbers of a file by least squares."""

import csv
import sys
from pathlib import Path

import assay

with Path(sys.argv[1]).open(encoding="utf-8") as file:
    points = [(float(row["x"]), float(row["y"])) for row in csv.DictReader(file)]
mean_x = sum(x for x, _ in points) / len(points)
mean_y = sum(y for _, y in points) / len(points)
slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / sum(
    (x - mean_x) ** 2 for x, _ in points
)
with assay.start_run():
    assay.log_metric("slope", slope)
