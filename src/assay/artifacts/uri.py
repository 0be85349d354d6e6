"""From an artifact location to the store that serves it.

An allow-list of schemes, and one reading of each: what isn't listed, or carries a query, a fragment
or ``..``, is refused
before anything is opened.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from assay.artifacts.base import ArtifactStore
from assay.artifacts.cloud import CLOUD_SCHEMES
from assay.artifacts.local import Durability, LocalArtifactStore
from assay.artifacts.routes import PROXY_ROUTE
from assay.entities.names import ArtifactPath, artifact_path
from assay.errors import InvalidInput

PROXIED = "mlflow-artifacts"
"""The scheme of locations that a tracking server serves from wherever it keeps its artifacts."""

_SUPPORTED = (
    "a folder, file:///folder, mlflow-artifacts:/path, http(s)://server, s3://bucket/prefix,"
    " gs://bucket/prefix, az://container/prefix,"
    " abfss:// and wasbs://container@account.host/prefix"
)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")


def open_artifact_store(
    uri: str,
    *,
    tracking_uri: str | None = None,
    authorization: str | None = None,
    root: str | Path | None = None,
    durability: Durability = "normal",
) -> ArtifactStore:
    """The store for an artifact location, such as a run's ``artifact_uri``.

    Args:
        uri: a folder, or a URI of one of the schemes above.
        tracking_uri: where ``mlflow-artifacts:`` leads when it is an ``http(s)`` server.
        authorization: value of the ``Authorization`` header for that server; no other gets it,
            whatever the location says.
        root: the folder or cloud location behind ``mlflow-artifacts:`` in a process that serves
            it, or works without a server; it goes before ``tracking_uri``. A folder below it is
            opened as a part of it.
        durability: of files written to a folder.

    Raises:
        InvalidInput: the scheme isn't supported, parts of it are missing, or it tries to leave its
        place.
        MissingExtra: a cloud store without the package ``obstore``.
    """
    scheme = _scheme(uri)
    if scheme in ("", "file"):
        return _open_folder(_folder_of(uri, scheme), local_root=_local(root), durability=durability)
    parts = _split(uri)
    if scheme == PROXIED and root is not None and not parts.netloc:
        whole = open_artifact_store(str(root), durability=durability)
        return whole.at(_below(uri, parts.path))
    if scheme in (PROXIED, "http", "https"):
        if scheme == PROXIED:
            base, prefix = _proxied_place(uri, parts, tracking_uri=tracking_uri)
        else:
            base, prefix = _http_place(uri, parts)
        if authorization and (tracking_uri is None or _origin(base) != _origin(tracking_uri)):
            authorization = None
        return _proxy(base, prefix, authorization=authorization)
    if scheme in CLOUD_SCHEMES:
        _below(uri, parts.path)
        from assay.artifacts.object_store import ObjectArtifactStore  # costs, and few need it

        return ObjectArtifactStore(uri)
    raise InvalidInput(
        f"Artifacts can't be kept at {uri!r}: the scheme {scheme!r} isn't supported."
        f" Supported are {_SUPPORTED}."
    )


def _local(root: str | Path | None) -> Path | None:
    """``root`` as a folder, if it is one."""
    if root is None or _scheme(str(root)) not in ("", "file"):
        return None
    return _folder_of(str(root), _scheme(str(root)))


def _scheme(uri: str) -> str:
    if not uri or any(ord(c) < 0x20 or ord(c) == 0x7F for c in uri):
        raise InvalidInput(
            f"Invalid artifact location {uri!r}: it is empty or has control characters."
        )
    match = _SCHEME.match(uri)
    return match.group(1).lower() if match else ""


def _split(uri: str) -> SplitResult:
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError as error:
        raise InvalidInput(f"Invalid artifact location {uri!r}: {error}.") from None
    if parts.query or parts.fragment or "?" in uri or "#" in uri or ";" in uri:
        raise InvalidInput(
            f"Invalid artifact location {uri!r}: a query, a fragment or parameters"
            " don't belong there."
        )
    return parts


def _below(uri: str, path: str) -> ArtifactPath:
    """The path of a URI as an artifact path below the root that the URI's scheme and host stand
    for.
    """
    inner = path.strip("/")
    if not inner:
        return ArtifactPath("")
    try:
        return artifact_path(inner)
    except InvalidInput as error:
        raise InvalidInput(f"Invalid artifact location {uri!r}: {error.message}") from None


def _folder_of(uri: str, scheme: str) -> Path:
    path = uri
    if scheme == "file":
        parts = _split(uri)
        if parts.netloc not in ("", "localhost"):
            raise InvalidInput(
                f"Invalid artifact location {uri!r}: a file on another host ({parts.netloc})."
                " Write file:///folder."
            )
        path = unquote(parts.path)
        if not path.startswith("/"):
            raise InvalidInput(f"Invalid artifact location {uri!r}: write file:///folder.")
    if "\0" in path or "\\" in path or ".." in path.split("/"):
        raise InvalidInput(
            f"Invalid artifact location {uri!r}: '..' and backslashes aren't allowed."
        )
    return Path(path)


def _open_folder(
    folder: Path, *, local_root: Path | None, durability: Durability
) -> LocalArtifactStore:
    if local_root is not None:
        # One store for the whole root: unfinished files of all runs then share its one hidden
        # folder.
        root, real = local_root.resolve(), folder.resolve()
        if real.is_relative_to(root):
            inner = ArtifactPath("/".join(real.relative_to(root).parts))
            return LocalArtifactStore(root, durability=durability).at(inner)
    return LocalArtifactStore(folder, durability=durability)


def _proxied_place(
    uri: str, parts: SplitResult, *, tracking_uri: str | None
) -> tuple[str, ArtifactPath]:
    server = _split(tracking_uri) if tracking_uri else None
    if server is not None and server.scheme not in ("http", "https"):
        server = None
    if parts.netloc:
        scheme = server.scheme if server else "http"
        base = f"{scheme}://{parts.netloc}"
    elif server is not None:
        base = f"{server.scheme}://{server.netloc}{server.path}"
    else:
        raise InvalidInput(
            f"The artifact location {uri!r} is served by a tracking server, but none is configured:"
            " set ASSAY_TRACKING_URI (or MLFLOW_TRACKING_URI) to its http(s) address."
        )
    return base, _below(uri, parts.path)


def _http_place(uri: str, parts: SplitResult) -> tuple[str, ArtifactPath]:
    before, found, after = parts.path.partition(PROXY_ROUTE)
    if not parts.netloc or not found:
        raise InvalidInput(
            f"Invalid artifact location {uri!r}: an http(s) location must lead to"
            f" {PROXY_ROUTE}/… of a tracking server."
        )
    return f"{parts.scheme}://{parts.netloc}{before}", _below(uri, after)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _proxy(base_url: str, prefix: ArtifactPath, *, authorization: str | None) -> ArtifactStore:
    # Here, because urllib3 takes 40 ms to import, which a program that logs to a folder shouldn't
    # pay.
    from assay.artifacts.proxy import ProxyArtifactStore

    headers = {"authorization": authorization} if authorization else {}
    return ProxyArtifactStore(base_url, prefix, headers)
