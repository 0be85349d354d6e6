"""Searches of the registry: orders, ties, prompts, aliases, and what a page costs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from assay.entities.ids import DEFAULT_EXPERIMENT_ID, new_model_id
from assay.entities.logged_models import NewLoggedModel
from assay.entities.model_versions import NewModelVersion
from assay.errors import InvalidFilter, InvalidInput, InvalidPageToken
from assay.store.base import Query
from assay.store.sql.search import tagged
from assay.store.sql.statements import Sql
from assay.store.sql.store import SqlStore, open_sql_store
from assay.store.user import local_cause

BECAUSE = local_cause()
PROMPT = {"mlflow.prompt.is_prompt": "true"}
_TOUCH = Sql("UPDATE registered_models SET last_updated_timestamp = ? WHERE name = ?")
_TOUCH_VERSIONS = Sql("UPDATE model_versions SET last_updated_timestamp = ? WHERE version = ?")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    store = open_sql_store(f"sqlite:///{tmp_path}/assay.db")
    yield store
    store.close()


def make(store: SqlStore, name: str, versions: int = 0, **tags: str) -> None:
    """A registered model with ``tags``, and versions with the same."""
    store.registered_models.create(name, tags=tags, cause=BECAUSE)
    for _ in range(versions):
        add(store, name, tags)


def add(store: SqlStore, name: str, tags: dict[str, str]) -> None:
    """A version of a fresh logged model."""
    model = store.logged_models.create(NewLoggedModel(new_model_id(), DEFAULT_EXPERIMENT_ID))
    source = f"models:/{model.model_id}"
    store.model_versions.create(NewModelVersion(name=name, source=source, tags=tags), cause=BECAUSE)


def at(store: SqlStore, statement: Sql, *values: Any) -> None:
    store.database.write(lambda conn: statement.run(conn, *values))


def models(store: SqlStore, filter_: str = "", *order: str, **page: Any) -> list[str]:
    found = store.registered_models.search(Query(filter=filter_, order_by=order, **page))
    return [one.name for one in found]


def versions(store: SqlStore, filter_: str = "", *order: str, **page: Any) -> list[str]:
    found = store.model_versions.search(Query(filter=filter_, order_by=order, **page))
    return [f"{one.name}{one.version}" for one in found]


def test_models_come_by_name_in_the_order_of_code_points(store: SqlStore) -> None:
    for name in ("b", "a", "C", "ä"):
        make(store, name)
    assert models(store) == ["C", "a", "b", "ä"]
    assert models(store, "", "name DESC") == ["ä", "b", "a", "C"]


def test_models_changed_at_once_come_by_name(store: SqlStore) -> None:
    for name in "bca":
        make(store, name)
        at(store, _TOUCH, 7, name)
    at(store, _TOUCH, 9, "c")
    assert models(store, "", "last_updated_timestamp DESC") == ["c", "a", "b"]
    assert models(store, "", "timestamp") == ["a", "b", "c"]


def test_versions_come_latest_changed_first_then_by_name_and_number(store: SqlStore) -> None:
    for name in "ba":
        make(store, name, versions=3)
    for number in (1, 2):
        at(store, _TOUCH_VERSIONS, 7, number)
    at(store, _TOUCH_VERSIONS, 9, 3)
    assert versions(store) == ["a3", "b3", "a2", "a1", "b2", "b1"]


def test_versions_in_an_order_of_their_own_tie_by_name_and_number(store: SqlStore) -> None:
    for name in "ba":
        make(store, name, versions=2)
    assert versions(store, "", "name DESC") == ["b2", "b1", "a2", "a1"]
    assert versions(store, "", "version_number") == ["a1", "b1", "a2", "b2"]
    assert versions(store, "", "creation_timestamp", "version_number ASC")[0] == "b1"


def test_prompts_are_left_out_until_asked_for(store: SqlStore) -> None:
    make(store, "net", versions=1)
    make(store, "greeting", 0, **PROMPT)
    store.model_versions.create(
        NewModelVersion(name="greeting", source="prompt-template", tags=PROMPT), cause=BECAUSE
    )
    tag = "tag.`mlflow.prompt.is_prompt`"
    for filter_ in ("", f"{tag} != 'true'", f"{tag} = 'false'", "name ILIKE '%e%'"):
        assert models(store, filter_) == ["net"]
        assert versions(store, filter_) == ["net1"]
    assert models(store, f"name ILIKE '%e%' AND {tag} = 'true'") == ["greeting"]
    assert versions(store, f"{tag} = 'true'") == ["greeting1"]


def test_aliases_find_models_and_versions(store: SqlStore) -> None:
    for name in "ab":
        make(store, name, versions=2)
    set_alias = store.registered_models.set_alias
    set_alias("a", "champion", 1, cause=BECAUSE)
    set_alias("a", "challenger", 2, cause=BECAUSE)
    set_alias("a", "Candidate", 2, cause=BECAUSE)
    assert versions(store, "alias = 'champion'") == ["a1"]
    assert versions(store, "alias LIKE 'ch%'", "version_number") == ["a1", "a2"]
    assert versions(store, "alias != 'challenger'", "version_number") == ["a1", "a2"]
    assert versions(store, "not alias = 'challenger'", "version_number") == ["a1", "b1", "b2"]
    assert versions(store, "alias IS NULL") == ["b2", "b1"]
    assert versions(store, "alias IN ('champion', 'Candidate')", "version") == ["a1", "a2"]
    assert models(store, "alias = 'champion'") == ["a"]
    assert models(store, "alias IS NULL") == ["b"]
    assert models(store, "alias IS NOT NULL or name = 'b'") == ["a", "b"]


def test_stages_match_in_lower_case_and_numbers_in_quotes(store: SqlStore) -> None:
    make(store, "a", versions=2)
    store.model_versions.transition("a", 2, "Production", cause=BECAUSE)
    assert versions(store, "current_stage = 'production'") == ["a2"]
    assert versions(store, "stage IN ('none', 'Staging')") == ["a1"]
    assert versions(store, "version_number = '2'") == ["a2"]


@pytest.mark.parametrize(
    "filter_",
    [
        "alias > 'a'",
        "version_number = 'two'",
        "version_number LIKE '1'",
        "metrics.a > 1",
        "x = 'y'",
    ],
)
def test_what_versions_do_not_have_is_refused(store: SqlStore, filter_: str) -> None:
    with pytest.raises(InvalidFilter):
        versions(store, filter_)


@pytest.mark.parametrize("order", ["alias", "tags.a", "metrics.a", "nothing", "name, name"])
def test_what_gives_no_order_is_refused(store: SqlStore, order: str) -> None:
    for search in (models, versions):
        with pytest.raises(InvalidInput):
            search(store, "", order)
        with pytest.raises(InvalidInput, match="twice"):
            search(store, "", "name", "name DESC")


def test_sizes_of_pages_are_limited(store: SqlStore) -> None:
    for size in (0, -1, 50_001):
        with pytest.raises(InvalidInput, match="max_results"):
            models(store, max_results=size)
    for size in (0, -1, 200_001):
        with pytest.raises(InvalidInput, match="max_results"):
            versions(store, max_results=size)


@pytest.mark.parametrize("rare", [0, 1_000])
@pytest.mark.parametrize("order", [(), ("name DESC",), ("version_number",), ("run_id",)])
def test_pages_hold_all_once_whichever_way_they_are_found(
    store: SqlStore, order: tuple[str, ...], rare: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tagged, "RARE", rare)
    for name in "abc":
        make(store, name, versions=4, team="x", part=name)
    query = {"filter_": "tags.team = 'x' and tags.part != 'b'"}
    whole = versions(store, query["filter_"], *order)
    assert sorted(whole) == [f"{name}{number}" for name in "ac" for number in (1, 2, 3, 4)]
    seen: list[str] = []
    token = None
    while True:
        page = store.model_versions.search(
            Query(query["filter_"], order_by=order, max_results=3, page_token=token)
        )
        seen += [f"{one.name}{one.version}" for one in page]
        if page.token is None:
            break
        token = page.token
    assert seen == whole
    with pytest.raises(InvalidPageToken):
        versions(store, "tags.team = 'y'", *order, page_token=token)


def test_tag_is_found_by_its_whole_value(store: SqlStore) -> None:
    long = "x" * 50_000
    make(store, "a", note=long)
    make(store, "b", note=long + "y")
    assert models(store, f"tags.note = '{long}'") == ["a"]


def test_page_costs_the_same_number_of_statements_however_long_it_is(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12):
        make(store, f"m{number}", versions=2, team="x")
    statements: list[object] = []
    execute = Sql._execute

    def counted(sql: Sql, *args: Any) -> Any:
        statements.append(sql)
        return execute(sql, *args)

    # Such statements pass SQLAlchemy by, whose events tell of the others.
    monkeypatch.setattr(Sql, "_execute", counted)

    def count(*args: Any) -> None:
        statements.append(args[2])

    event.listen(Engine, "before_cursor_execute", count)
    costs = set()
    try:
        for size in (2, 12):
            statements.clear()
            assert len(models(store, "tags.team = 'x'", max_results=size)) == size
            assert len(versions(store, "tags.team = 'x'", max_results=size)) == size
            costs.add(len(statements))
    finally:
        event.remove(Engine, "before_cursor_execute", count)
    assert len(costs) == 1
    assert costs.pop() < 20
