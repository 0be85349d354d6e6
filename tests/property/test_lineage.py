"""Lineage against a plain walk over lists: the same nodes and edges, whichever way and how deep."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from assay.entities.governance import Direction, NodeKind
from assay.store.sql.lineage import SqlLineage
from assay.store.sql.statements import Sql
from assay.store.sql.store import SqlStore, open_sql_store

Triple = tuple[str, str, str]
_TABLES = (
    "deployments",
    "model_versions",
    "registered_models",
    "model_inputs",
    "model_outputs",
    "logged_models",
    "dataset_inputs",
    "datasets",
    "runs",
)
_few = st.integers(0, 3)
_maybe = st.none() | _few


class World(NamedTuple):
    """Numbers of things, and which came of which. Models and versions name others by number."""

    uses: frozenset[tuple[int, int]]
    """(data set, run)"""
    reads: frozenset[tuple[int, int]]
    """(model, run)"""
    writes: frozenset[tuple[int, int]]
    """(run, model)"""
    makers: tuple[int | None, ...]
    """For each model the run that it names as its source."""
    versions: tuple[tuple[int | None, int | None, int | None], ...]
    """(model, run, the version copied)"""
    deployments: tuple[int, ...]
    """The version of each."""

    def edges(self) -> set[Triple]:
        """All of them, as the store should tell them."""
        found = {(f"dataset:set{d}@d", f"run:r{r}", "used") for d, r in self.uses}
        found |= {(f"logged_model:m-{m}", f"run:r{r}", "used") for m, r in self.reads}
        found |= {(f"run:r{r}", f"logged_model:m-{m}", "made") for r, m in self.writes}
        found |= {
            (f"run:r{r}", f"logged_model:m-{m}", "made")
            for m, r in enumerate(self.makers)
            if r is not None
        }
        for number, (model, run, original) in enumerate(self.versions):
            to = f"model_version:model/{number + 1}"
            if original is not None and original < len(self.versions):
                found.add((f"model_version:model/{original + 1}", to, "copied to"))
                continue
            if model is not None:
                found.add((f"logged_model:m-{model}", to, "registered as"))
            if run is not None and (model is None or self.makers[model] != run):
                found.add((f"run:r{run}", to, "registered as"))
        for number, version in enumerate(self.deployments):
            source = f"model_version:model/{version + 1}"
            found.add((source, f"deployment:{number}", "deployed as"))
        return found


def worlds() -> st.SearchStrategy[World]:
    pairs = st.frozensets(st.tuples(_few, _few), max_size=6)
    return st.builds(
        World,
        uses=pairs,
        reads=pairs,
        writes=pairs,
        makers=st.tuples(_maybe, _maybe, _maybe, _maybe),
        versions=st.lists(st.tuples(_maybe, _maybe, _maybe), max_size=5).map(tuple),
        deployments=st.lists(_few, max_size=3).map(tuple),
    )


def reached(edges: set[Triple], start: str, *, up: bool, depth: int) -> set[str]:
    """What lies in one direction, so many edges away."""
    found, border = {start}, {start}
    for _ in range(depth):
        border = {
            source if up else target
            for source, target, _ in edges
            if (target if up else source) in border
        } - found
        found |= border
    return found


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlStore]:
    folder: Path = tmp_path_factory.mktemp("lineage")
    store = open_sql_store(f"sqlite:///{folder}/assay.db")
    yield store
    store.close()


def build(conn: Connection, world: World) -> None:
    """Write a world straight into the tables."""

    def insert(table: str, **values: Any) -> None:
        marks = ", ".join("?" * len(values))
        Sql(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})").run(
            conn, *values.values()
        )

    for table in _TABLES:
        Sql(f"DELETE FROM {table}").run(conn)
    for number in range(4):
        insert(
            "runs",
            run_id=f"r{number}",
            experiment_id="0",
            run_name="run",
            user_id="",
            status="FINISHED",
            lifecycle_stage="active",
            deleted_with_experiment=False,
            artifact_uri="",
        )
        insert(
            "datasets",
            dataset_id=str(number),
            experiment_id="0",
            name=f"set{number}",
            digest="d",
            source_type="local",
            source="",
        )
        insert(
            "logged_models",
            model_id=f"m-{number}",
            experiment_id="0",
            name="net",
            artifact_location="",
            creation_timestamp=1,
            last_updated_timestamp=1,
            source_run_id=None if world.makers[number] is None else f"r{world.makers[number]}",
            status="LOGGED_MODEL_READY",
            lifecycle_stage="active",
        )
    for dataset, run in world.uses:
        insert("dataset_inputs", run_id=f"r{run}", dataset_id=str(dataset), tags="{}")
    for model, run in world.reads:
        insert("model_inputs", run_id=f"r{run}", model_id=f"m-{model}")
    for run, model in world.writes:
        insert("model_outputs", run_id=f"r{run}", model_id=f"m-{model}", step=0)
    insert(
        "registered_models",
        registered_id=1,
        name="model",
        description="",
        creation_timestamp=1,
        last_updated_timestamp=1,
        last_version=9,
    )
    for number, (model_of, run_of, original) in enumerate(world.versions):
        insert(
            "model_versions",
            version_id=number + 1,
            registered_id=1,
            version=number + 1,
            creation_timestamp=1,
            last_updated_timestamp=1,
            description="",
            user_id="",
            current_stage="None",
            source="",
            storage_location="",
            run_id=None if run_of is None else f"r{run_of}",
            run_link="",
            model_id=None if model_of is None else f"m-{model_of}",
            status="READY",
            status_message="",
            copied_from=None if original is None else original + 1,
        )
    for number, version in enumerate(world.deployments):
        insert(
            "deployments",
            deployment_id=str(number),
            registered_id=1,
            name="model",
            version=version + 1,
            target="local",
            endpoint="",
            actor="",
            time=1,
            details="{}",
        )


@settings(max_examples=150)
@given(
    world=worlds(),
    start=st.sampled_from(
        [(NodeKind.RUN, "r0"), (NodeKind.LOGGED_MODEL, "m-1"), (NodeKind.DATASET, "set2@d")]
    ),
    direction=st.sampled_from(Direction),
    depth=st.integers(0, 6),
)
def test_graph_is_what_a_plain_walk_finds(
    store: SqlStore,
    world: World,
    start: tuple[NodeKind, str],
    direction: Direction,
    depth: int,
) -> None:
    store.database.write(lambda conn: build(conn, world))
    graph = SqlLineage(store.database).graph(*start, direction=direction, depth=depth)
    edges, first = world.edges(), f"{start[0].value}:{start[1]}"
    expected = set()
    if direction is not Direction.DOWNSTREAM:
        expected |= reached(edges, first, up=True, depth=depth)
    if direction is not Direction.UPSTREAM:
        expected |= reached(edges, first, up=False, depth=depth)
    assert {f"{node.kind.value}:{node.id}" for node in graph.nodes} == expected
    assert len(graph.nodes) == len(expected)
    found = [(edge.source, edge.target, edge.relation) for edge in graph.edges]
    assert len(found) == len(set(found))
    assert set(found) <= {e for e in edges if e[0] in expected and e[1] in expected}
    if direction is not Direction.BOTH:
        inside = {e for e in edges if e[0] in expected and e[1] in expected}
        assert set(found) == inside
