"""Params of runs and logged models.

Written once, cut at MLflow's length, kept as a number too where they are one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from assay import errors
from assay.entities import limits
from assay.entities.ids import ModelId, RunId
from assay.entities.names import check_key, check_value
from assay.entities.params import Param
from assay.store.sql.statements import Sql
from assay.store.sql.tags import collect

if TYPE_CHECKING:
    from sqlalchemy import Connection

_INSERT = Sql(
    "INSERT INTO params (run_id, key, value, number) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (run_id, key) DO NOTHING"
)
_EXISTING = Sql("SELECT key, value FROM params WHERE run_id = ? AND key IN (??)")
_OF_RUNS = Sql("SELECT run_id, key, value FROM params WHERE run_id IN (??)")
_INSERT_MODEL = Sql(
    "INSERT INTO logged_model_params (model_id, key, value) VALUES (?, ?, ?)"
    " ON CONFLICT (model_id, key) DO NOTHING"
)
_EXISTING_MODEL = Sql(
    "SELECT key, value FROM logged_model_params WHERE model_id = ? AND key IN (??)"
)
_OF_MODELS = Sql("SELECT model_id, key, value FROM logged_model_params WHERE model_id IN (??)")


def parse_params(owner: str, params: Iterable[Param]) -> dict[str, str]:
    """Params of one batch: keys checked, long values cut.

    Raises:
        ParamChanged: a key comes with two values.
        InvalidInput: a key comes twice with one value, which MLflow refuses too.
    """
    parsed: dict[str, str] = {}
    for param in params:
        value = _parse_value(param.key, param.value)
        old = parsed.get(param.key)
        if old is None:
            parsed[param.key] = value
        elif old == value:
            raise errors.InvalidInput(
                f"Duplicate parameter keys have been submitted: {[param.key]}. A batch may hold"
                " one value per key."
            )
        else:
            raise errors.ParamChanged(owner, param.key, old=old, new=value)
    return parsed


def parse_param_mapping(params: Mapping[str, str]) -> dict[str, str]:
    """Params that come as a mapping: keys checked, long values cut."""
    return {key: _parse_value(key, value) for key, value in params.items()}


def _parse_value(key: str, value: str) -> str:
    check_key("param key", key)
    return check_value("param value", value)[: limits.MAX_PARAM_VALUE_LENGTH]


def read_number(value: str) -> float | None:
    """``value`` as a finite number; ``None`` if it isn't one."""
    try:
        number = float(value)
    except ValueError:
        return None
    # Python reads "1_000"; people who wrote an underscore meant text.
    return number if math.isfinite(number) and "_" not in value else None


def log_params(conn: Connection, run_id: RunId, params: Mapping[str, str]) -> None:
    """Write parsed params of a run; the same value again changes nothing.

    Raises:
        ParamChanged: one was logged before with another value.
    """
    if not params:
        return
    rows = [(run_id, key, value, read_number(value)) for key, value in params.items()]
    if _INSERT.many(conn, rows) < len(rows):
        _compare(run_id, params, _EXISTING.all(conn, run_id, list(params)), owner="run")


def log_model_params(conn: Connection, model_id: ModelId, params: Mapping[str, str]) -> None:
    """Write parsed params of a logged model; the same value again changes nothing.

    Raises:
        ParamChanged: one was logged before with another value.
    """
    if not params:
        return
    rows = [(model_id, key, value) for key, value in params.items()]
    if _INSERT_MODEL.many(conn, rows) < len(rows):
        existing = _EXISTING_MODEL.all(conn, model_id, list(params))
        _compare(model_id, params, existing, owner="logged model")


def _compare(
    ident: str, params: Mapping[str, str], existing: Iterable[tuple[str, ...]], *, owner: str
) -> None:
    for key, old in existing:
        if params[key] != old:
            raise errors.ParamChanged(ident, key, old=old, new=params[key], owner=owner)


def params_of_runs(conn: Connection, run_ids: list[RunId]) -> dict[str, dict[str, str]]:
    """The params of each run that has some."""
    return collect(_OF_RUNS.all(conn, run_ids))


def params_of_models(conn: Connection, model_ids: list[ModelId]) -> dict[str, dict[str, str]]:
    """The params of each logged model that has some."""
    return collect(_OF_MODELS.all(conn, model_ids))
