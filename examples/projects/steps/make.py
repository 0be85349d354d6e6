"""Make rows of numbers that lie near a line, the same each time."""

import random
import sys

import assay

random.seed(11)
rows = [f"{x},{2 * x + random.gauss(0, 0.1):.4f}" for x in range(int(sys.argv[1]))]
with assay.start_run():
    assay.log_text("x,y\n" + "\n".join(rows) + "\n", "numbers.csv")
    print(f"made {len(rows)} rows")
