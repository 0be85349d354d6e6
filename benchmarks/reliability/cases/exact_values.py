"""Values, steps, names and texts at the edges, through every road: journal, server, archive."""

from __future__ import annotations

import contextlib
import math
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

from assay.archive.reading import import_archive
from assay.archive.writing import export_archive
from assay.client.client import Client
from assay.client.connect import open_run_artifacts
from assay.client.recorder import Recorder
from assay.entities import ExperimentId, Metric, Param, RunId, SeriesKey, Tag
from assay.entities.ids import new_run_id
from assay.entities.names import ArtifactPath
from assay.entities.operations import LogParams, SetTags, StartRun
from assay.store.uri import Location, resolve_location
from benchmarks.reliability.case import Figures, Outcome
from benchmarks.reliability.cases._programs import START
from tests.services.mlflow_client import ServerProcess

CLAIM = "NaN, ±inf, −0.0, 1e308, 2^53+1 and Unicode are bit-equal after the round trip"

VALUES = (
    *(math.nan, math.inf, -math.inf, -0.0, 0.0, 5e-324, -5e-324, 1e308, -1e308),
    *(1.7976931348623157e308, 2.0**53 + 2, 0.1, 1 / 3, math.pi, 1e-300, 2.2250738585072014e-308),
)
STEPS = (0, 1, -1, 2**53 - 1, 2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63))
TIMES = (0, START, 2**53 + 1)
KEYS = (
    *("loss", "val/acc", "naïve", "日本語", "Ελληνικά", "а б в", "ﬁ", "\u00e9", "x" * 250),
    *("a.b-c_d:e", "ключ/" * 10 + "ключ", "𝒳" * 20, "１２３"),
)
TEXTS = (
    *(
        "",
        " ",
        "0",
        "naïve 日本語 🦦",
        "👩‍👩‍👧‍👦",
        "'\"; DROP TABLE runs; --",
        "a\tb\nc\rd",
        "\u202eabc",
    ),
    *(
        "\ufeffx",
        "\ufffd",
        "\U0010ffff",
        "%41%2e%2e",
        "<b>&amp;",
        "\\n",
        "é" * 2_000,
        "\x01\x1f\x7f",
    ),
)
PATHS = (
    "日本語/ü.txt",
    "a b/c'd\".txt",
    "%41/b%20c.txt",
    "e\u0301/x",
    "\u00e9/x",
    "🦦",
    "#?&=+.txt",
)


def run(short: bool) -> Outcome:
    figures: Figures = {"roads": 0, "values": 0, "different": 0}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = ServerProcess(folder)
        server.start()
        try:
            local = resolve_location(folder / "local" / ".assay", environ={})
            remote = resolve_location(server.url, cwd=folder, environ={})
            for location in (local, remote):
                for write in (_through_the_journal, _through_the_store):
                    run_id = write(location)
                    for reader in (location, *([] if short else [location])):
                        _compare(reader, run_id, figures)
                    _through_an_archive(location, run_id, folder, figures)
        finally:
            server.stop()
    return Outcome(not figures["different"], figures)


def _points() -> Iterator[tuple[str, float, int, int]]:
    for place, key in enumerate(KEYS):
        for number, value in enumerate(VALUES):
            step = STEPS[(place + number) % len(STEPS)]
            yield key, value, step, TIMES[number % len(TIMES)]
        for step in STEPS:
            yield key, 1.0, step, START


def _through_the_journal(location: Location) -> RunId:
    recorder = Recorder(location)
    run_id = recorder.start_run(StartRun(new_run_id(), START, experiment_id="0"))
    for number, (key, value, step, timestamp) in enumerate(_points()):
        if number % 2:
            recorder.metric(run_id, key, value, step, timestamp)
        else:
            recorder.metrics(run_id, {key: value}, step, timestamp)
    recorder.append(LogParams(run_id, {f"p{n}": text for n, text in enumerate(TEXTS)}))
    recorder.append(LogParams(run_id, {f"k{key}"[:250]: key for key in KEYS}))
    recorder.append(SetTags(run_id, {f"t{n}": text for n, text in enumerate(TEXTS)}))
    for path in PATHS:
        recorder.artifact(run_id, ArtifactPath(path), path.encode())
    recorder.flush()
    recorder.close()
    return run_id


