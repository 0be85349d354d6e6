"""Where artifacts may lie: the one decision that turns a stored location into a path below the
server's root.

A location comes from a client (an experiment's ``artifact_location``), so it is a name, never an
address to fetch: what doesn't lie below the configured root is refused, both when it is given and
when it is read.
"""

from __future__ import annotations

import os
from urllib.parse import unquote, urlsplit

from assay.entities.names import ArtifactPath, artifact_path
from assay.errors import InvalidInput
from assay.server.settings import artifacts_path

PROXIED = "mlflow-artifacts"
DIRECT_SCHEMES = frozenset(
    {"s3", "gs", "az", "abfs", "abfss", "wasb", "wasbs", "hdfs", "dbfs", "r2"}
)
"""Locations outside the root that clients may reach by themselves; the server only remembers
them."""


class Locations:
    """The root, and what lies below it."""

    def __init__(self, artifacts_uri: str) -> None:
        folder = artifacts_path(artifacts_uri)
        self._folder = None if folder is None else os.path.realpath(folder)
        self._uri = artifacts_uri.rstrip("/")

    def path_of(self, location: str) -> ArtifactPath:
        """The path below the root that a location names.

        Raises:
            InvalidInput: it lies elsewhere, or uses tricks.
        """
        inner = self._below(location)
        if inner is None:
            raise InvalidInput(
                f"Artifacts at {location!r} are not kept by this server."
                " Read them with a client that reaches that place."
            )
        return inner

    def check(self, location: str) -> None:
        """Refuse a location that an experiment must not have.

        Raises:
            InvalidInput: ``..``, query, fragment or parameters; a folder of this machine outside
                the root; a scheme that isn't on the list.
        """
        if self._below(location) is None and _scheme(location) not in DIRECT_SCHEMES:
            raise InvalidInput(
                f"Invalid artifact location {location!r}: it must be mlflow-artifacts:/…, a place"
                f" below this server's root, or one of {', '.join(sorted(DIRECT_SCHEMES))}."
            )

    def _below(self, location: str) -> ArtifactPath | None:
        _refuse_tricks(location)
        scheme = _scheme(location)
        if scheme == PROXIED:
            parts = urlsplit(location)
            return None if parts.netloc else _inner(location, parts.path)
        if scheme in ("", "file"):
            return self._below_folder(location, scheme)
        if location == self._uri or location.startswith(self._uri + "/"):
            return _inner(location, location[len(self._uri) :])
        return None

    def _below_folder(self, location: str, scheme: str) -> ArtifactPath | None:
        path = location
        if scheme == "file":
            parts = urlsplit(location)
            if parts.netloc not in ("", "localhost"):
                return None
            path = unquote(parts.path)
        if self._folder is None or not path.startswith("/"):
            return None
        real = os.path.realpath(path)
        if os.path.commonpath([real, self._folder]) != self._folder:
            return None
        return _inner(location, os.path.relpath(real, self._folder).removeprefix("."))


def _scheme(location: str) -> str:
    scheme, colon, _ = location.partition(":")
    return scheme.lower() if colon and "/" not in scheme else ""


def _refuse_tricks(location: str) -> None:
    seen = location
    for _ in range(8):
        decoded = unquote(seen)
        if decoded == seen:
            break
        seen = decoded
    if (
        not location
        or any(c in seen for c in "#?;\\")
        or any(ord(c) < 0x20 or ord(c) == 0x7F for c in seen)
        or ".." in seen.replace(":", "/").split("/")
    ):
        raise InvalidInput(
            f"Invalid artifact location {location!r}: no '..', '#', '?', ';', backslash or control"
            " character is allowed in it."
        )


def _inner(location: str, path: str) -> ArtifactPath:
    try:
        return artifact_path(path.strip("/"), allow_root=True)
    except InvalidInput as error:
        raise InvalidInput(f"Invalid artifact location {location!r}: {error.message}") from None
