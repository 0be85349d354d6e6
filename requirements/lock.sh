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
# Ray and Dask are tested with the frameworks, in the environment that has them anyway.
lock dev pyproject.toml --extra all --extra sagemaker --extra azureml --group dev
lock default pyproject.toml
lock demo pyproject.toml --extra pandas --extra plots --extra system --extra models --extra env --group demo
lock mlflow2 --group mlflow2
lock bench-litserve --group bench-litserve
lock bench-mlflow --group bench-mlflow
lock bench-trackio --group bench-trackio
lock bench-wandb --group bench-wandb

# torch has a build for each kind of accelerator, most of several GB: the lock holds all but torch itself, and
# the Makefile adds it. Needs a CPU build of it where PIP_FIND_LINKS points to.
printf 'torch==2.13.0+cpu\n' > requirements/.torch.txt
uv pip compile --quiet pyproject.toml --all-extras --group frameworks --constraints requirements/.torch.txt \
    --find-links "$PIP_FIND_LINKS" --generate-hashes --python-version 3.11 --python-platform x86_64-manylinux_2_28 \
    --no-emit-package torch --no-emit-index-url --no-emit-find-links --no-header --no-annotate \
    -o requirements/frameworks.lock
rm requirements/.torch.txt
