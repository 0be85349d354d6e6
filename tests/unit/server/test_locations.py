"""Artifact locations: names below the root, never addresses to fetch."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.errors import InvalidInput
from assay.server.locations import Locations


@pytest.mark.parametrize(
    ("location", "inner"),
    [
        ("mlflow-artifacts:/0/r/artifacts", "0/r/artifacts"),
        ("mlflow-artifacts:/", ""),
        ("mlflow-artifacts:/a%20b", "a%20b"),
    ],
)
def test_proxied_locations_lie_below_the_root(tmp_path: Path, location: str, inner: str) -> None:
    assert Locations(str(tmp_path)).path_of(location) == inner


def test_folders_below_the_root_are_known_by_path_and_by_file_uri(tmp_path: Path) -> None:
    places = Locations(str(tmp_path))
    assert places.path_of(str(tmp_path / "a" / "b")) == "a/b"
    assert places.path_of((tmp_path / "a").as_uri()) == "a"
    assert places.path_of(str(tmp_path)) == ""


def test_a_root_in_an_object_store_is_known_by_its_prefix() -> None:
    places = Locations("s3://bucket/assay/")
    assert places.path_of("s3://bucket/assay/0/r") == "0/r"
    for other in ("s3://bucket/assay2/x", "s3://other/assay/x", "/srv/x", "file:///srv"):
        with pytest.raises(InvalidInput):
            places.path_of(other)


@pytest.mark.parametrize(
    "location",
    [
        "",
        "/etc/passwd",
        "file:///etc",
        "file://otherhost/tmp",
        "mlflow-artifacts://elsewhere/x",
        "mlflow-artifacts:/../x",
        "mlflow-artifacts:/a/%2e%2e/%2e%2e/x",
        "mlflow-artifacts:/a/%252e%252e/x",
        "mlflow-artifacts:/a?x",
        "mlflow-artifacts:/a#x",
        "mlflow-artifacts:/a;x",
        "mlflow-artifacts:/a\\..\\x",
        "mlflow-artifacts:/a\nb",
        "http://127.0.0.1/x",
        "relative/path",
        "..",
    ],
)
def test_everything_else_is_refused_to_read_and_to_make(tmp_path: Path, location: str) -> None:
    places = Locations(str(tmp_path))
    with pytest.raises(InvalidInput):
        places.path_of(location)
    with pytest.raises(InvalidInput):
        places.check(location)


def test_a_link_does_not_lead_out_of_the_root(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "link").symlink_to("/etc")
    with pytest.raises(InvalidInput):
        Locations(str(tmp_path / "root")).path_of(str(tmp_path / "root" / "link"))


def test_a_store_that_clients_reach_themselves_may_be_named_but_is_never_read(
    tmp_path: Path,
) -> None:
    places = Locations(str(tmp_path))
    places.check("s3://team/models")
    with pytest.raises(InvalidInput):
        places.path_of("s3://team/models")
