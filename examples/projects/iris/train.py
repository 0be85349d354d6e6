"""Grow a decision tree on Fisher's irises, and record how good it is at every depth."""

import argparse
import random

import numpy as np
from sklearn.datasets import load_iris
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.tree import DecisionTreeClassifier, export_text

import assay


def main(max_depth: int, criterion: str, seed: int) -> None:
    """Train with these settings, in the run that is active."""
    random.seed(seed)
    np.random.seed(seed)
    flowers = load_iris()
    train_x, test_x, train_y, test_y = train_test_split(
        flowers.data, flowers.target, test_size=0.4, random_state=seed
    )
    for depth in range(1, max_depth + 1):
        tree = DecisionTreeClassifier(max_depth=depth, criterion=criterion, random_state=seed)
        tree.fit(train_x, train_y)
        accuracy = float(accuracy_score(test_y, tree.predict(test_x)))
        assay.log_metric("accuracy", accuracy, step=depth)
        print(f"depth {depth}: accuracy {accuracy:.3f}")
    assay.log_text(export_text(tree, feature_names=list(flowers.feature_names)), "tree.txt")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--max-depth", type=int, default=3)
    parser.add_argument("--criterion", default="gini")
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    with assay.start_run():
        main(arguments.max_depth, arguments.criterion, arguments.seed)
