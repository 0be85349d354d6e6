"""Pinned data: the file that a recomputed gate names, fetched once, and compared with its digest.

The digest is what pins it: wherever the file comes from, other bytes are refused.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

from assay.artifacts.digests import sha256_of_file
from assay.artifacts.transfer import download
from assay.client.client import Client
from assay.client.connect import open_run_artifacts
from assay.entities.names import artifact_path
from assay.errors import InvalidInput

_RUNS = "runs:/"


class PinnedData:
    """Files of one round of checks, in a folder that goes with it."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._work = tempfile.TemporaryDirectory(prefix="assay-data-")
        self._files: dict[tuple[str, str], Path] = {}

    def __enter__(self) -> PinnedData:
        return self

    def __exit__(self, *_: object) -> None:
        self._work.cleanup()

    def file(self, uri: str, digest: str) -> Path:
        """The file at ``uri``.

        Raises:
            InvalidInput: its SHA-256 isn't ``digest``, or a server's policy names a path of this
                machine.
            ArtifactNotFound, RunNotFound: there is none.
        """
        key = (uri, digest.lower())
        if key not in self._files:
            file = self._fetched(uri)
            found = sha256_of_file(file)
            if found != digest.lower():
                raise InvalidInput(
                    f"The data at {uri} have the digest {found[:12]}…, the policy pins"
                    f" {digest[:12].lower()}…: they were changed, or another file is meant."
                )
            self._files[key] = file
        return self._files[key]

    def _fetched(self, uri: str) -> Path:
        if uri.startswith(_RUNS):
            run_id, _, path = uri.removeprefix(_RUNS).strip("/").partition("/")
            store = self._client.artifact_store(run_id)
            return self._downloaded(store, path)
        if "://" not in uri and not uri.startswith("mlflow-artifacts:"):
            return self._on_this_machine(uri)
        if uri.startswith("file:"):
            return self._on_this_machine(unquote(urlsplit(uri).path))
        parent, _, name = uri.rpartition("/")
        store = open_run_artifacts(self._client.location, self._client.store, parent)
        return self._downloaded(store, unquote(name))

    def _downloaded(self, store: object, path: str) -> Path:
        target = Path(self._work.name) / str(len(self._files))
        target.mkdir()
        return Path(download(store, artifact_path(path), target))  # type: ignore[arg-type]

    def _on_this_machine(self, path: str) -> Path:
        if self._client.location.kind == "http":
            # Whoever may write a policy on a server must not make workers read their own disks.
            raise InvalidInput(
                f"The policy names the data {path!r}, a path of one machine. Log the file to a run"
                " and name it runs:/<run id>/<path>."
            )
        file = Path(path).expanduser()
        if not file.is_file():
            raise InvalidInput(f"There is no data file {path}.")
        return file
