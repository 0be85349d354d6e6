"""Artifacts of runs, as MLflow's client has them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from assay.artifacts.base import CHUNK_BYTES, ArtifactInfo, ArtifactStore
from assay.artifacts.transfer import download, upload_file, upload_tree
from assay.client.client_base import as_run_id, now_ms
from assay.client.client_runs import RunClient
from assay.client.connect import open_run_artifacts
from assay.client.content import (
    dict_content,
    figure_content,
    image_content,
    keyed_image_path,
    thumbnail_content,
)
from assay.client.frames import load_table_frame
from assay.client.tables import (
    as_table,
    logged_tables_tag,
    read_table,
    table_content,
)
from assay.entities.names import ArtifactPath
from assay.entities.names import artifact_path as parse_path
from assay.entities.tags import LOGGED_ARTIFACTS
from assay.errors import ArtifactNotFound, InvalidInput

LOGGED_IMAGES = "mlflow.loggedImages"
"""Tag that tells MLflow's pages that a run has pictures logged by key."""


class ArtifactClient(RunClient):
    """The part of ``Client`` that is about files of runs."""

    def artifact_store(self, run_id: str) -> ArtifactStore:
        """The place where the run's files are. Raises ``RunNotFound``."""
        store = self.store
        run = store.runs.get(as_run_id(run_id))
        return open_run_artifacts(self.location, store, run.info.artifact_uri)

    def log_artifact(
        self, run_id: str, local_path: str | Path, artifact_path: str | None = None
    ) -> None:
        """Keep a file or folder with the run, in the folder ``artifact_path`` if given."""
        upload(self.artifact_store(run_id), Path(local_path), folder=artifact_path)

    def log_artifacts(
        self, run_id: str, local_dir: str | Path, artifact_path: str | None = None
    ) -> None:
        """Keep what is in a folder with the run, in the folder ``artifact_path`` if given."""
        base = "" if not artifact_path else parse_path(artifact_path)
        upload_tree(self.artifact_store(run_id), Path(local_dir), ArtifactPath(base))

    def log_content(self, run_id: str, content: bytes, artifact_file: str) -> None:
        """Keep ``content`` as a file of the run."""
        path = parse_path(artifact_file)
        self.artifact_store(run_id).write(path, [content])

    def log_text(self, run_id: str, text: str, artifact_file: str) -> None:
        """Keep text as a file of the run."""
        self.log_content(run_id, text.encode(), artifact_file)

    def log_dict(self, run_id: str, dictionary: Any, artifact_file: str) -> None:
        """Keep a dict or list as JSON, or as YAML where the name ends so."""
        self.log_content(run_id, dict_content(dictionary, artifact_file), artifact_file)

    def log_stream(self, run_id: str, stream: IO[bytes], artifact_file: str) -> None:
        """Keep what a binary stream yields as a file of the run."""
        self.artifact_store(run_id).write(parse_path(artifact_file), _chunks(stream))

    def log_figure(
        self,
        run_id: str,
        figure: object,
        artifact_file: str,
        *,
        save_kwargs: dict[str, Any] | None = None,
    ) -> None:
        """Keep a matplotlib or plotly figure in the format of the name's ending."""
        self.log_content(run_id, figure_content(figure, artifact_file, save_kwargs), artifact_file)

    def log_image(
        self,
        run_id: str,
        image: object,
        artifact_file: str | None = None,
        key: str | None = None,
        step: int | None = None,
        timestamp: int | None = None,
        synchronous: bool | None = None,
    ) -> None:
        """Keep a picture, by file name or as one of a series with ``key`` and ``step``."""
        for path, content in image_files(
            image, artifact_file=artifact_file, key=key, step=step, timestamp=timestamp
        ):
            self.log_content(run_id, content, path)
        if key is not None:
            self.set_tag(run_id, LOGGED_IMAGES, "True")

    def log_table(self, run_id: str, data: object, artifact_file: str) -> None:
        """Keep a dict of columns or a DataFrame; rows are appended if the table exists."""
        table = as_table(data, artifact_file)
        artifacts = self.artifact_store(run_id)
        path = parse_path(artifact_file)
        try:
            old = read_table(b"".join(artifacts.read(path)), artifact_file)
        except ArtifactNotFound:
            whole = table
        else:
            whole = old.extend(table)
        for name, content in table.files.items():
            artifacts.write(parse_path(name), [content])
        artifacts.write(path, [table_content(whole, artifact_file)])
        existing = self.get_run(run_id).data.tags.get(LOGGED_ARTIFACTS)
        self.set_tag(run_id, LOGGED_ARTIFACTS, logged_tables_tag(existing, artifact_file))

    def load_table(
        self,
        experiment_id: str,
        artifact_file: str,
        run_ids: Sequence[str] | None = None,
        extra_columns: Sequence[str] | None = None,
    ) -> Any:
        """The table of this name of all runs that logged it, one below the other, as a DataFrame.

        Args:
            experiment_id: whose runs to look at.
            artifact_file: the name the table was logged by.
            run_ids: only of these runs.
            extra_columns: columns of ``search_runs`` to add, such as ``run_id`` or ``params.lr``.

        Raises:
            ArtifactNotFound: no run has such a table.
        """
        return load_table_frame(
            self.store,
            self.read_artifact,
            experiment_id=experiment_id,
            artifact_file=artifact_file,
            run_ids=run_ids,
            extra_columns=extra_columns or (),
        )

    def read_artifact(self, run_id: str, path: str) -> bytes:
        """The content of one file of the run. Raises ``ArtifactNotFound``."""
        return b"".join(self.artifact_store(run_id).read(parse_path(path)))

    def list_artifacts(self, run_id: str, path: str | None = None) -> list[ArtifactInfo]:
        """What lies directly under a folder of the run; empty for a missing folder or a file."""
        return self.artifact_store(run_id).list(parse_path(path or "", allow_root=True))

    def download_artifacts(
        self, run_id: str, path: str = "", dst_path: str | Path | None = None
    ) -> str:
        """Fetch a file or folder, and return where it lies on this machine.

        Args:
            run_id: whose artifact.
            path: its artifact path; ``""`` fetches all.
            dst_path: an existing folder to put it into; a fresh temporary one if left out.

        Raises:
            ArtifactNotFound: there is nothing at ``path``.
        """
        return fetch(self.artifact_store(run_id), path, dst_path)


