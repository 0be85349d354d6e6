"""The route table: look-up, and what every route must state."""

from __future__ import annotations

import msgspec
import pytest

from assay.server.monitoring import Monitor
from assay.server.openapi import describe, operation_id
from assay.server.routing import Match, Permission, Route, Table, path_fields
from assay.server.table import route_table


def make(path: str, method: str = "GET", **more: object) -> Route:
    return Route(
        method=method,
        path=path,
        handler=lambda context, request: None,
        permission=Permission.READ,
        summary="x",
        **more,
    )


def test_plain_and_templated_paths_are_found() -> None:
    table = Table([make("/a"), make("/a/{x}/b"), make("/f/{path:path}", twins=("/g/{path:path}",))])
    assert table.find("GET", "/a") == Match(0, {})
    assert table.find("GET", "/a/1%2F/b") == Match(1, {"x": "1%2F"})
    assert table.find("GET", "/g/1/2/") == Match(2, {"path": "1/2/"})
    assert table.find("GET", "/a/1/2/b") == []
    assert table.find("GET", "/a\n") == []


def test_another_method_of_a_path_is_told() -> None:
    table = Table([make("/a"), make("/a", "POST")])
    assert table.find("PUT", "/a") == ["GET", "POST"]


def test_the_same_route_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        Table([make("/a"), make("/b", twins=("/a",))])


@pytest.fixture(scope="module")
def table() -> Table:
    return route_table(Monitor())


def test_every_route_states_permission_and_summary(table: Table) -> None:
    for route in table:
        assert isinstance(route.permission, Permission), route.path
        assert route.summary, route.path
        assert route.group, route.path


def test_public_routes_are_these_and_no_others(table: Table) -> None:
    public = {route.path for route in table if route.permission is Permission.PUBLIC}
    # Files of the web UI: what was built, whatever it is called.
    public = {path for path in public if not path.startswith("/figure-libs/")}
    assert public == {
        "/assets/{name}",
        "/favicon.svg",
        "/theme.js",
        "/health",
        "/version",
        "/api/3.0/mlflow/server-info",
        "/api/assay/v1/info",
        "/api/assay/v1/openapi.json",
        "/api/assay/v1/docs",
        "/api/assay/v1/docs.css",
    }


def test_gets_need_no_more_than_reading_and_changes_need_more(table: Table) -> None:
    reading = {Permission.PUBLIC, Permission.READ}
    changing = {"PUT", "PATCH", "DELETE"}
    for route in table:
        if route.method == "GET" and "/webhooks" not in route.path:
            assert route.permission in reading, route.path
        if route.method in changing:
            assert route.permission not in reading, route.path


def test_webhooks_are_seen_only_by_those_who_may_manage(table: Table) -> None:
    # Their URLs often hold what lets anybody write to the receiver.
    found = [route for route in table if "/webhooks" in route.path]

    assert {route.permission for route in found} == {Permission.MANAGE}
    assert len(found) == 13


def test_every_mlflow_route_has_its_ajax_twin_with_the_same_handler(table: Table) -> None:
    for route in table:
        if route.path.startswith("/api/") and "/mlflow" in route.path:
            twin = "/ajax-api/" + route.path.removeprefix("/api/")
            assert twin in route.twins, route.path
            for path in (route.path, twin):
                sample = path.replace("{", "").replace(":path}", "").replace("}", "")
                found = table.find(route.method, sample)
                assert isinstance(found, Match)
                assert table.routes[found.place] is route


def test_path_templates_are_fields_of_the_request(table: Table) -> None:
    for route in table:
        names = {field.encode_name for field in msgspec.structs.fields(route.request)}
        for path in route.paths:
            assert names.issuperset(path_fields(path)), path


def test_the_api_describes_itself(table: Table) -> None:
    document = describe(table)
    assert msgspec.json.decode(msgspec.json.encode(document))["openapi"] == "3.1.0"
    ids = [operation_id(route) for route in table]
    assert len(ids) == len(set(ids))
    batch = document["paths"]["/api/2.0/mlflow/runs/log-batch"]["post"]
    schema = batch["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    assert schema.rpartition("/")[2] in document["components"]["schemas"]
