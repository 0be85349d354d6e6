"""Train a classifier of wines and log it, as a CI job does: one run, its metrics, its model."""

import os

from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import assay


def main():
    """One run in the experiment "wine"; the strength of the penalty comes from the environment."""
    strength = float(os.environ.get("PENALTY", "1.0"))
    features, labels = load_wine(return_X_y=True, as_frame=True)
    train_x, test_x, train_y, test_y = train_test_split(
        features, labels, test_size=0.4, random_state=3, stratify=labels
    )
    assay.set_experiment("wine")
    with assay.start_run(run_name=os.environ.get("CI_COMMIT", "local")):
        assay.log_param("penalty", strength)
        assay.log_input(assay.data.from_pandas(train_x.assign(wine=train_y), name="wine"))
        model = make_pipeline(StandardScaler(), LogisticRegression(C=1 / strength))
        model.fit(train_x, train_y)
        accuracy = accuracy_score(test_y, model.predict(test_x))
        assay.log_metric("val_accuracy", accuracy)
        assay.sklearn.log_model(
            model,
            name="classifier",
            input_example=test_x[:3],
            model_card="Tells three cultivars of wine apart by their chemistry.",
        )
    print(f"val_accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main()
