"""Train ten classifiers of handwritten digits with ten learning rates, and record each with Assay.

    python examples/digits.py

``python examples/digits.py 0.1 --experiment final`` trains one, in an experiment of its own.
Afterwards ``assay ui`` shows the runs side by side. Needs scikit-learn, skops, matplotlib, pillow.
"""

import argparse
import os
import warnings

import matplotlib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import ConfusionMatrixDisplay, accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

import assay

matplotlib.use("Agg")

LEARNING_RATES = [0.00001, 0.00003, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 1.0]
EPOCHS = int(os.environ.get("EPOCHS", "30"))
BATCH = 128
SEED = 7


def loss_of(chances, labels):
    """Mean negative logarithm of the chance given to the right digit."""
    return -np.log(np.clip(chances[np.arange(len(labels)), labels], 1e-12, 1)).mean()


def train(rate, data):
    """One run: real epochs of stochastic gradient descent, logged as they happen."""
    train_x, test_x, train_y, test_y = data
    classes = np.unique(train_y)
    order = np.random.default_rng(SEED)
    model = SGDClassifier(
        loss="log_loss", learning_rate="constant", eta0=rate, alpha=1e-4, random_state=SEED
    )
    with assay.start_run(run_name=f"sgd lr={rate:g}", tags={"model": "SGDClassifier"}):
        assay.log_params(
            {"learning_rate": rate, "epochs": EPOCHS, "batch_size": BATCH, "seed": SEED}
        )
        assay.log_input(assay.data.from_numpy(train_x, targets=train_y, name="digits"), "training")
        assay.log_input(assay.data.from_numpy(test_x, targets=test_y, name="digits-test"), "test")
        step = 0
        for epoch in range(EPOCHS):
            for batch in np.array_split(order.permutation(len(train_x)), len(train_x) // BATCH):
                model.partial_fit(train_x[batch], train_y[batch], classes=classes)
                chances = model.predict_proba(train_x[batch])
                assay.log_metric("batch/loss", loss_of(chances, train_y[batch]), step)
                step += 1
            assay.log_metrics(
                {
                    "train/accuracy": accuracy_score(train_y, model.predict(train_x)),
                    "val/accuracy": accuracy_score(test_y, model.predict(test_x)),
                    "val/loss": loss_of(model.predict_proba(test_x), test_y),
                },
                step=epoch,
            )
        accuracy = accuracy_score(test_y, model.predict(test_x))
        print(f"learning rate {rate:<6g} accuracy {accuracy:.4f}", flush=True)
        shown = ConfusionMatrixDisplay.from_predictions(
            test_y, model.predict(test_x), colorbar=False
        )
        assay.log_figure(shown.figure_, "confusion_matrix.png")
        matplotlib.pyplot.close(shown.figure_)
        assay.sklearn.log_model(
            model,
            name="classifier",
            input_example=test_x[:5],
            model_type="classifier",
            model_card="Tells which digit a picture of 8 × 8 pixels shows.",
        )


def main():
    """Train all and print the best."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rates", nargs="*", type=float, default=LEARNING_RATES)
    parser.add_argument("--experiment", default="digits")
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    digits = load_digits()
    pixels = StandardScaler().fit_transform(digits.data)
    data = train_test_split(
        pixels, digits.target, test_size=0.25, random_state=SEED, stratify=digits.target
    )
    assay.set_experiment(options.experiment)
    for rate in options.rates:
        train(rate, data)
    best = assay.search_runs(
        order_by=["metrics.`val/accuracy` DESC"], max_results=1, output_format="list"
    )[0]
    print(
        f"best: {best.info.run_name}, accuracy {best.data.metrics['val/accuracy']:.4f},"
        f" run {best.info.run_id}"
    )


if __name__ == "__main__":
    main()
