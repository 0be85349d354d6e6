"""A classifier of handwritten digits, as a function that a sweep calls with its parameters."""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

EPOCHS = 15
SEED = 7


def accuracy(learning_rate, alpha, penalty, trial):
    """The accuracy on held-out digits, reported after each epoch so that bad trials end early."""
    digits = load_digits()
    pixels = StandardScaler().fit_transform(digits.data)
    train_x, test_x, train_y, test_y = train_test_split(
        pixels, digits.target, test_size=0.25, random_state=SEED, stratify=digits.target
    )
    model = SGDClassifier(
        loss="log_loss",
        learning_rate="constant",
        eta0=learning_rate,
        alpha=alpha,
        penalty=penalty,
        random_state=SEED,
    )
    order = np.random.default_rng(SEED)
    score = 0.0
    for epoch in range(EPOCHS):
        for batch in np.array_split(order.permutation(len(train_x)), 10):
            model.partial_fit(train_x[batch], train_y[batch], classes=np.arange(10))
        score = model.score(test_x, test_y)
        trial.report(score, epoch)
    return score
