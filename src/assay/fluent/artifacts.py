"""Artifacts: files, texts, pictures, figures and tables that a run keeps.

Logging copies the content and returns; it is published when the store takes it. Reading fetches it.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote

from assay.artifacts.base import ArtifactInfo, ArtifactStore
from assay.client.client import Client
from assay.client.client_artifacts import LOGGED_IMAGES, fetch, image_files
from assay.client.connect import open_run_artifacts, resolved_artifact_uri
from assay.client.content import dict_content, figure_content, read_dict
from assay.client.image_overlays import overlay_files
from assay.client.tables import (
    Table,
    as_table,
    logged_tables_tag,
    read_table,
    table_content,
)
from assay.client.version_uris import files_of_version, names_version, split_version_uri
from assay.entities.ids import check_model_id
from assay.entities.names import artifact_path as parse_path
from assay.entities.operations import SetTags
from assay.entities.tags import LOGGED_ARTIFACTS
from assay.errors import ArtifactNotFound, InvalidInput, MissingExtra
from assay.fluent.active import OpenRun
from assay.fluent.experiments import chosen_experiment
from assay.fluent.log import set_tags_of
from assay.fluent.reading import client_for
from assay.fluent.runs import run_to_log_to


def log_artifact(
    local_path: str | Path, artifact_path: str | None = None, run_id: str | None = None
) -> None:
    """Keep a file or folder with the active run, in the folder ``artifact_path`` if given.

    The file is copied now; the program may change or delete it afterwards.

    Raises:
        ArtifactNotFound: there is no such file (a ``FileNotFoundError``).
        InvalidName: the name can't be an artifact path.
    """
    source = Path(local_path)
    target = f"{artifact_path}/{source.name}" if artifact_path else source.name
    if source.is_dir():
        _log_folder(run_to_log_to(run_id), source, target)
        return
    if not source.is_file():
        raise ArtifactNotFound(str(local_path))
    path = parse_path(target)
    run = run_to_log_to(run_id)
    run.recorder.artifact(run.run_id, path, source)


def log_artifacts(
    local_dir: str | Path, artifact_path: str | None = None, run_id: str | None = None
) -> None:
    """Keep what is in a folder with the active run, in the folder ``artifact_path`` if given.

    Raises:
        ArtifactNotFound: there is no such folder (a ``FileNotFoundError``).
    """
    source = Path(local_dir)
    if not source.is_dir():
        raise ArtifactNotFound(str(local_dir))
    _log_folder(run_to_log_to(run_id), source, artifact_path or "")


def _log_folder(run: OpenRun, folder: Path, target: str) -> None:
    prefix = f"{parse_path(target)}/" if target else ""
    files = [
        (parse_path(prefix + file.relative_to(folder).as_posix()), file)
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    ]
    run.recorder.artifacts(run.run_id, files)


def log_content(content: bytes, artifact_file: str, run: OpenRun | None = None) -> None:
    """Keep ``content`` as a file of the active run, or of ``run``."""
    path = parse_path(artifact_file)
    where = run or run_to_log_to()
    where.recorder.artifact(where.run_id, path, content)


def log_text(text: str, artifact_file: str, run_id: str | None = None) -> None:
    """Keep text as a file of the active run."""
    log_content(text.encode(), artifact_file, run_to_log_to(run_id))


def log_dict(dictionary: Any, artifact_file: str, run_id: str | None = None) -> None:
    """Keep a dict or list as JSON, or as YAML where the name ends so."""
    log_content(dict_content(dictionary, artifact_file), artifact_file, run_to_log_to(run_id))


def log_stream(stream: IO[bytes], artifact_file: str, run_id: str | None = None) -> None:
    """Keep what a binary stream yields as a file of the active run."""
    log_content(stream.read(), artifact_file, run_to_log_to(run_id))


def log_figure(
    figure: object, artifact_file: str, *, save_kwargs: dict[str, Any] | None = None
) -> None:
    """Keep a matplotlib or plotly figure in the format of the name's ending.

    Raises:
        InvalidInput: another kind of object, or an ending that it can't be saved as.
    """
    log_content(figure_content(figure, artifact_file, save_kwargs), artifact_file)


def log_image(
    image: object,
    artifact_file: str | None = None,
    key: str | None = None,
    step: int | None = None,
    timestamp: int | None = None,
    synchronous: bool | None = False,
    *,
    boxes: Iterable[Mapping[str, Any]] | None = None,
    masks: Mapping[str, Any] | None = None,
    labels: Mapping[int, str] | None = None,
) -> None:
    """Keep a picture: by file name, or as one of a series with ``key`` and ``step``.

    Boxes and masks are kept beside it, and drawn over it on the run's page.

    Args:
        image: an array (height, width[, 1, 3 or 4]) of integers in [0, 255], floats in [0, 1] or
            bools; a Pillow image; an ``assay.Image``.
        artifact_file: its name, whose ending tells the format.
        key: name of the series, instead of a file name.
        step: position in the series; 0 if left out.
        timestamp: milliseconds since the epoch; now if left out.
        synchronous: ``True`` waits until the store has it.
        boxes: dicts of ``box`` (x0, y0, x1, y1 in pixels from the top left), ``label`` (text, or
            a class number) and ``score``, of which the last two may be left out.
        masks: arrays (height, width) of class numbers from 0, which is not drawn, to 255; by name.
        labels: names of class numbers.

    Raises:
        InvalidInput: no picture, neither or both of file name and key, or a box or mask that can't
            be drawn.
        MissingExtra: without Pillow.
    """
    run = run_to_log_to()
    files = list(
        image_files(image, artifact_file=artifact_file, key=key, step=step, timestamp=timestamp)
    )
    # The first one is the picture itself, the second its small form.
    overlay = overlay_files(files[0][0], boxes=boxes, masks=masks, labels=labels)
    for path, content in (*files, *overlay):
        log_content(content, path, run)
    if key is not None:
        set_tags_of(run, {LOGGED_IMAGES: "True"})
    if synchronous:
        run.recorder.flush()


def log_table(data: object, artifact_file: str, run_id: str | None = None) -> None:
    """Keep a dict of columns or a DataFrame; rows are appended where the table exists.

    Args:
        data: cells are JSON values, or pictures (Pillow, ``assay.Image``).
        artifact_file: ends with ``.json`` or ``.parquet``.
        run_id: log to this run instead of the active one.

    Raises:
        InvalidInput: no table, or another ending.
    """
    table = as_table(data, artifact_file)
    path = parse_path(artifact_file)
    run = run_to_log_to(run_id)
    for name, content in table.files.items():
        run.recorder.artifact(run.run_id, parse_path(name), content)
    old = _known_table(run, artifact_file)
    # Cells keep their pictures' names; the pictures themselves are not needed again.
    whole = Table(*_parts(table if old is None else old.extend(table)))
    run.recorder.artifact(run.run_id, path, table_content(whole, artifact_file))
    run.tables[artifact_file] = whole
    run.table_tag = logged_tables_tag(run.table_tag, artifact_file)
    run.recorder.append(SetTags(run.run_id, {LOGGED_ARTIFACTS: run.table_tag}))


def _parts(table: Table) -> tuple[list[str], list[list[Any]]]:
    return table.columns, table.data


def _known_table(run: OpenRun, artifact_file: str) -> Table | None:
    """What the run has under this name: asked of the store only where somebody else may have
    logged.
    """
    known = run.tables.get(artifact_file)
    if known is not None or run.started_here:
        return known
    client = client_for(run.location)
    try:
        if run.table_tag is None:
            run.table_tag = client.get_run(run.run_id).data.tags.get(LOGGED_ARTIFACTS)
        return read_table(client.read_artifact(run.run_id, artifact_file), artifact_file)
    except ArtifactNotFound:
        return None


def load_table(
    artifact_file: str,
    run_ids: Sequence[str] | None = None,
    extra_columns: Sequence[str] | None = None,
) -> Any:
    """The table of this name of all runs of the experiment, as one DataFrame; see
    ``Client.load_table``.
    """
    experiment = chosen_experiment().experiment
    return client_for().load_table(
        experiment.experiment_id, artifact_file, run_ids=run_ids, extra_columns=extra_columns
    )


def get_artifact_uri(artifact_path: str | None = None) -> str:
    """Where the active run keeps its artifacts, or the one at ``artifact_path``; for a local
    store a ``file:`` URI.
    """
    run = run_to_log_to()
    entity = run.entity
    place = "" if entity is None else entity.info.artifact_uri
    if not place:
        place = client_for(run.location).get_run(run.run_id).info.artifact_uri
    place = f"{place}/{parse_path(artifact_path)}" if artifact_path else place
    return resolved_artifact_uri(run.location, place)


def download_artifacts(
    artifact_uri: str | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
    dst_path: str | None = None,
    tracking_uri: str | None = None,
    registry_uri: str | None = None,
) -> str:
    """Fetch a file or folder and return where it lies on this machine.

    Args:
        artifact_uri: ``runs:/<run id>/path``, ``models:/<model id>/path``,
            ``models:/<name>/<version or stage>/path``, or the address itself; instead of
            ``run_id``.
        run_id: whose artifact.
        artifact_path: which one; with ``artifact_uri`` a path below it. All if left out.
        dst_path: an existing folder to put it into; a fresh temporary one if left out.
        tracking_uri: where the run is recorded, if not at the process's own location.
        registry_uri: taken for MLflow's sake: models are kept in the same store.

    Raises:
        InvalidInput: neither or both of ``artifact_uri`` and ``run_id``.
        ArtifactNotFound: there is nothing there.
    """
    place, path = _place(artifact_uri, run_id, artifact_path, tracking_uri)
    return fetch(place, path, dst_path)


def list_artifacts(
    artifact_uri: str | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
    tracking_uri: str | None = None,
) -> list[ArtifactInfo]:
    """What lies directly under a folder; arguments as of ``download_artifacts``."""
    place, path = _place(artifact_uri, run_id, artifact_path, tracking_uri)
    return place.list(parse_path(path, allow_root=True))


def load_text(artifact_uri: str) -> str:
    """The content of a text file. Raises ``ArtifactNotFound``."""
    return _read(artifact_uri).decode("utf-8")


def load_dict(artifact_uri: str) -> Any:
    """The content of a JSON or YAML file. Raises ``InvalidInput`` if it is neither."""
    return read_dict(_read(artifact_uri), artifact_uri)


def load_image(artifact_uri: str) -> Any:
    """A picture as a Pillow image."""
    try:
        from PIL import Image as pil  # noqa: N813 - a module that is named like its class
    except ImportError:
        raise MissingExtra("pillow", extra="plots", purpose="Loading images") from None
    picture = pil.open(io.BytesIO(_read(artifact_uri)))
    picture.load()
    return picture


def _read(artifact_uri: str) -> bytes:
    place, path = _place(artifact_uri, None, None, None)
    return b"".join(place.read(parse_path(path)))


def _place(
    artifact_uri: str | None,
    run_id: str | None,
    artifact_path: str | None,
    tracking_uri: str | None,
) -> tuple[ArtifactStore, str]:
    """The store that holds an artifact, and its path there."""
    if (artifact_uri is None) == (run_id is None):
        raise InvalidInput("Give exactly one of artifact_uri and run_id.")
    client = client_for() if tracking_uri is None else Client(tracking_uri)
    if run_id is not None:
        return client.artifact_store(run_id), artifact_path or ""
    uri = str(artifact_uri)
    scheme, _, rest = uri.partition(":/")
    if scheme == "runs":
        owner, path = _split(rest, artifact_path)
        return client.artifact_store(owner), path
    if scheme == "models" and rest.lstrip("/").startswith("m-"):
        owner, path = _split(rest, artifact_path)
        return client.model_artifact_store(check_model_id(owner)), path
    if names_version(uri):
        uri, inner = split_version_uri(uri)
        below = "/".join(filter(None, (inner, artifact_path)))
        files = files_of_version(client.store, uri)
        if files.startswith(("models:/", "runs:/")):
            return _place(files, None, below, tracking_uri)
        return open_run_artifacts(client.location, client.store, files), below
    folder, _, name = uri.rstrip("/").rpartition("/")
    if scheme == "file":
        name = unquote(name)
    below = f"{name}/{artifact_path}" if artifact_path else name
    return open_run_artifacts(client.location, client.store, folder), below


def _split(rest: str, artifact_path: str | None) -> tuple[str, str]:
    owner, _, path = rest.lstrip("/").partition("/")
    parts: Iterator[str] = (part.strip("/") for part in (path, artifact_path or ""))
    return owner, "/".join(part for part in parts if part)
