#!/bin/sh
# Installs into an environment: requirements/install.sh UV ENVIRONMENT ARGUMENT…, with what uv and pip both take.
# uv knows nothing of pip's own settings (a mirror, a proxy, a folder of wheels): where it fails, pip does it.
set -eu
uv=$1 environment=$2
shift 2
export UV_HTTP_TIMEOUT="${UV_HTTP_TIMEOUT:-180}"
"$uv" pip install --quiet --no-cache --python "$environment/bin/python" "$@" && exit
echo "uv could not install into $environment: pip does." >&2
exec "$environment/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile "$@"
