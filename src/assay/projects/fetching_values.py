"""Fetching values: parameters that name a file elsewhere become files of this machine."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

from assay.artifacts.transfer import download
from assay.artifacts.uri import open_artifact_store
from assay.client.client import Client
from assay.entities.names import artifact_path
from assay.errors import InvalidInput, StoreUnavailable

_TIMEOUT_S: Final = 60.0
_CHUNK: Final = 1 << 20


def fetch_value(uri: str, folder: Path, client: Client) -> Path:
    """Get the file or folder of a URI into ``folder``, which exists; returns where it lies.

    Args:
        uri: ``http(s)://…``, ``runs:/ID/path``, or what an artifact store can be opened for.
        folder: where it goes.
        client: knows the runs.

    Raises:
        InvalidInput: the URI can't be used.
        StoreUnavailable: the server can't be reached.
        ArtifactNotFound: there is nothing.
    """
    parts = urlsplit(uri)
    scheme = parts.scheme.lower()
    if scheme == "runs":
        run_id, _, path = parts.path.strip("/").partition("/")
        return Path(client.download_artifacts(run_id, path, folder))
    if scheme in ("http", "https"):
        return _downloaded(uri, folder)
    above, name = uri.rstrip("/").rpartition("/")[::2]
    return Path(download(open_artifact_store(above), artifact_path(unquote(name)), folder))


def _downloaded(url: str, folder: Path) -> Path:
    name = PurePosixPath(unquote(urlsplit(url).path)).name or "value"
    target = folder / artifact_path(name)
    # 30 ms that only a parameter which is a web address needs.
    import urllib3

    http = urllib3.PoolManager(timeout=_TIMEOUT_S, retries=urllib3.Retry(2, redirect=5))
    try:
        response = http.request("GET", url, preload_content=False)
        if response.status != 200:
            raise InvalidInput(f"{url} can't be fetched: the server says {response.status}.")
        with target.open("xb") as sink:
            for chunk in response.stream(_CHUNK):
                sink.write(chunk)
    except urllib3.exceptions.HTTPError as error:
        raise StoreUnavailable(f"{url} can't be fetched: {error}.") from None
    finally:
        http.clear()
    return target
