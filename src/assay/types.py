"""MLflow's names of types of schemas, for scripts that say ``mlflow.types``."""

from __future__ import annotations

from assay.models.signatures.data_types import AnyType, Array, DataType, Map, Object, Property
from assay.models.signatures.schema import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec

__all__ = [
    "AnyType",
    "Array",
    "ColSpec",
    "DataType",
    "Map",
    "Object",
    "ParamSchema",
    "ParamSpec",
    "Property",
    "Schema",
    "TensorSpec",
]
