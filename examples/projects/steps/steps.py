"""Run the two steps one after the other; the second reads what the first has kept."""

import sys
from pathlib import Path

import assay

HERE = str(Path(__file__).parent)

with assay.start_run():
    made = assay.projects.run(HERE, "make", parameters={"rows": sys.argv[1]}, env_manager="local")
    fitted = assay.projects.run(
        HERE, "fit", parameters={"data": f"runs:/{made.run_id}/numbers.csv"}, env_manager="local"
    )
    slope = assay.get_run(fitted.run_id).data.metrics["slope"]
    assay.log_metric("slope", slope)
    print(f"slope {slope:.2f}")
