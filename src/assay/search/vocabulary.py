"""What can be searched on which entity: prefixes, attributes, types, comparators.

MLflow's parsers differ a little from entity to entity (``mlflow/utils/search_utils.py`` and
``search_logged_model_utils.py`` of 3.17); here each difference is a line of a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from assay.entities.model_versions import STAGES
from assay.search.tree import Comparator, FieldKind

C = Comparator

EQUALITY = frozenset({C.EQ, C.NE})
NUMERIC = EQUALITY | {C.LT, C.LE, C.GT, C.GE}
PATTERN = EQUALITY | {C.LIKE, C.ILIKE}
LIST = frozenset({C.IN, C.NOT_IN})
PRESENCE = frozenset({C.IS_NULL, C.IS_NOT_NULL})


class ValueType(StrEnum):
    """What an attribute holds."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"
    """Milliseconds since the epoch; takes ISO dates and ``now - 7d`` too."""
    DURATION = "duration"
    """Milliseconds; takes ``90s`` or ``2h`` too."""


class Attribute(msgspec.Struct, frozen=True):
    """One attribute of an entity."""

    type: ValueType = ValueType.TEXT
    comparators: frozenset[Comparator] = PATTERN
    synonyms: Mapping[str, str] = {}
    """Other spellings of its values."""
    several: bool = False
    """An entity may have any number of it: a comparison holds if one fits, and nothing is ordered
    by it.
    """


class Vocabulary(msgspec.Struct, frozen=True):
    """The searchable fields of one entity."""

    entity: str
    """Plural, for messages."""
    prefixes: Mapping[str, FieldKind]
    attributes: Mapping[str, Attribute]
    comparators: Mapping[FieldKind, frozenset[Comparator]]
    """Of keyed kinds: metrics, params, tags, datasets."""
    aliases: Mapping[str, str] = {}
    """Other names of attributes."""
    orderable: frozenset[FieldKind] = frozenset({FieldKind.ATTRIBUTE})
    numeric_params: bool = False
    """Whether a param compares as a number with one; else a bare number means its own text."""
    point_figures: bool = False
    """Whether metrics have the figures that are read from their points."""


_time = Attribute(ValueType.TIME, NUMERIC)
_text = Attribute()
_nominal = Attribute(comparators=EQUALITY | LIST)
_listable = Attribute(comparators=PATTERN | LIST)

_METRIC_PREFIXES = {"metric": FieldKind.METRIC, "metrics": FieldKind.METRIC}
_PARAM_PREFIXES = dict.fromkeys(("param", "params", "parameter", "parameters"), FieldKind.PARAM)
_TAG_PREFIXES = {"tag": FieldKind.TAG, "tags": FieldKind.TAG}
_RUN_PREFIXES = dict.fromkeys(("attr", "attribute", "attributes", "run"), FieldKind.ATTRIBUTE)
_DATASET_PREFIXES = {"dataset": FieldKind.DATASET, "datasets": FieldKind.DATASET}

DATASET_KEYS = ("name", "digest", "context")

RUNS = Vocabulary(
    entity="runs",
    prefixes=_METRIC_PREFIXES | _PARAM_PREFIXES | _TAG_PREFIXES | _RUN_PREFIXES | _DATASET_PREFIXES,
    attributes={
        "run_id": _listable,
        "run_name": _text,
        "user_id": _text,
        "status": _text,
        "artifact_uri": _text,
        "start_time": _time,
        "end_time": _time,
        "duration": Attribute(ValueType.DURATION, NUMERIC),
    },
    aliases={
        "created": "start_time",
        "Created": "start_time",
        "run name": "run_name",
        "Run name": "run_name",
        "Run Name": "run_name",
    },
    comparators={
        FieldKind.METRIC: NUMERIC,
        FieldKind.PARAM: PATTERN | PRESENCE,
        FieldKind.TAG: PATTERN | PRESENCE,
        FieldKind.DATASET: PATTERN | LIST,
    },
    orderable=frozenset(
        {FieldKind.ATTRIBUTE, FieldKind.METRIC, FieldKind.PARAM, FieldKind.TAG},
    ),
    numeric_params=True,
    point_figures=True,
)

EXPERIMENTS = Vocabulary(
    entity="experiments",
    prefixes={"attribute": FieldKind.ATTRIBUTE, **_TAG_PREFIXES},
    attributes={
        "name": _text,
        "experiment_id": _nominal,
        "creation_time": _time,
        "last_update_time": _time,
    },
    comparators={FieldKind.TAG: PATTERN | PRESENCE},
)

LOGGED_MODELS = Vocabulary(
    entity="logged models",
    prefixes={
        "attributes": FieldKind.ATTRIBUTE,
        "metrics": FieldKind.METRIC,
        "params": FieldKind.PARAM,
        "tags": FieldKind.TAG,
    },
    attributes={
        "name": _listable,
        "model_id": _listable,
        "model_type": _listable,
        "source_run_id": _listable,
        "status": Attribute(
            comparators=PATTERN | LIST,
            synonyms={
                "UNSPECIFIED": "LOGGED_MODEL_STATUS_UNSPECIFIED",
                "PENDING": "LOGGED_MODEL_PENDING",
                "READY": "LOGGED_MODEL_READY",
                "FAILED": "LOGGED_MODEL_UPLOAD_FAILED",
            },
        ),
        "creation_timestamp": _time,
        "last_updated_timestamp": _time,
    },
    aliases={
        "creation_time": "creation_timestamp",
        "last_updated_time": "last_updated_timestamp",
    },
    comparators={
        FieldKind.METRIC: NUMERIC,
        FieldKind.PARAM: PATTERN | LIST | PRESENCE,
        FieldKind.TAG: PATTERN | LIST | PRESENCE,
    },
    orderable=frozenset({FieldKind.ATTRIBUTE, FieldKind.METRIC}),
)

_REGISTRY_TIMES = {
    "creation_time": "creation_timestamp",
    "last_updated_time": "last_updated_timestamp",
    "timestamp": "last_updated_timestamp",
}
_REGISTRY_PREFIXES = {
    "attribute": FieldKind.ATTRIBUTE,
    "attributes": FieldKind.ATTRIBUTE,
    **_TAG_PREFIXES,
}
_number = Attribute(ValueType.NUMBER, NUMERIC)
_alias = Attribute(comparators=PATTERN | LIST | PRESENCE, several=True)
_stage = Attribute(comparators=PATTERN | LIST, synonyms={stage.lower(): stage for stage in STAGES})

REGISTERED_MODELS = Vocabulary(
    entity="registered models",
    prefixes=_REGISTRY_PREFIXES,
    attributes={
        "name": _listable,
        "alias": _alias,
        "description": _text,
        "creation_timestamp": _time,
        "last_updated_timestamp": _time,
    },
    aliases=_REGISTRY_TIMES,
    comparators={FieldKind.TAG: PATTERN | PRESENCE},
)

MODEL_VERSIONS = Vocabulary(
    entity="model versions",
    prefixes=_REGISTRY_PREFIXES,
    attributes={
        "name": _listable,
        "version_number": _number,
        "run_id": _listable,
        "model_id": _listable,
        "source_path": _text,
        "alias": _alias,
        "current_stage": _stage,
        "description": _text,
        "user_id": _text,
        "status": _listable,
        "creation_timestamp": _time,
        "last_updated_timestamp": _time,
    },
    aliases={
        "version": "version_number",
        "source": "source_path",
        "stage": "current_stage",
        **_REGISTRY_TIMES,
    },
    comparators={FieldKind.TAG: PATTERN | PRESENCE},
)
