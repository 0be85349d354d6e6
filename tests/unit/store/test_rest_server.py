"""Which kind of server answers, and what happens while something else does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from assay import errors
from assay.entities.ids import RunId
from assay.store.rest import RestStore, open_rest_store
from tests.unit.store.scripted_server import Said, ScriptedServer

INFO = Said(200, {"name": "assay", "version": "9.9", "api_version": 1, "new_field": []})
NO_ROUTE = Said(404, b"<html>404 Not Found</html>")
NO_ENDPOINT = Said(404, {"error_code": "ENDPOINT_NOT_FOUND", "message": "No route"})
NO_EXPERIMENTS = Said(200, {})


def asked(*answers: Said) -> Iterator[tuple[RestStore, ScriptedServer]]:
    server = ScriptedServer(*answers)
    store = open_rest_store(server.uri)
    yield store, server
    store.close()
    server.close()


def test_an_assay_server_is_asked_once() -> None:
    for store, server in asked(INFO):
        assert store.is_assay
        assert store.is_assay
        assert store.info is not None
        assert store.info.version == "9.9"
        assert len(server.seen) == 1


@pytest.mark.parametrize("missing", [NO_ROUTE, NO_ENDPOINT, Said(200, b"<html>app</html>")])
def test_a_server_without_our_route_that_speaks_mlflow_is_plain(missing: Said) -> None:
    for store, server in asked(missing, NO_EXPERIMENTS):
        assert not store.is_assay
        assert not store.is_assay
        assert len(server.seen) == 2


def test_something_else_is_not_taken_for_mlflow_and_asked_again() -> None:
    for store, _ in asked(NO_ROUTE, NO_ROUTE, INFO):
        with pytest.raises(errors.StoreUnavailable, match="neither as an Assay nor as an MLflow"):
            assert store.is_assay
        assert store.is_assay


def test_a_page_of_some_other_program_is_not_taken_for_mlflow() -> None:
    for store, _ in asked(Said(200, b"<html>hello</html>")):
        with pytest.raises(errors.StoreUnavailable, match="Check the address"):
            assert store.is_assay


def test_a_refused_sign_in_is_told_as_such() -> None:
    for store, _ in asked(Said(401, b"")):
        with pytest.raises(errors.PermissionDenied, match="ASSAY_TRACKING_TOKEN"):
            assert store.is_assay


def test_an_answer_that_is_not_of_the_protocol_names_the_server() -> None:
    for store, server in asked(INFO, Said(200, b"\xc1")):
        with pytest.raises(errors.RemoteError, match=server.uri):
            store.runs.get(RunId("abc"))


def test_what_can_not_travel_is_refused_before_it_is_sent() -> None:
    for store, server in asked(INFO):
        assert store.is_assay
        with pytest.raises(errors.InvalidName, match="surrogate"):
            store.experiments.create("\ud800")
        with pytest.raises(errors.InvalidInput, match="can't be sent"):
            store.experiments.create("x", tags={"a": object()})  # type: ignore[dict-item]
        assert len(server.seen) == 1
