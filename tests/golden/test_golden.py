"""Files written by every release are read as they were meant, bit by bit."""

from __future__ import annotations

import shutil
import sqlite3
import struct
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from assay.archive.reading import import_archive
from assay.client.client import Client
from assay.client.connect import open_run_artifacts, open_store
from assay.client.sync import sync
from assay.entities.lifecycle import LifecycleStage, ViewType
from assay.entities.runs import Run, RunStatus
from assay.metrics import block, segment
from assay.store.uri import resolve_location
from tests.golden import content
from tests.services.environment import clean_environment
from tests.services.mlflow_client import ServerProcess

HERE = Path(__file__).parent
RELEASES = sorted(path for path in HERE.iterdir() if (path / "store.zip").exists())
MAX_BYTES = 300_000
"""Of each release: the files stay in the repository for ever."""


def bits(points: Any) -> list[tuple[int, int, bytes]]:
    """Points by step and time, with the bytes of their values: NaN equals itself, -0.0 isn't 0."""
    return sorted((step, time, struct.pack("<d", value)) for step, time, value in points)


def points_of(history: Any) -> Any:
    return zip(
        history.steps.tolist(), history.timestamps.tolist(), history.values.tolist(), strict=True
    )


def unpack(archive: Path, folder: Path) -> Path:
    with zipfile.ZipFile(archive) as members:
        members.extractall(folder)
    return folder


