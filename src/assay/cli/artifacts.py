"""``assay artifacts``: list, fetch and add files of a run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import click
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from assay.artifacts.base import CHUNK_BYTES, ArtifactInfo, ArtifactStore
from assay.cli.connection import find_run, location_of, opened
from assay.cli.output import Format, clean, console, format_options, print_rows, say
from assay.client.connect import open_run_artifacts
from assay.entities.names import ArtifactPath, artifact_path
from assay.errors import ArtifactNotFound, InvalidInput


@click.group()
def artifacts() -> None:
    """List, fetch and add files of a run."""


@artifacts.command("ls")
@click.argument("run")
@click.argument("path", default="")
@click.option("--recursive", "-r", is_flag=True, help="All files below, not only this folder.")
@format_options
@click.pass_context
def ls(ctx: click.Context, run: str, path: str, recursive: bool, output: Format) -> None:
    """List the files of a run.

    \b
    Examples:
      assay artifacts ls 3f2a
      assay artifacts ls 3f2a plots -r
    """
    found = _open(ctx, run).list(artifact_path(path, allow_root=True), recursive=recursive)
    rows = [(one.path + ("/" if one.is_dir else ""), one.file_size) for one in found]
    print_rows(("path", "bytes"), rows, output=output)


@artifacts.command("get")
@click.argument("run")
@click.argument("path", default="")
@click.option(
    "--output",
    "-o",
    "folder",
    default=".",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to write to; made if it isn't there.",
)
@click.pass_context
def get(ctx: click.Context, run: str, path: str, folder: Path) -> None:
    """Fetch a file, a folder, or all files of a run. Files appear whole or not at all.

    \b
    Examples:
      assay artifacts get 3f2a model/MLmodel
      assay artifacts get 3f2a plots -o results/
    """
    store = _open(ctx, run)
    wanted = artifact_path(path, allow_root=True)
    files = _files_of(store, wanted)
    base = wanted.rpartition("/")[0]
    with _progress() as progress:
        task = progress.add_task("", total=sum(one.file_size or 0 for one in files))
        for one in files:
            # Paths come from a server: they are parsed again before they name a file here.
            inner = artifact_path(one.path.removeprefix(base).lstrip("/"))
            progress.update(task, description=clean(inner))
            target = folder / inner
            target.parent.mkdir(parents=True, exist_ok=True)
            _save(store.read(one.path), target, progress=progress, task=task)
    say(f"{len(files)} files in {folder}")


def _files_of(store: ArtifactStore, path: ArtifactPath) -> list[ArtifactInfo]:
    if path:
        found = store.info(path)
        if not found.is_dir:
            return [found]
    files = [one for one in store.list(path, recursive=True) if not one.is_dir]
    if not files:
        raise ArtifactNotFound(path)
    return files


def _save(chunks: Iterator[bytes], target: Path, *, progress: Progress, task: object) -> None:
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as out:
            for chunk in chunks:
                out.write(chunk)
                progress.advance(task, len(chunk))  # type: ignore[arg-type]
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


@artifacts.command("put")
@click.argument("run")
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.option("--path", "-p", "folder", default="", help="Artifact folder to put it into.")
@click.pass_context
def put(ctx: click.Context, run: str, source: Path, folder: str) -> None:
    """Add a file, or a folder with all in it, to a run.

    \b
    Examples:
      assay artifacts put 3f2a report.pdf
      assay artifacts put 3f2a plots/ -p figures
    """
    store = _open(ctx, run)
    into = artifact_path(folder, allow_root=True)
    files = _local_files(source)
    with _progress() as progress:
        task = progress.add_task("", total=sum(file.stat().st_size for file, _ in files))
        for file, name in files:
            progress.update(task, description=clean(name))
            target = artifact_path("/".join(part for part in (into, name) if part))
            store.write(target, _chunks(file, progress=progress, task=task))
    say(f"{len(files)} files in {clean(into) or 'the run'}")


def _local_files(source: Path) -> list[tuple[Path, str]]:
    """Files with the name each gets, relative to the artifact folder."""
    if source.is_file():
        return [(source, source.name)]
    files = [file for file in sorted(source.rglob("*")) if file.is_file()]
    if not files:
        raise InvalidInput(f"{source} holds no files.")
    return [(file, file.relative_to(source).as_posix()) for file in files]


def _chunks(file: Path, *, progress: Progress, task: object) -> Iterator[bytes]:
    with file.open("rb") as content:
        while chunk := content.read(CHUNK_BYTES):
            progress.advance(task, len(chunk))  # type: ignore[arg-type]
            yield chunk


def _progress() -> Progress:
    """A bar on a terminal, nothing in a pipe."""
    out = console()
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        console=out,
        transient=True,
        disable=not out.is_terminal,
    )


def _open(ctx: click.Context, run: str) -> ArtifactStore:
    with opened(ctx) as store:
        found = find_run(store, run)
        return open_run_artifacts(location_of(ctx), store, found.info.artifact_uri)
