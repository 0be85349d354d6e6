"""A study of Optuna, logged by Optuna's own integration with MLflow: knows nothing of Assay."""

from __future__ import annotations

import sys
import warnings

warnings.simplefilter("ignore")

import mlflow  # noqa: E402
import optuna  # noqa: E402
from optuna_integration import MLflowCallback  # noqa: E402

tracked = MLflowCallback(
    tracking_uri=sys.argv[1],
    metric_name="distance",
    mlflow_kwargs={"tags": {"team": "vision"}},
)


@tracked.track_in_mlflow()
def distance(trial: optuna.Trial) -> float:
    x = trial.suggest_float("x", -10, 10)
    kind = trial.suggest_categorical("kind", ["plain", "squared"])
    for step in range(5):
        mlflow.log_metric("approach", x / (step + 1), step=step)
    mlflow.log_text(f"{x!r}", "x.txt")
    trial.set_user_attr("seen", str(trial.number))
    return abs(x - 2) if kind == "plain" else (x - 2) ** 2


def fails_for_odd_trials(trial: optuna.Trial) -> float:
    if trial.number % 2:
        raise optuna.TrialPruned
    return trial.suggest_float("y", 0, 1)


study = optuna.create_study(study_name="find two", sampler=optuna.samplers.RandomSampler(seed=1))
study.set_user_attr("owner", "ada")
study.optimize(distance, n_trials=6, callbacks=[tracked])

pruned = optuna.create_study(study_name="pruned", sampler=optuna.samplers.RandomSampler(seed=1))
pruned.optimize(
    fails_for_odd_trials, n_trials=4, callbacks=[MLflowCallback(tracking_uri=sys.argv[1])]
)

print(study.best_trial.number, repr(study.best_value), repr(study.best_params["x"]))
