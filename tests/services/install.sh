#!/bin/sh
# Installs what the tests talk to beside Python packages: PostgreSQL 15, Chromium, Node for Azurite, Azurite itself,
# Java for Spark, Podman and Buildah for images, and an environment with the last mlflow 2.
# What is there already is left alone. Its argument is a uv, which installs Python packages.
set -eu
uv=$1
cd "$(dirname "$0")/../.."

need=""
[ -x /usr/lib/postgresql/15/bin/initdb ] || need="$need postgresql-15"
command -v chromium >/dev/null || need="$need chromium"
command -v npm >/dev/null || need="$need nodejs npm"
command -v java >/dev/null || need="$need openjdk-17-jre-headless"
command -v podman >/dev/null && command -v buildah >/dev/null || need="$need podman buildah runc uidmap"
if [ -n "$need" ]; then
    root=""
    [ "$(id -u)" = 0 ] || root=sudo
    $root apt-get update -qq
    # shellcheck disable=SC2086 -- a list of names
    DEBIAN_FRONTEND=noninteractive $root apt-get install -y -qq --no-install-recommends $need >/dev/null
fi

azurite() {
    grep -qs '"version": "3.37.0"' .env-azurite/node_modules/azurite/package.json ||
        npm install --silent --no-audit --no-fund --prefix .env-azurite azurite@3.37.0 >/dev/null
}

mlflow2() {
    [ ! -f .env-mlflow2/.ready ] || return 0
    "${PYTHON:-python3}" -m venv .env-mlflow2
    requirements/install.sh "$uv" .env-mlflow2 --require-hashes --requirement requirements/mlflow2.lock
    touch .env-mlflow2/.ready
}

# Side by side: while one unpacks, another downloads. Each is a shell of its own, in which -e holds.
pids=""
for part in azurite mlflow2; do
    (set -e; "$part") &
    pids="$pids $!"
done
for pid in $pids; do
    wait "$pid"
done
