"""`make demo`: train ten models on the digits data set, compare them, load the best one in a clean
environment, bring it to Production by a policy and back once, serve what was approved while another
version takes over, repeat the best run from its commit, and leave a server running that shows all.

Everything lands in `.assay/` of the working directory; run it again and the runs add up.
`--no-training` shows what is there already.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import serve_digits
from rich.console import Console
from rich.table import Table

import assay
from assay.entities.runs import Run

EXPERIMENT, FINAL = "digits", "digits-final"
MODEL = "digits"
AUTHOR, APPROVER = "alice", "bea"
TRAINING_SCRIPT = Path(__file__).with_name("digits.py")


def train(*words: str) -> None:
    """Run the training script as a user would, in a process of its own."""
    done = subprocess.run([sys.executable, str(TRAINING_SCRIPT), *words], check=False)
    if done.returncode:
        sys.exit(done.returncode)  # the script has said why


def files_of(run_id: str, folder: str | None = None) -> list[str]:
    """The paths of all files of a run."""
    paths: list[str] = []
    for found in assay.artifacts.list_artifacts(run_id=run_id, artifact_path=folder):
        paths += files_of(run_id, found.path) if found.is_dir else [found.path]
    return paths


def show_comparison(console: Console) -> tuple[Run, Run]:
    """All runs of the experiment side by side, the best first, and what made the best one; returns
    the best run and the second best.
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
    console.print(f"  model     models:/{model_of(best)}")
    return best, runs[1]


def model_of(run: Run) -> str:
    """The id of the model that a run made."""
    return run.outputs.model_outputs[-1].model_id


def prove(console: Console, model_id: str) -> None:
    """Rebuild the model's environment from its files alone, and see that it predicts the same."""
    console.print("\nLoading the best model in an environment made from its files alone:")
    command = ["models", "verify", f"models:/{model_id}", "--env"]
    done = subprocess.run([sys.executable, "-m", "assay", *command], check=False)
    if done.returncode:
        sys.exit(done.returncode)


def pin_test_data() -> tuple[str, str]:
    """The test digits as a file of a run, which gates score models on; its address and digest."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import StandardScaler

    digits = load_digits()
    pixels = StandardScaler().fit_transform(digits.data)
    _, test_x, _, test_y = train_test_split(  # as in the training script
        pixels, digits.target, test_size=0.25, random_state=7, stratify=digits.target
    )
    path = Path("digits-test.csv")
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow([*(f"pixel{place}" for place in range(test_x.shape[1])), "digit"])
        writer.writerows([*row, label] for row, label in zip(test_x.tolist(), test_y, strict=True))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assay.set_experiment("evaluation data")
    with assay.start_run(run_name="digits-test") as run:
        assay.log_artifact(path)
    path.unlink()
    return f"runs:/{run.info.run_id}/{path.name}", digest


def policy_text() -> str:
    """What a version of the model has to show before it may be in Production."""
    data, digest = pin_test_data()
    return f"""\
policy: 1
to:
  Production:
    gates:
      - {{metric: val/accuracy, at_least: 0.9}}
      - digests: intact
      - golden: replayed
      - recomputed: accuracy_score
        data: {data}
        digest: {digest}
        targets: digit
        model_type: classifier
        not_worse_than_holder_by: 0.5 %
        higher_is_better: true
    approvals: {{count: 1, from: [{APPROVER}]}}
"""


def command(console: Console, user: str, *words: str) -> None:
    """Run a command of ours as a person would, and show it."""
    console.print(f"\n[dim]{user}$[/dim] assay {' '.join(words)}", highlight=False)
    sys.stdout.flush()
    done = subprocess.run(
        [sys.executable, "-m", "assay", *words],
        env={**os.environ, "ASSAY_USER": user},
        check=False,
    )
    if done.returncode:
        sys.exit(done.returncode)


def govern(console: Console, second: str) -> None:
    """Two versions come to Production by requests that somebody else approves; one goes back."""
    console.print(
        f"\nBringing models to Production: {AUTHOR} asks, the policy's gates judge,"
        f" {APPROVER} approves."
    )
    os.environ["ASSAY_USER"] = AUTHOR
    first = assay.register_model(f"models:/{second}", MODEL)
    assay.registry.set_policy(MODEL, policy_text(), reason="what the team agreed on")
    request = assay.registry.promote(
        MODEL, version=first.version, to="Production", reason="the first that is good enough"
    )
    command(console, APPROVER, "registry", "approve", request.request_id, "--comment", "go ahead")

    request = assay.registry.promote(
        MODEL,
        from_=f"experiment={EXPERIMENT}",
        best="metrics.val/accuracy.max",
        to="Production",
        gates=["metrics.`val/accuracy` >= 0.9"],
        reason="the best of all runs",
    )
    console.print(f"\nRequest {request.request_id}: {request.status}, {request.status_reason}")
    command(console, APPROVER, "registry", "approve", request.request_id, "--comment", "better")
    command(
        console, APPROVER, "registry", "rollback", MODEL, "--reason", "a customer sees wrong sevens"
    )
    command(console, AUTHOR, "registry", "history", MODEL)
    command(console, AUTHOR, "audit", "verify")


def repeat(console: Console, best: Run) -> None:
    """Train the best once more on its own, then run that again from its commit: the same has to
    come out.
    """
    console.print("\nTraining the best alone, then again from what was captured of that run:")
    train(best.data.params["learning_rate"], "--experiment", FINAL)
    final = assay.search_runs(experiment_names=[FINAL], output_format="list")[0]
    if "mlflow.source.git.commit" not in final.data.tags:
        console.print("  left out: this copy of the examples is in no git repository")
        return
    command(console, AUTHOR, "reproduce", final.info.run_id, "--env-manager", "local")


def main() -> None:
    """Train, compare, govern, serve, repeat, show."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=5001)
    parser.add_argument("--no-server", action="store_true", help="stop after the comparison")
    parser.add_argument("--no-training", action="store_true", help="compare and serve only")
    options = parser.parse_args()
    console = Console(soft_wrap=True)

    if not options.no_training:
        train()
    best, second = show_comparison(console)
    if not options.no_training:
        prove(console, model_of(best))
        govern(console, model_of(second))
        serve_digits.show(console)
        repeat(console, best)
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