@pytest.fixture(params=RELEASES, ids=lambda path: path.name)
def release(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


@pytest.fixture
def store(release: Path, tmp_path: Path) -> Client:
    """A client of the store that the release wrote."""
    return Client(str(unpack(release / "store.zip", tmp_path) / ".assay"))


def assert_holds_what_was_put_in(client: Client) -> None:
    run = client.get_run(content.RUN)
    assert run.data.params == content.PARAMS
    assert content.TAGS.items() <= run.data.tags.items()
    for key, points in content.METRICS.items():
        assert bits(points_of(client.history(content.RUN, key))) == bits(points), key
        last = max(points)
        assert struct.pack("<d", run.data.metrics[key]) == struct.pack("<d", last[2])
    used = run.inputs.dataset_inputs[0]
    assert {name: getattr(used.dataset, name) for name in content.DATASET} == content.DATASET
    assert [(tag.key, tag.value) for tag in used.tags] == [("mlflow.data.context", "training")]
    assert [(out.model_id, out.step) for out in run.outputs.model_outputs] == [(content.MODEL, 3)]
    for path, data in content.FILES.items():
        assert client.read_artifact(content.RUN, path) == data
    model = client.get_logged_model(content.MODEL)
    assert (model.name, model.model_type, model.source_run_id) == ("best", "linear", content.RUN)
    assert (model.params, model.tags) == (content.MODEL_PARAMS, content.MODEL_TAGS)
    assert model.status.name == "READY"


def assert_facts_of_the_run(run: Run) -> None:
    info = run.info
    assert (info.run_name, info.user_id, info.status) == ("gold", "ada", RunStatus.FINISHED)
    assert (info.start_time, info.end_time) == (content.START_MS, content.START_MS + 60_000)


def test_a_store_of_a_release_holds_what_was_put_in(store: Client) -> None:
    assert_holds_what_was_put_in(store)
    assert_facts_of_the_run(store.get_run(content.RUN))
    experiment = store.get_experiment_by_name(content.EXPERIMENT)
    assert experiment is not None
    assert experiment.tags == content.EXPERIMENT_TAGS
    child = store.get_run(content.CHILD_RUN)
    assert child.data.tags["mlflow.parentRunId"] == content.RUN
    assert child.info.status == RunStatus.RUNNING
    binned = store.search_runs([experiment.experiment_id], run_view_type=ViewType.DELETED_ONLY)
    assert [run.info.run_id for run in binned] == [content.DELETED_RUN]
    assert binned[0].info.lifecycle_stage == LifecycleStage.DELETED


def test_a_store_of_a_release_is_searched_and_written_on(store: Client) -> None:
    experiment = store.get_experiment_by_name(content.EXPERIMENT)
    assert experiment is not None
    ident = experiment.experiment_id
    least = min(value for _, _, value in content.METRICS["loss"])

    found = store.search_runs(
        [ident], f"metrics.loss.min <= {least!r} and params.`größe` = 'groß' and tags.emoji = '🥇'"
    )
    store.log_metric(content.CHILD_RUN, "loss", 0.25, step=1)
    more = store.create_run(ident, run_name="of today")

    assert [run.info.run_id for run in found] == [content.RUN]
    assert store.get_run(content.CHILD_RUN).data.metrics == {"loss": 0.25}
    names = {run.info.run_name for run in store.search_runs([ident])}
    assert names == {"gold", "child", more.info.run_name}


def tables(home: Path) -> dict[str, list[tuple[str, str, int]]]:
    """Name, type and whether it may be null of each table's columns."""
    with closing(sqlite3.connect(home / "assay.db")) as database:
        names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {
            name: sorted(row[1:4] for row in database.execute(f"PRAGMA table_info('{name}')"))
            for (name,) in names
        }


def test_a_store_of_a_release_gets_the_tables_of_today(release: Path, tmp_path: Path) -> None:
    old = unpack(release / "store.zip", tmp_path / "old") / ".assay"
    new = tmp_path / "new"
    for home in (old, new):
        open_store(resolve_location(home, environ={})).close()

    assert tables(old) == tables(new)


def test_a_store_of_a_release_is_sound(release: Path, tmp_path: Path) -> None:
    home = unpack(release / "store.zip", tmp_path)

    for command in ("upgrade", "check"):
        done = subprocess.run(
            [sys.executable, "-m", "assay", "db", command],
            cwd=home,
            env=clean_environment(),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_store_of_a_release_is_served(release: Path, tmp_path: Path) -> None:
    home = unpack(release / "store.zip", tmp_path) / ".assay"
    server = ServerProcess(
        tmp_path, store_uri=f"sqlite:///{home}/assay.db", artifacts_uri=str(home / "artifacts")
    )
    server.start()
    try:
        assert_holds_what_was_put_in(Client(server.url))
    finally:
        server.stop()


def test_an_archive_of_a_release_arrives_whole(release: Path, tmp_path: Path) -> None:
    location = resolve_location(tmp_path / "target", environ={})
    store = open_store(location)
    try:
        import_archive(store, partial(open_run_artifacts, location, store), release / "archive.zip")
    finally:
        store.close()

    client = Client(str(tmp_path / "target"))
    assert_holds_what_was_put_in(client)
    assert_facts_of_the_run(client.get_run(content.RUN))


@pytest.fixture
def journal(release: Path, tmp_path: Path) -> Iterator[tuple[str, Client]]:
    """The run of a killed process, and a client of the store that its journal was delivered to."""
    left = unpack(release / "journal.zip", tmp_path / "left")
    location = resolve_location(tmp_path / "home", environ={})
    folders = [file.parent for file in left.rglob("owner.json")]
    for folder in folders:
        shutil.copytree(folder, location.journal_folder / folder.name)
    report = sync(location)
    assert (report.journals, report.bad_records, report.refused) == (len(folders), 0, 0)
    client = Client(str(tmp_path / "home"))
    yield (left / "run_id").read_text(), client
    client.close()


def test_a_journal_of_a_release_is_delivered_to_the_last_point(
    journal: tuple[str, Client],
) -> None:
    run_id, client = journal
    rows = content.JOURNAL_POINTS[: content.JOURNAL_ROWS]

    run = client.get_run(run_id)

    assert run.info.run_name == content.JOURNAL_RUN_NAME
    assert run.info.status == RunStatus.FAILED
    assert run.data.params == content.JOURNAL_PARAMS
    assert content.JOURNAL_TAGS.items() <= run.data.tags.items()
    wanted = {
        "loss": content.JOURNAL_POINTS,
        "a": rows,
        "b": [(step, time, -value) for step, time, value in rows],
    }
    for key, points in wanted.items():
        assert bits(points_of(client.history(run_id, key))) == bits(points), key
    assert client.read_artifact(run_id, "end.txt") == content.JOURNAL_FILE


@pytest.mark.parametrize(
    ("name", "wanted"), [("many", content.RAW_SEGMENT), ("few", content.RAW_FEW)]
)
def test_a_segment_of_a_release_is_read(
    release: Path, name: str, wanted: dict[int, list[content.Point]]
) -> None:
    read = segment.decode((release / f"{name}.segment").read_bytes())

    assert read.series.tolist() == list(wanted)
    for number, points in wanted.items():
        assert bits(points_of(read.of(number))) == bits(points)


@pytest.mark.parametrize("name", list(content.RAW_BLOCKS))
def test_a_block_of_a_release_is_read(release: Path, name: str) -> None:
    read = block.decode((release / f"{name}.block").read_bytes())

    assert bits(points_of(read)) == bits(content.RAW_BLOCKS[name])


def test_the_files_of_a_release_stay_small(release: Path) -> None:
    assert sum(file.stat().st_size for file in release.iterdir()) < MAX_BYTES
