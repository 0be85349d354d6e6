"""`make demo`: train ten models on the digits data set, compare them, load the best one in a clean
environment, and leave a server running that shows them.

Everything lands in `.assay/` of the working directory; run it again and the runs add up.
`--no-training` shows what is there already.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

import assay

EXPERIMENT = "digits"
TRAINING_SCRIPT = Path(__file__).with_name("digits.py")


def train() -> None:
    """Run the training script as a user would, in a process of its own."""
    done = subprocess.run([sys.executable, str(TRAINING_SCRIPT)], check=False)
    if done.returncode:
        sys.exit(done.returncode)  # the script has said why


def files_of(run_id: str, folder: str | None = None) -> list[str]:
    """The paths of all files of a run."""
    paths: list[str] = []
    for found in assay.artifacts.list_artifacts(run_id=run_id, artifact_path=folder):
        paths += files_of(run_id, found.path) if found.is_dir else [found.path]
    return paths


def show_comparison(console: Console) -> str:
    """All runs of the experiment side by side, the best first, and what made the best one; returns
    the id of its model.
    """
    runs = assay.search_runs(
        experiment_names=[EXPERIMENT],
        order_by=["metrics.`val/accuracy` DESC"],
        output_format="list",
    )
    table = Table(title=f"Experiment {EXPERIMENT!r}: {len(runs)} runs, best first")
    for heading in ["run", "learning rate", "accuracy", "loss", "epochs", "took"]:
        table.add_column(heading, justify="left" if heading == "run" else "right")
    for run in runs:
        metrics = run.data.metrics
        seconds = ((run.info.end_time or run.info.start_time) - run.info.start_time) / 1e3
        table.add_row(
            run.info.run_name,
            run.data.params["learning_rate"],
            f"{metrics['val/accuracy']:.4f}",
            f"{metrics['val/loss']:.4f}",
            run.data.params["epochs"],
            f"{seconds:.1f} s",
        )
    console.print(table)
    best = runs[0]
    files = files_of(best.info.run_id)
    commit = best.data.tags.get("mlflow.source.git.commit", "not in a git repository")
    console.print(f"Best: [bold]{best.info.run_name}[/bold] ({best.info.run_id})")
    console.print(f"  accuracy  {best.data.metrics['val/accuracy']:.4f}")
    console.print(f"  params    {best.data.params}")
    console.print(f"  commit    {commit}")
    console.print(f"  files     {', '.join(files)}")
    model_id = best.outputs.model_outputs[-1].model_id
    console.print(f"  model     models:/{model_id}")
    return model_id


def prove(console: Console, model_id: str) -> None:
    """Rebuild the model's environment from its files alone, and see that it predicts the same."""
    console.print("\nLoading the best model in an environment made from its files alone:")
    command = ["models", "verify", f"models:/{model_id}", "--env"]
    done = subprocess.run([sys.executable, "-m", "assay", *command], check=False)
    if done.returncode:
        sys.exit(done.returncode)


def main() -> None:
    """Train, compare, serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=5001)
    parser.add_argument("--no-server", action="store_true", help="stop after the comparison")
    parser.add_argument("--no-training", action="store_true", help="compare and serve only")
    options = parser.parse_args()
    console = Console(soft_wrap=True)

    if not options.no_training:
        train()
    best = show_comparison(console)
    if not options.no_training:
        prove(console, best)
    if options.no_server:
        return
    console.print(
        "\nSee all runs in the browser; Ctrl-C ends the server, `assay ui` brings it back."
    )
    sys.stdout.flush()
    # The server takes this process's place, so that Ctrl-C is its own to handle.
    os.execv(sys.executable, [sys.executable, "-m", "assay", "server", "--port", str(options.port)])


if __name__ == "__main__":
    main()
