"""Archives: what a store holds travels to another store and arrives the same."""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from assay.archive.reading import import_archive
from assay.archive.writing import export_archive
from assay.client.connect import open_run_artifacts, open_store
from assay.entities import (
    Dataset,
    DatasetInput,
    ExperimentId,
    Metric,
    Param,
    Run,
    RunStatus,
    SeriesKey,
    Tag,
)
from assay.entities.ids import new_run_id
from assay.entities.names import artifact_path
from assay.entities.runs import NewRun
from assay.errors import Conflict, Corrupted, InvalidInput
from assay.store.base import Store
from assay.store.uri import resolve_location

VALUES = [0.5, math.nan, math.inf, -math.inf, -0.0, 1e308, 5e-324]


class Place:
    """A store with its artifacts, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.location = resolve_location(folder, environ={})
        self.store: Store = open_store(self.location)
        self.artifacts = partial(open_run_artifacts, self.location, self.store)


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path / "origin")
    yield place
    place.store.close()


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path / "target")
    yield place
    place.store.close()


def make_run(place: Place, experiment_id: str) -> Run:
    run_id = new_run_id()
    place.store.runs.create(
        NewRun(
            run_id, ExperimentId(experiment_id), 1_700_000_000_000, run_name="first", user_id="ada"
        )
    )
    place.store.runs.log_batch(
        run_id,
        metrics=[Metric("loss", value, 1_700_000_000_000 + i, i) for i, value in enumerate(VALUES)],
        params=[Param("lr", "0.1"), Param("größe", "viel\nmehr")],
        tags=[Tag("team", "vision")],
    )
    dataset = Dataset("digits", "d1", "local", '{"uri": "digits.csv"}', '{"mlflow_colspec": []}')
    place.store.inputs.log_inputs(run_id, datasets=[DatasetInput(dataset)])
    place.store.runs.update(run_id, status=RunStatus.FINISHED, end_time=1_700_000_009_000)
    files = place.artifacts(place.store.runs.get(run_id).info.artifact_uri)
    files.write(artifact_path("plots/ä.txt"), [b"curve"])
    files.write(artifact_path("empty"), [])
    return place.store.runs.get(run_id)


@pytest.fixture
def archive(origin: Place, tmp_path: Path) -> tuple[Path, Run]:
    experiment = origin.store.experiments.create("digits", tags={"owner": "ada"})
    run = make_run(origin, experiment.experiment_id)
    path = tmp_path / "runs.zip"
    export_archive(origin.store, origin.artifacts, path, experiment_ids=[experiment.experiment_id])
    return path, run


def same_but_for_place(got: Run, want: Run) -> None:
    assert got.data.params == want.data.params
    assert got.data.tags == want.data.tags
    assert repr(got.data.metrics) == repr(want.data.metrics)
    assert got.inputs == want.inputs
    for field in ("run_name", "status", "start_time", "end_time", "user_id"):
        assert getattr(got.info, field) == getattr(want.info, field)


def test_run_arrives_with_all_it_recorded(archive: tuple[Path, Run], target: Place) -> None:
    path, run = archive

    report = import_archive(target.store, target.artifacts, path)

    arrived = target.store.runs.get(run.info.run_id)
    same_but_for_place(arrived, run)
    history = target.store.metrics.history(run.info.run_id, SeriesKey("loss"))
    assert history.values.tobytes() == np.array(VALUES).tobytes()
    files = target.artifacts(arrived.info.artifact_uri)
    assert b"".join(files.read(artifact_path("plots/ä.txt"))) == b"curve"
    assert b"".join(files.read(artifact_path("empty"))) == b""
    experiment = target.store.experiments.find("digits")
    assert experiment is not None
    assert experiment.tags == {"owner": "ada"}
    assert (report.runs_created, report.points, report.files) == (1, len(VALUES), 2)


def test_second_import_changes_nothing(archive: tuple[Path, Run], target: Place) -> None:
    path, run = archive
    import_archive(target.store, target.artifacts, path)
    before = target.store.runs.get(run.info.run_id)

    report = import_archive(target.store, target.artifacts, path)

    assert report.runs_created == 0
    assert repr(target.store.runs.get(run.info.run_id)) == repr(before)
    assert len(target.store.metrics.history(run.info.run_id, SeriesKey("loss")).steps) == len(
        VALUES
    )


def test_runs_can_go_into_one_experiment(archive: tuple[Path, Run], target: Place) -> None:
    path, run = archive

    import_archive(target.store, target.artifacts, path, experiment_name="other")

    other = target.store.experiments.find("other")
    assert other is not None
    assert target.store.runs.get(run.info.run_id).info.experiment_id == other.experiment_id


def test_same_runs_give_the_same_members(
    archive: tuple[Path, Run], origin: Place, tmp_path: Path
) -> None:
    path, run = archive
    again = tmp_path / "again.zip"

    export_archive(origin.store, origin.artifacts, again, run_ids=[run.info.run_id])

    with zipfile.ZipFile(path) as first, zipfile.ZipFile(again) as second:
        digests = [json.loads(z.read("manifest.json"))["members"] for z in (first, second)]
    assert digests[0] == digests[1]


def rewrite(path: Path, changes: dict[str, bytes | None], *, fix_manifest: bool = True) -> None:
    """The archive with members replaced, added or (``None``) removed, its manifest made to fit."""
    import hashlib

    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(members.pop("manifest.json"))
    for name, content in changes.items():
        members.pop(name, None)
        manifest["members"].pop(name, None)
        if content is not None:
            members[name] = content
            manifest["members"][name] = {
                "size": len(content),
                "sha256": hashlib.sha256(content).hexdigest() if fix_manifest else "0" * 64,
            }
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        archive.writestr("manifest.json", json.dumps(manifest))


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "artifacts/../../evil",
        "artifacts/r1/../../evil",
        "/etc/evil",
        "artifacts/r1/a%2f..%2f..%2fb",
    ],
)
def test_names_that_lead_outside_are_refused(
    name: str, archive: tuple[Path, Run], target: Place
) -> None:
    path, _ = archive
    rewrite(path, {name: b"x"})

    with pytest.raises(InvalidInput):
        import_archive(target.store, target.artifacts, path)

    assert target.store.experiments.find("digits") is None


def test_changed_content_is_named_and_not_published(
    archive: tuple[Path, Run], target: Place
) -> None:
    path, run = archive
    member = f"artifacts/{run.info.run_id}/plots/ä.txt"
    rewrite(path, {member: b"other"}, fix_manifest=False)

    with pytest.raises(Corrupted, match=r"plots/ä\.txt"):
        import_archive(target.store, target.artifacts, path)

    files = target.artifacts(target.store.runs.get(run.info.run_id).info.artifact_uri)
    assert artifact_path("plots/ä.txt") not in [
        f.path for f in files.list(artifact_path("", allow_root=True), recursive=True)
    ]


def test_run_with_other_params_is_a_conflict(archive: tuple[Path, Run], target: Place) -> None:
    path, run = archive
    target.store.runs.create(NewRun(run.info.run_id, ExperimentId("0"), 1))
    target.store.runs.log_batch(run.info.run_id, params=[Param("lr", "9")])

    with pytest.raises(Conflict, match="lr"):
        import_archive(target.store, target.artifacts, path)


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06", b"not a zip at all"])
def test_file_that_is_no_archive_is_refused(content: bytes, tmp_path: Path, target: Place) -> None:
    path = tmp_path / "bad.zip"
    path.write_bytes(content)

    with pytest.raises(InvalidInput):
        import_archive(target.store, target.artifacts, path)


def test_later_format_says_what_to_do(archive: tuple[Path, Run], target: Place) -> None:
    path, _ = archive
    with zipfile.ZipFile(path) as opened:
        members = {name: opened.read(name) for name in opened.namelist()}
    manifest = json.loads(members.pop("manifest.json")) | {"format": 2}
    with zipfile.ZipFile(path, "w") as written:
        for name, content in members.items():
            written.writestr(name, content)
        written.writestr("manifest.json", json.dumps(manifest))

    with pytest.raises(InvalidInput, match="newer Assay"):
        import_archive(target.store, target.artifacts, path)
