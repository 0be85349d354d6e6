"""``assay doctor``: what is configured, what can be reached, and what to do about the rest."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import NamedTuple

import click
import urllib3

from assay.cli.connection import location_of
from assay.cli.output import (
    Format,
    console,
    format_options,
    how_long,
    is_terminal,
    print_rows,
    size,
)
from assay.client.connect import open_store
from assay.errors import AssayError
from assay.store.rest.settings import read_settings
from assay.store.rest.store import RestStore
from assay.store.uri import Location
from assay.version import __version__

_EXTRAS = {
    "postgres": "psycopg",
    "cloud": "obstore",
    "pandas": "pandas",
    "polars": "polars",
    "parquet": "pyarrow",
    "analysis": "sklearn",
    "plots": "matplotlib",
    "system": "psutil",
}
"""A package that tells whether an extra is installed."""
_SHOWN_VARIABLES = ("ASSAY_", "MLFLOW_")
_SECRETS = ("TOKEN", "PASSWORD", "SECRET", "KEY", "CREDENTIAL")
_LOW_DISK_BYTES = 1_000_000_000
_LARGE_SKEW_S = 60
_MARKS = {"ok": "[green]ok[/]", "note": "[yellow]note[/]", "bad": "[red]bad[/]"}


class Finding(NamedTuple):
    """One thing looked at."""

    mark: str
    """``ok``, ``note`` (worth knowing) or ``bad`` (something won't work)."""
    what: str
    found: str


@click.command()
@format_options
@click.pass_context
def doctor(ctx: click.Context, output: Format) -> None:
    """Explain what is configured and what can be reached. Exit code 1 if something won't work.

    \b
    Examples:
      assay doctor
      assay -t https://assay.example.org doctor
    """
    findings = [*_program(), *_variables(), *_place(ctx)]
    if output == "table" and is_terminal():
        for one in findings:
            line = console()
            line.print(f"{_MARKS[one.mark]:<14}", end=" ")
            line.print(f"{one.what}: {one.found}", markup=False)
    else:
        print_rows(Finding._fields, findings, output=output)
    if any(one.mark == "bad" for one in findings):
        ctx.exit(1)


def _program() -> Iterator[Finding]:
    yield Finding("ok", "assay", __version__)
    yield Finding("ok", "python", f"{platform.python_version()} on {platform.platform()}")
    installed, missing = [], []
    for extra, package in _EXTRAS.items():
        try:
            installed.append(f"{extra} ({package} {importlib.metadata.version(package)})")
        except importlib.metadata.PackageNotFoundError:
            missing.append(extra)
    if installed:
        yield Finding("ok", "extras", ", ".join(installed))
    if missing:
        yield Finding(
            "note", "extras not installed", f"{', '.join(missing)} (pip install 'assay[NAME]')"
        )


def _variables() -> Iterator[Finding]:
    for name in sorted(os.environ):
        if name.startswith(_SHOWN_VARIABLES):
            secret = any(word in name for word in _SECRETS)
            value = "(set, not shown)" if secret else _without_password(os.environ[name])
            yield Finding("ok", name, value)


def _without_password(text: str) -> str:
    scheme, mark, rest = text.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}" if mark else text


def _place(ctx: click.Context) -> Iterator[Finding]:
    try:
        location = location_of(ctx)
    except AssayError as error:
        yield Finding("bad", "tracking URI", error.message)
        return
    yield Finding("ok", "runs are recorded in", location.shown_uri)
    yield from _folder("folder", location.home)
    yield from _journals(location)
    yield from _store(location)
    if location.kind == "http":
        yield from _clock(location)


def _folder(what: str, folder: Path) -> Iterator[Finding]:
    there = next(place for place in (folder, *folder.parents) if place.exists())
    if not os.access(there, os.W_OK):
        yield Finding("bad", what, f"{folder} can't be written to")
        return
    free = shutil.disk_usage(there).free
    state = "" if there == folder else ", made by the first run"
    mark = "ok" if free >= _LOW_DISK_BYTES else "bad"
    yield Finding(mark, what, f"{folder}{state}, {size(free)} free")


def _journals(location: Location) -> Iterator[Finding]:
    waiting = 0
    for file in location.home.glob("journal/**/*"):
        try:
            waiting += file.stat().st_size if file.is_file() else 0
        except OSError:
            continue  # Delivered and removed meanwhile.
    if waiting:
        yield Finding(
            "note", "journals", f"{size(waiting)}; `assay status` tells more, `assay sync` delivers"
        )
    else:
        yield Finding("ok", "journals", "nothing waits to be delivered")


def _store(location: Location) -> Iterator[Finding]:
    if (
        location.kind == "sqlite"
        and not Path(location.tracking_uri.removeprefix("sqlite:///").partition("?")[0]).exists()
    ):
        yield Finding("ok", "database", "not there yet; the first run makes it")
        return
    begin = time.monotonic()
    try:
        store = open_store(location)
    except AssayError as error:
        yield Finding("bad", "store", error.message)
        return
    try:
        store.experiments.find("Default")
        took = how_long(0, round((time.monotonic() - begin) * 1_000))
        yield Finding("ok", "store", f"answers, in {took}")
        if isinstance(store, RestStore):
            yield _kind_of(store)
    except AssayError as error:
        yield Finding("bad", "store", error.message)
    finally:
        store.close()


def _kind_of(store: RestStore) -> Finding:
    info = store.info
    if info is None:
        return Finding(
            "note", "server", "not an Assay: runs are sent by MLflow's routes, which is slower"
        )
    mark = "ok" if info.version == __version__ else "note"
    return Finding(mark, "server", f"Assay {info.version}")


def _clock(location: Location) -> Iterator[Finding]:
    settings = read_settings(location.tracking_uri)
    try:
        answer = urllib3.request(
            "GET", settings.base_url + "/health", timeout=5, retries=False, redirect=False
        )
        theirs = parsedate_to_datetime(answer.headers.get("date", "")).timestamp()
    except (urllib3.exceptions.HTTPError, ValueError):
        return  # Whether it can be reached is told above; a proxy may drop the date.
    skew = time.time() - theirs
    if abs(skew) > _LARGE_SKEW_S:
        yield Finding("note", "clock", f"{skew:+.0f} s against the server's")
    else:
        yield Finding("ok", "clock", "agrees with the server's")