def _through_the_store(location: Location) -> RunId:
    client = Client.at(location)
    run_id = RunId(client.create_run("0", start_time=START).info.run_id)
    params = [Param(f"p{n}", text) for n, text in enumerate(TEXTS)]
    params += [Param(f"k{key}"[:250], key) for key in KEYS]
    tags = [Tag(f"t{n}", text) for n, text in enumerate(TEXTS)]
    metrics = [
        Metric(key, value, timestamp=timestamp, step=step)
        for key, value, step, timestamp in _points()
    ]
    client.log_batch(run_id, metrics=metrics[:900], params=params, tags=tags)
    client.log_batch(run_id, metrics=metrics[900:])
    for path in PATHS:
        client.log_content(run_id, path.encode(), path)
    client.close()
    return run_id


def _compare(location: Location, run_id: RunId, figures: Figures) -> None:
    with contextlib.closing(Client.at(location)) as client:
        figures["roads"] += 1
        expected: dict[str, set[tuple[int, int, bytes]]] = {}
        for key, value, step, timestamp in _points():
            expected.setdefault(key, set()).add((step, timestamp, _bits(value)))
        for key, points in expected.items():
            curve = client.store.metrics.history(run_id, SeriesKey(key))
            arrays = list(zip(*(column.tolist() for column in curve), strict=True))
            listed = [
                (m.step, m.timestamp, m.value) for m in client.get_metric_history(run_id, key)
            ]
            for found in (arrays, listed):
                bits = {(step, timestamp, _bits(value)) for step, timestamp, value in found}
                _note(figures, len(points), len(bits ^ points) + (len(found) != len(points)), key)
            largest = max(points, key=lambda p: (p[0], p[1], *_order(p[2])))
            latest = client.get_run(run_id).data.metrics[key]
            _note(figures, 1, _bits(latest) != largest[2], f"latest {key}")
        _compare_texts(client, run_id, figures)


def _compare_texts(client: Client, run_id: RunId, figures: Figures) -> None:
    data = client.get_run(run_id).data
    for number, text in enumerate(TEXTS):
        _note(figures, 2, data.params.get(f"p{number}") != text, f"param {text!r}")
        _note(figures, 0, data.tags.get(f"t{number}") != text, f"tag {text!r}")
    for key in KEYS:
        _note(figures, 1, data.params.get(f"k{key}"[:250]) != key, f"param {key}")
    listed: set[str] = set()
    folders = [""]
    while folders:
        for info in client.list_artifacts(run_id, folders.pop()):
            (folders.append if info.is_dir else listed.add)(info.path)
    for path in PATHS:
        same = path in listed and client.read_artifact(run_id, path) == path.encode()
        _note(figures, 1, not same, f"file {path}")


def _through_an_archive(location: Location, run_id: RunId, folder: Path, figures: Figures) -> None:
    target = folder / f"{run_id}.zip"
    with contextlib.closing(Client.at(location)) as client:
        store = client.store
        export_archive(
            store, lambda uri: open_run_artifacts(location, store, uri), target, run_ids=[run_id]
        )
    other = resolve_location(folder / run_id / ".assay", environ={})
    with contextlib.closing(Client.at(other)) as client:
        into = client.store
        into.experiments.get(ExperimentId("0"))
        import_archive(into, lambda uri: open_run_artifacts(other, into, uri), target)
    _compare(other, run_id, figures)


def _note(figures: Figures, count: int, different: int, what: str) -> None:
    figures["values"] += count
    figures["different"] += different
    if different:
        print("different:", what)


def _order(bits: bytes) -> tuple[bool, float, float]:
    """What makes a value larger: NaN above all, 0.0 above −0.0."""
    (value,) = struct.unpack("<d", bits)
    return math.isnan(value), 0.0 if math.isnan(value) else value, math.copysign(1, value)


def _bits(value: float) -> bytes:
    """The bits; all NaN are one."""
    return struct.pack("<d", math.nan if math.isnan(value) else value)
