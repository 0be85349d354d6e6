"""Searches of the registry in real databases against their meaning in plain Python."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine

from assay.search import Record, evaluate, sort_key
from assay.search.tree import (
    Comparator,
    Comparison,
    Field,
    FieldKind,
    Moment,
    Node,
    OrderTerm,
)
from assay.store.base import Query
from assay.store.sql import registry_tables as tables
from assay.store.sql.registry_tags import value_digest
from assay.store.sql.search.model_versions import search_versions
from assay.store.sql.search.registered_models import search_registered
from tests.property.search_strategies import (
    NOW_MS,
    NUMERIC,
    TEXTS,
    groups,
    lists,
    render,
    render_order,
    text_comparisons,
    texts,
    times,
)
from tests.services.postgres import PostgresServer, only_postgres

C, K = Comparator, FieldKind
NAMES = ("a", "A", "ab", "B%", "a_b", "ä", "😀", "it's")
STAGES = ("None", "Staging", "Production", "Eigene")
KEYS = ("a", "b c", "d.e")
NUMBERS = (-1, 0, 1, 2, 3, 9, 1.5)
_TABLES = (
    tables.registered_model_aliases,
    tables.registered_model_tags,
    tables.model_version_tags,
    tables.model_versions,
    tables.registered_models,
)


class FoundVersion(msgspec.Struct, frozen=True):
    """A version as it stands in the tables."""

    version: int
    creation_timestamp: int
    last_updated_timestamp: int
    description: str
    user_id: str
    current_stage: str
    source: str
    run_id: str | None
    model_id: str | None
    tags: dict[str, str]
    aliases: list[str]


class FoundModel(msgspec.Struct, frozen=True):
    """A registered model as it stands in the tables."""

    name: str
    description: str
    creation_timestamp: int
    last_updated_timestamp: int
    tags: dict[str, str]
    versions: list[FoundVersion]


tags = st.dictionaries(st.sampled_from(KEYS), texts, max_size=3)


@st.composite
def models_of(draw: st.DrawFn, name: str) -> FoundModel:
    numbers = draw(st.lists(st.integers(1, 9), max_size=3, unique=True))
    free = draw(st.permutations([text for text in TEXTS if text]))
    versions = [
        draw(
            st.builds(
                FoundVersion,
                version=st.just(number),
                creation_timestamp=times,
                last_updated_timestamp=times,
                description=texts,
                user_id=texts,
                current_stage=st.sampled_from(STAGES),
                source=texts,
                run_id=st.none() | texts,
                model_id=st.none() | texts,
                tags=tags,
                aliases=st.just(free[2 * place : 2 * place + draw(st.integers(0, 2))]),
            )
        )
        for place, number in enumerate(numbers)
    ]
    return draw(
        st.builds(
            FoundModel,
            name=st.just(name),
            description=texts,
            creation_timestamp=times,
            last_updated_timestamp=times,
            tags=tags,
            versions=st.just(versions),
        )
    )


populations = st.lists(st.sampled_from(NAMES), min_size=1, max_size=5, unique=True).flatmap(
    lambda names: st.tuples(*map(models_of, names))
)


def _attribute(name: str) -> Field:
    return Field(K.ATTRIBUTE, name)


@st.composite
def _aliases(draw: st.DrawFn) -> Comparison:
    return draw(text_comparisons(_attribute("alias"), lists_too=True, presence=True))


@st.composite
def _times(draw: st.DrawFn) -> Comparison:
    field = _attribute(draw(st.sampled_from(("creation_timestamp", "last_updated_timestamp"))))
    value = draw(times | st.sampled_from((Moment(0), Moment(-86_400_000))))
    return Comparison(field, draw(st.sampled_from(NUMERIC)), value)


@st.composite
def _tags(draw: st.DrawFn) -> Comparison:
    field = Field(K.TAG, draw(st.sampled_from(KEYS)))
    return draw(text_comparisons(field, lists_too=False, presence=True))


@st.composite
def _texts(draw: st.DrawFn, *, plain: tuple[str, ...], listed: tuple[str, ...]) -> Comparison:
    name = draw(st.sampled_from(plain + listed))
    return draw(text_comparisons(_attribute(name), lists_too=name in listed, presence=False))


_numbers = st.builds(
    Comparison,
    st.just(_attribute("version_number")),
    st.sampled_from(NUMERIC),
    st.sampled_from(NUMBERS),
)
_stages = st.builds(
    Comparison,
    st.just(_attribute("current_stage")),
    st.sampled_from((C.EQ, C.NE)),
    st.sampled_from(STAGES),
) | st.builds(Comparison, st.just(_attribute("name")), st.sampled_from((C.IN, C.NOT_IN)), lists)
_of_models = _aliases() | _times() | _tags() | _texts(plain=("description",), listed=("name",))
_of_versions = (
    _aliases()
    | _times()
    | _tags()
    | _numbers
    | _stages
    | _texts(plain=("description", "user_id", "source_path"), listed=("name", "run_id", "model_id"))
)


def _trees(leaves: st.SearchStrategy[Comparison]) -> st.SearchStrategy[Node | None]:
    return st.none() | st.recursive(leaves, groups, max_leaves=6)


def _orders(*names: str) -> st.SearchStrategy[list[OrderTerm]]:
    terms = st.builds(OrderTerm, st.sampled_from(names).map(_attribute), st.booleans())
    return st.lists(terms, max_size=2, unique_by=lambda term: term.field)


_TIMES = ("creation_timestamp", "last_updated_timestamp")
_shared = {
    "models": populations,
    "size": st.integers(1, 5),
    "rare": st.sampled_from((0, 1, 1_000)),
}
model_searches = {
    **_shared,
    "tree": _trees(_of_models),
    "order": _orders("name", "description", *_TIMES),
}
version_searches = {
    **_shared,
    "tree": _trees(_of_versions),
    "order": _orders(
        "name", "version_number", "run_id", "model_id", "source_path", "current_stage", *_TIMES
    ),
}
"""``rare`` switches between the two ways in which filters on tags are run."""


def _fill(connection: Connection, models: Sequence[FoundModel]) -> dict[int, Record]:
    """Straight into the tables: a test of reading does not use our writing."""
    for table in _TABLES:
        connection.execute(table.delete())
    found: dict[int, Record] = {}
    for number, model in enumerate(models, 1):
        columns = msgspec.structs.asdict(model)
        del columns["tags"], columns["versions"]
        connection.execute(
            tables.registered_models.insert().values(
                registered_id=number, last_version=9, **columns
            )
        )
        _fill_tags(connection, tables.registered_model_tags, "registered_id", number, model.tags)
        for version in model.versions:
            ident = 100 * number + version.version
            found[ident] = _fill_version(connection, number, ident, model, version)
        aliases = [alias for version in model.versions for alias in version.aliases]
        found[number] = Record(attributes={**columns, "alias": aliases}, tags=model.tags)
    return found


def _fill_version(
    connection: Connection, number: int, ident: int, model: FoundModel, version: FoundVersion
) -> Record:
    columns = msgspec.structs.asdict(version)
    del columns["tags"], columns["aliases"]
    connection.execute(
        tables.model_versions.insert().values(
            version_id=ident,
            registered_id=number,
            storage_location="",
            run_link="",
            status="READY",
            status_message="",
            **columns,
        )
    )
    _fill_tags(connection, tables.model_version_tags, "version_id", ident, version.tags)
    for alias in version.aliases:
        connection.execute(
            tables.registered_model_aliases.insert().values(
                registered_id=number, alias=alias, version=version.version
            )
        )
    attributes = {
        **columns,
        "name": model.name,
        "version_number": version.version,
        "source_path": version.source,
        "alias": version.aliases,
    }
    return Record(attributes=attributes, tags=version.tags)


def _fill_tags(
    connection: Connection, table: Any, column: str, owner: int, values: dict[str, str]
) -> None:
    for key, value in values.items():
        connection.execute(
            table.insert().values(
                {column: owner, "key": key, "value": value, "value_digest": value_digest(value)}
            )
        )


def _check(
    connection: Connection,
    search: Callable[[Connection, Query], tuple[list[int], str | None]],
    given: dict[str, Any],
) -> None:
    tree, order, size = given["tree"], given["order"], given["size"]
    of_versions = search is search_versions
    records = {
        ident: record
        for ident, record in _fill(connection, given["models"]).items()
        if (ident >= 100) == of_versions
    }
    pages: list[int] = []
    token: str | None = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("assay.store.sql.search.tagged.RARE", given["rare"])
        while True:
            query = Query(
                filter="" if tree is None else render(tree),
                order_by=[render_order(term) for term in order],
                max_results=size,
                page_token=token,
            )
            ids, token = search(connection, query)
            assert len(ids) == size or token is None
            pages += ids
            if token is None:
                break
    assert pages == _expected(records, tree, order, of_versions=of_versions)


def _expected(
    records: dict[int, Record],
    tree: Node | None,
    order: Sequence[OrderTerm],
    *,
    of_versions: bool,
) -> list[int]:
    if of_versions:
        default = [OrderTerm(_attribute("last_updated_timestamp"), descending=True)]
        rest = [
            OrderTerm(_attribute("name")),
            OrderTerm(_attribute("version_number"), descending=True),
        ]
    else:
        default, rest = [], [OrderTerm(_attribute("name"))]
    terms = list(order or default)
    terms += [term for term in rest if term.field not in {t.field for t in terms}]
    key = sort_key(terms)
    found = [
        ident
        for ident, record in records.items()
        if tree is None or evaluate(tree, record, now_ms=NOW_MS)
    ]
    return sorted(found, key=lambda ident: key(records[ident]))


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    path: Path = tmp_path_factory.mktemp("search") / "search.db"
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        tables.metadata.create_all(connection)
        yield connection
    engine.dispose()


@pytest.fixture(scope="module")
def postgres(postgres_server: PostgresServer) -> Iterator[Connection]:
    uri = postgres_server.create_database()
    engine = create_engine(uri.replace("postgresql://", "postgresql+psycopg://", 1))
    with engine.connect() as connection:
        tables.metadata.create_all(connection)
        connection.commit()
        yield connection
    engine.dispose()
    postgres_server.drop_database(uri)


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    # `now` has to mean the same to both sides.
    monkeypatch.setattr("assay.store.sql.search.pages.time.time_ns", lambda: NOW_MS * 1_000_000)


@given(**model_searches)
@settings(max_examples=100)
def test_sqlite_finds_the_models_that_the_plain_meaning_finds_in_the_same_order(
    sqlite: Connection, **given: Any
) -> None:
    _check(sqlite, search_registered, given)
    sqlite.rollback()


@given(**version_searches)
@settings(max_examples=120)
def test_sqlite_finds_the_versions_that_the_plain_meaning_finds_in_the_same_order(
    sqlite: Connection, **given: Any
) -> None:
    _check(sqlite, search_versions, given)
    sqlite.rollback()


@only_postgres(15)
@pytest.mark.postgres
@given(**model_searches)
@settings(max_examples=60)
def test_postgresql_finds_the_models_that_the_plain_meaning_finds_in_the_same_order(
    postgres: Connection, **given: Any
) -> None:
    _check(postgres, search_registered, given)
    postgres.rollback()


@only_postgres(15)
@pytest.mark.postgres
@given(**version_searches)
@settings(max_examples=100)
def test_postgresql_finds_the_versions_that_the_plain_meaning_finds_in_the_same_order(
    postgres: Connection, **given: Any
) -> None:
    _check(postgres, search_versions, given)
    postgres.rollback()
