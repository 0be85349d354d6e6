"""Settings of the road to a server: credentials, certificates, patience; from the environment.

Each name has an ``ASSAY_`` form and, where MLflow has the same setting, MLflow's own name works as
well. Credentials never leave this file but as the ``Authorization`` header.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit, urlunsplit

import msgspec

from assay.errors import InvalidInput
from assay.store.user import claimed_name

DEFAULT_CONNECT_TIMEOUT_S = 5.0
"""A host that doesn't answer a SYN within five seconds is down for the one who waits."""
DEFAULT_READ_TIMEOUT_S = 120.0
"""MLflow's ``MLFLOW_HTTP_REQUEST_TIMEOUT``."""
DEFAULT_MAX_RETRIES = 4
"""With the backoff of ``transport`` about three seconds in all: enough for a restart behind a
proxy."""


class RemoteSettings(msgspec.Struct, frozen=True):
    """How to reach one server."""

    base_url: str
    """Scheme, host, port and path prefix; without credentials, query or trailing slash."""
    authorization: str | None = None
    """Value of the ``Authorization`` header."""
    user: str = ""
    """Who to say to be, where nobody has to sign in; empty: nobody."""
    connect_timeout_s: float = DEFAULT_CONNECT_TIMEOUT_S
    read_timeout_s: float = DEFAULT_READ_TIMEOUT_S
    max_retries: int = DEFAULT_MAX_RETRIES
    verify_tls: bool = True
    ca_bundle: str | None = None
    client_cert: str | None = None

    def __repr__(self) -> str:
        return f"RemoteSettings(base_url={self.base_url!r})"


def read_settings(uri: str, environment: Mapping[str, str] | None = None) -> RemoteSettings:
    """The settings for a server's URI and an environment (default: the process's).

    Raises:
        InvalidInput: ``uri`` is no http(s) URL, a number doesn't parse, or ``ASSAY_USER`` is none
            that can be sent.
    """
    env = os.environ if environment is None else environment
    base_url, from_uri = split_credentials(uri)
    return RemoteSettings(
        base_url=base_url,
        authorization=from_uri or _authorization(env),
        user=claimed_name(env),
        connect_timeout_s=_number(
            env, "ASSAY_HTTP_CONNECT_TIMEOUT_S", default=DEFAULT_CONNECT_TIMEOUT_S
        ),
        read_timeout_s=_number(
            env,
            "ASSAY_HTTP_TIMEOUT_S",
            "MLFLOW_HTTP_REQUEST_TIMEOUT",
            default=DEFAULT_READ_TIMEOUT_S,
        ),
        max_retries=int(_number(env, "ASSAY_HTTP_MAX_RETRIES", default=DEFAULT_MAX_RETRIES)),
        verify_tls=_first(env, "TRACKING_INSECURE_TLS").lower() not in ("1", "true", "yes"),
        ca_bundle=_first(env, "TRACKING_SERVER_CERT_PATH")
        or env.get("REQUESTS_CA_BUNDLE")
        or env.get("SSL_CERT_FILE")
        or None,
        client_cert=_first(env, "TRACKING_CLIENT_CERT_PATH") or None,
    )


def split_credentials(uri: str) -> tuple[str, str | None]:
    """``uri`` without credentials, query and trailing slash; and the ``Authorization`` they stand
    for.

    Raises:
        InvalidInput: it is no http(s) URL with a host.
    """
    parts = urlsplit(uri)
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in ("http", "https") or not parts.hostname or port == -1:
        raise InvalidInput(
            "An address looks like http://host:5000 or https://host; this one isn't one."
        )
    host = parts.netloc.rpartition("@")[2]
    base_url = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
    if parts.username is None:
        return base_url, None
    return base_url, _basic(unquote(parts.username), unquote(parts.password or ""))


def _authorization(env: Mapping[str, str]) -> str | None:
    username = _first(env, "TRACKING_USERNAME")
    password = _first(env, "TRACKING_PASSWORD")
    if username and password:
        return _basic(username, password)
    token = _first(env, "TRACKING_TOKEN")
    return f"Bearer {token}" if token else None


def _basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii")


def _first(env: Mapping[str, str], name: str) -> str:
    return env.get(f"ASSAY_{name}") or env.get(f"MLFLOW_{name}") or ""


def _number(env: Mapping[str, str], *names: str, default: float) -> float:
    for name in names:
        text = env.get(name)
        if text:
            try:
                number = float(text)
            except ValueError:
                number = -1.0
            if not 0 <= number < 1e9:
                raise InvalidInput(f"{name} must be a number of seconds or tries, got {text!r}.")
            return number
    return default
