"""Search for logged models: by default the latest made first, ties by model id.

A model's metrics are the last values of all series linked to it, of any run and data set: a
comparison holds if one of them fits, an order takes the one logged last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    and_,
    exists,
    or_,
    select,
    true,
)

from assay.entities.ids import ExperimentId, ModelId
from assay.entities.lifecycle import LifecycleStage, ViewType
from assay.errors import InvalidInput
from assay.search.parse import parse_filter, parse_order_by
from assay.search.tree import Field, FieldKind, Figure
from assay.search.vocabulary import LOGGED_MODELS, ValueType
from assay.store.base import ModelOrder, Query
from assay.store.sql import tables
from assay.store.sql.search.conditions import (
    Condition,
    Dialect,
    Source,
    alias,
    compile_tree,
    names_metrics,
    one_of,
    sorted_text,
)
from assay.store.sql.search.order import OrderColumn
from assay.store.sql.search.pages import Phase, check_max_results, open_start, read_page

Datasets = Sequence[tuple[str, str | None]]

_NULLABLE = frozenset({"model_type", "source_run_id"})


def search_models(
    conn: Connection,
    experiment_ids: Sequence[ExperimentId],
    query: Query,
    datasets: Datasets = (),
    order: Sequence[ModelOrder] = (),
) -> tuple[list[ModelId], str | None]:
    """Ids of the logged models that match, in order, and the token of the next page.

    Args:
        conn: where to read.
        experiment_ids: of these experiments only.
        query: ``order_by`` counts where ``order`` is empty.
        datasets: name and digest (``None``: any) of data sets. The filter sees only metrics on
        them; if it
            names no metric, models without a metric on them don't match.
        order: as MLflow's route takes it.

    Raises:
        InvalidFilter: filter or order don't parse.
        InvalidPageToken: the token is damaged or of another query.
        InvalidInput: ``max_results`` is out of range, or an order has a digest without a name.
    """
    check_max_results(query.max_results)
    tree = parse_filter(query.filter, LOGGED_MODELS)
    models = alias(tables.logged_models, "m")
    dialect = cast(Dialect, conn.dialect.name)
    columns = _order_columns(order or _from_text(query.order_by), models, dialect)
    scope = sorted(set(experiment_ids))
    start = open_start(
        query,
        entity="logged models",
        scope=[scope, list(datasets), list(order)],
        types=[column.type for column in columns],
    )
    if not scope:
        return [], None
    source = Source(
        dialect=dialect,
        owner=models.c.model_id,
        attributes={name: models.c[name] for name in LOGGED_MODELS.attributes},
        params=tables.logged_model_params,
        tags=tables.logged_model_tags,
        owner_column="model_id",
        metric_rows=lambda rows: and_(_of_model(rows, models), _on(rows, datasets)),
        now_ms=start.now_ms,
    )
    conditions: list[Condition] = [
        one_of(models.c.experiment_id, scope, dialect),
        compile_tree(tree, source),
    ]
    if query.view is not ViewType.ALL:
        active = query.view is ViewType.ACTIVE_ONLY
        stage = LifecycleStage.ACTIVE if active else LifecycleStage.DELETED
        conditions.append(models.c.lifecycle_stage == stage)
    if datasets and not names_metrics(tree):
        rows = alias(tables.metric_summaries, "s")
        conditions.append(exists().where(_of_model(rows, models), _on(rows, datasets)))
    phase = Phase(ident=models.c.model_id, tables=models, conditions=conditions, columns=columns)
    ids, token = read_page(conn, [phase], start=start, max_results=query.max_results)
    return cast("list[ModelId]", ids), token


def _of_model(rows: FromClause, models: FromClause) -> Condition:
    # The second half is what the index of linked series is made for: most series have no model.
    return and_(rows.c.model_id == models.c.model_id, rows.c.model_id != "")


def _on(rows: FromClause, datasets: Datasets) -> Condition:
    if not datasets:
        return true()
    return or_(
        *(
            and_(
                rows.c.dataset_name == name,
                true() if digest is None else rows.c.dataset_digest == digest,
            )
            for name, digest in datasets
        )
    )


def _from_text(order_by: Sequence[str]) -> list[ModelOrder]:
    return [
        ModelOrder(
            field_name=f"metrics.{term.field.key}"
            if term.field.kind is FieldKind.METRIC
            else term.field.key,
            ascending=not term.descending,
        )
        for term in parse_order_by(order_by, LOGGED_MODELS)
    ]


def _order_columns(
    order: Sequence[ModelOrder], models: FromClause, dialect: Dialect
) -> list[OrderColumn]:
    columns: dict[tuple[str, str | None, str | None], OrderColumn] = {}
    for term in order:
        field = _field(term)
        key = (f"{field.kind}.{field.key}", term.dataset_name, term.dataset_digest)
        if key in columns:
            raise InvalidInput(f"The order names {term.field_name!r} twice.")
        if field.kind is FieldKind.METRIC:
            columns[key] = _metric_column(field, term, models)
        else:
            columns[key] = _attribute_column(
                field.key, models, dialect, descending=not term.ascending
            )
    named = {key[0] for key in columns}
    result = list(columns.values())
    if "attribute.creation_timestamp" not in named:
        result.append(OrderColumn(models.c.creation_timestamp, int, descending=True))
    if "attribute.model_id" not in named:
        result.append(OrderColumn(sorted_text(models.c.model_id, dialect), str))
    return result


def _field(term: ModelOrder) -> Field:
    """The field that MLflow's route names: ``metrics.<key>``, where all behind the dot is the
    key.
    """
    if term.dataset_digest and not term.dataset_name:
        raise InvalidInput(
            "`dataset_digest` can only be specified if `dataset_name` is also specified."
        )
    name = term.field_name.strip()
    prefix, dot, key = name.partition(".")
    if dot and prefix == "metrics" and key:
        return Field(FieldKind.METRIC, key)
    name = LOGGED_MODELS.aliases.get(name, name)
    if name not in LOGGED_MODELS.attributes:
        known = ", ".join(sorted(LOGGED_MODELS.attributes))
        raise InvalidInput(
            f"Invalid order by field name: {term.field_name!r}. Logged models are ordered by"
            f" metrics.<key> or one of {known}."
        )
    return Field(FieldKind.ATTRIBUTE, name)


def _attribute_column(
    name: str, models: FromClause, dialect: Dialect, *, descending: bool
) -> OrderColumn:
    column: ColumnElement[Any] = models.c[name]
    if LOGGED_MODELS.attributes[name].type is not ValueType.TEXT:
        return OrderColumn(column, int, descending=descending)
    return OrderColumn(
        sorted_text(column, dialect), str, descending=descending, nullable=name in _NULLABLE
    )


def _metric_column(field: Field, term: ModelOrder, models: FromClause) -> OrderColumn:
    rows = alias(tables.metric_summaries, "s")
    wanted = and_(_of_model(rows, models), rows.c.key == field.key)
    if term.dataset_name:
        wanted = and_(wanted, _on(rows, [(term.dataset_name, term.dataset_digest or None)]))
    latest = (
        select(rows.c[Figure.LAST])
        .where(wanted)
        .order_by(rows.c.last_timestamp.desc(), rows.c.last_step.desc(), rows.c.run_id)
        .limit(1)
        .scalar_subquery()
    )
    return OrderColumn(
        latest, float, descending=not term.ascending, nullable=True, present=exists().where(wanted)
    )