def upload(artifacts: ArtifactStore, source: Path, *, folder: str | None) -> None:
    """Publish a file, or a folder under its own name.

    Raises:
        ArtifactNotFound: there is no such file (a ``FileNotFoundError``).
    """
    target = parse_path(f"{folder}/{source.name}" if folder else source.name)
    if source.is_dir():
        upload_tree(artifacts, source, target)
        return
    if not source.is_file():
        raise ArtifactNotFound(str(source))
    upload_file(artifacts, source, target)


def fetch(artifacts: ArtifactStore, path: str, dst_path: str | Path | None) -> str:
    """Download a file or folder into ``dst_path`` or a temporary folder; returns where it is."""
    if dst_path is None:
        target = Path(tempfile.mkdtemp(prefix="assay-artifacts-"))
    else:
        target = Path(dst_path)
        if not target.is_dir():
            raise InvalidInput(f"The folder to download into does not exist: {dst_path}.")
    return download(artifacts, parse_path(path, allow_root=True), target)


def image_files(
    image: object,
    *,
    artifact_file: str | None,
    key: str | None,
    step: int | None,
    timestamp: int | None,
) -> Iterable[tuple[str, bytes]]:
    """The files that a logged picture becomes.

    Raises:
        InvalidInput: neither or both of a file name and a key.
    """
    if (artifact_file is None) == (key is None):
        raise InvalidInput("log_image needs either artifact_file or key, and not both.")
    if artifact_file is not None:
        if step is not None or timestamp is not None:
            raise InvalidInput("step and timestamp of log_image go with key, not artifact_file.")
        return [(artifact_file, image_content(image, artifact_file))]
    when = now_ms() if timestamp is None else timestamp
    base = keyed_image_path(str(key), step=step or 0, timestamp=when)
    return [
        (f"{base}.png", image_content(image, "image.png")),
        (f"{base}+compressed.webp", thumbnail_content(image)),
    ]


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(CHUNK_BYTES):
        yield chunk
