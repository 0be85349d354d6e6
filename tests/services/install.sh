#!/bin/sh
# Installs what the tests talk to beside Python packages: PostgreSQL 15, Chromium, Node for Azurite, Azurite itself,
# Java for Spark, an environment with the last mlflow 2, and one with every framework that has a flavor.
# What is there already is left alone.
set -eu
cd "$(dirname "$0")/../.."

need=""
[ -x /usr/lib/postgresql/15/bin/initdb ] || need="$need postgresql-15"
command -v chromium >/dev/null || need="$need chromium"
command -v npm >/dev/null || need="$need nodejs npm"
command -v java >/dev/null || need="$need openjdk-17-jre-headless"
if [ -n "$need" ]; then
    root=""
    [ "$(id -u)" = 0 ] || root=sudo
    $root apt-get update -qq
    # shellcheck disable=SC2086 -- a list of names
    DEBIAN_FRONTEND=noninteractive $root apt-get install -y -qq --no-install-recommends $need >/dev/null
fi

azurite() {
    [ -f .env-azurite/node_modules/azurite/package.json ] ||
        npm install --silent --no-audit --no-fund --prefix .env-azurite azurite@3.35.0 >/dev/null
}

mlflow2() {
    [ ! -f .env-mlflow2/.ready ] || return 0
    "${PYTHON:-python3}" -m venv .env-mlflow2
    .env-mlflow2/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/mlflow2.lock
    touch .env-mlflow2/.ready
}

frameworks() {
    [ ! -f .env-frameworks/.ready ] || [ requirements/frameworks.lock -nt .env-frameworks/.ready ] || return 0
    "${PYTHON:-python3}" -m venv .env-frameworks
    install=".env-frameworks/bin/python -m pip install --quiet --disable-pip-version-check"
    # The lock has all but torch, whose builds differ by accelerator: pip takes the one that fits the machine.
    $install --require-hashes --no-deps -r requirements/frameworks.lock
    $install torch==2.13.0
    ASSAY_SKIP_UI=1 $install --no-deps --editable .
    touch .env-frameworks/.ready
}

# Side by side: while one unpacks, another downloads. Each is a shell of its own, in which -e holds.
pids=""
for part in azurite mlflow2 frameworks; do
    (set -e; "$part") &
    pids="$pids $!"
done
for pid in $pids; do
    wait "$pid"
done
