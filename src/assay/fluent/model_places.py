"""Where models are: from a URI to a folder on this machine.

A model in a local store is used where it lies. One behind a server or in an object store is fetched
once: the cache is keyed by its digests, so what has them twice, under any address, is kept once.
"""

from __future__ import annotations

import atexit
import hashlib
import re
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

from assay.artifacts.base import ArtifactStore
from assay.artifacts.local import LocalArtifactStore
from assay.artifacts.transfer import download
from assay.client.client import Client
from assay.client.connect import open_run_artifacts
from assay.client.version_uris import (
    files_of_version,
    find_version,
    names_version,
    parse_version_uri,
)
from assay.entities.ids import check_model_id
from assay.entities.logged_models import LoggedModel
from assay.entities.names import ArtifactPath, artifact_path
from assay.errors import ArtifactNotFound, InvalidInput
from assay.fluent.reading import client_for
from assay.models import digests
from assay.models.mlmodel import FILE as MLMODEL
from assay.models.user_cache import cache_folder
from assay.store.base import Query

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):/")


class Place(NamedTuple):
    """A model on this machine."""

    folder: Path
    origin: str | None
    """The address it was fetched from; ``None`` for a path of this machine."""


def find_model(uri: str | Path, *, dst_path: str | Path | None = None) -> Place:
    """The folder of a model, fetched if it is elsewhere.

    Args:
        uri: a path, ``file://…``, ``models:/<model id>``, ``runs:/<run id>/<name or path>``,
            ``models:/<name>/<version or stage>`` and ``models:/<name>@<alias>`` of the registry,
            ``mlflow-artifacts:/…``, ``http(s)://…`` (a server's artifacts),
            ``s3://…``, ``gs://…``, ``az://…``.
        dst_path: an existing folder to fetch it into, instead of the cache.

    Raises:
        ArtifactNotFound: there is no model there.
        LoggedModelNotFound, RunNotFound: the id is unknown.
        InvalidInput: the address can't be one of a model.
    """
    text = str(uri)
    scheme = _SCHEME.match(text)
    if isinstance(uri, Path) or scheme is None:
        return _local(Path(uri))
    kind = scheme[1].lower()
    if kind == "file":
        return _local(Path(unquote(urlsplit(text).path)))
    client = client_for()
    if names_version(text):
        return find_model(files_of_version(client.store, text), dst_path=dst_path)
    store, path, origin = _store_of(client, text, kind)
    return _fetched(store, path, origin=origin, dst_path=dst_path)


def find_logged_model(client: Client, run_id: str, name: str) -> LoggedModel | None:
    """The model that a run logged last under ``name``."""
    run = client.get_run(run_id)
    quoted = name.replace("'", "''")
    found = client.store.logged_models.search(
        [run.info.experiment_id],
        Query(filter=f"name = '{quoted}' and source_run_id = '{run.info.run_id}'", max_results=1),
    )
    return next(iter(found), None)


def logged_model_id(uri: str | Path) -> str | None:
    """Id of the logged model that an address names; ``None`` if it names files."""
    text = str(uri)
    if names_version(text):
        return find_version(client_for().store, *parse_version_uri(text)).model_id
    if text.startswith("models:/"):
        return text.removeprefix("models:/").strip("/").split("/")[0]
    if text.startswith("runs:/"):
        run_id, _, below = text.removeprefix("runs:/").strip("/").partition("/")
        model = find_logged_model(client_for(), run_id, below.split("/", maxsplit=1)[0])
        return None if model is None else model.model_id
    return None


def is_local(uri: str | Path) -> bool:
    """Whether an address is a path of this machine."""
    text = str(uri)
    return isinstance(uri, Path) or text.startswith("file:") or _SCHEME.match(text) is None


def _local(path: Path) -> Place:
    if path.name == MLMODEL and path.is_file():
        path = path.parent
    if not (path / MLMODEL).is_file():
        raise ArtifactNotFound(str(path / MLMODEL))
    return Place(path, None)


def _store_of(client: Client, uri: str, kind: str) -> tuple[ArtifactStore, ArtifactPath, str]:
    """The store that holds the model's files, their folder there, and their address."""
    rest = uri[len(kind) + 2 :].lstrip("/") if kind in ("models", "runs") else ""
    owner, _, below = rest.partition("/")
    if kind == "models":
        store = client.model_artifact_store(check_model_id(owner))
        return store, artifact_path(below, allow_root=True), _origin(client, store, below)
    if kind == "runs":
        if not below:
            raise InvalidInput(f"{uri!r} names no model: runs:/<run id>/<name or path>.")
        return _store_of_run(client, owner, below)
    parent, _, name = uri.rstrip("/").rpartition("/")
    store = open_run_artifacts(client.location, client.store, parent)
    return store, artifact_path(unquote(name)), uri


def _store_of_run(
    client: Client, run_id: str, below: str
) -> tuple[ArtifactStore, ArtifactPath, str]:
    name, _, inner = below.partition("/")
    model = find_logged_model(client, run_id, name)
    if model is not None:
        store = client.model_artifact_store(model.model_id)
        return store, artifact_path(inner, allow_root=True), _origin(client, store, inner)
    store = client.artifact_store(run_id)
    return store, artifact_path(below), _origin(client, store, below)


def _origin(client: Client, store: ArtifactStore, below: str) -> str:
    """The address of files: below the server that serves them, else their own."""
    if client.location.kind == "http" and "://" not in store.uri.removeprefix("mlflow-artifacts:"):
        return f"{client.tracking_uri.rstrip('/')}/{below}"
    return f"{store.uri.rstrip('/')}/{below}".rstrip("/")


def _fetched(
    store: ArtifactStore, path: ArtifactPath, *, origin: str, dst_path: str | Path | None
) -> Place:
    if dst_path is not None:
        if not Path(dst_path).is_dir():
            raise InvalidInput(f"The folder to fetch into does not exist: {dst_path}.")
        return Place(Path(download(store, path, dst_path)), origin)
    if isinstance(store, LocalArtifactStore):
        folder = Path(unquote(urlsplit(store.uri).path)) / path
        return Place(_local(folder).folder, origin)
    key = _key(store, path)
    if key is None:
        return Place(_download_for_now(store, path), origin)
    folder = cache_folder("models") / key
    if not folder.is_dir():
        _download_into(store, path, folder)
    return Place(_local(folder).folder, origin)


def _key(store: ArtifactStore, path: ArtifactPath) -> str | None:
    """Digest of the model's digests; ``None`` for one that has none, which may change."""
    listed = artifact_path(f"{path}/{digests.FILE}" if path else digests.FILE)
    try:
        return hashlib.sha256(b"".join(store.read(listed))).hexdigest()
    except ArtifactNotFound:
        return None


def _download_into(store: ArtifactStore, path: ArtifactPath, folder: Path) -> None:
    work = folder.with_name(f".{folder.name}.{secrets.token_hex(6)}")
    work.mkdir(mode=0o700)
    try:
        _download(store, path, work).rename(folder)
    except OSError:
        # Another process was faster; what it put there is the same.
        if not folder.is_dir():
            raise
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _download_for_now(store: ArtifactStore, path: ArtifactPath) -> Path:
    work = tempfile.mkdtemp(prefix="assay-model-")
    atexit.register(shutil.rmtree, work, ignore_errors=True)
    return _download(store, path, Path(work))


def _download(store: ArtifactStore, path: ArtifactPath, work: Path) -> Path:
    if path:
        place = Path(download(store, path, work))
    else:
        place = work / "model"
        place.mkdir(mode=0o700)
        download(store, path, place)
    return _local(place).folder
