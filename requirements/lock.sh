#!/bin/sh
# Pins names, versions and hashes of all that development, the demo and the tests install.
# Run it after a change of pyproject.toml: requirements/lock.sh (needs uv).
set -eu
cd "$(dirname "$0")/.."
lock() {
    out=$1
    shift
    uv pip compile --quiet "$@" --generate-hashes --universal --python-version 3.11 \
        --no-emit-index-url --no-emit-find-links --no-header --no-annotate -o "requirements/$out.lock"
}
lock dev pyproject.toml --all-extras --group dev
lock default pyproject.toml
lock demo pyproject.toml --extra plots --extra system --group demo
lock mlflow2 --group mlflow2
lock bench-mlflow --group bench-mlflow
lock bench-trackio --group bench-trackio
lock bench-wandb --group bench-wandb
