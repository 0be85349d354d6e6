"""Signatures of real tensors and of Spark's frames."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from assay.errors import InvalidInput, SignatureMismatch
from assay.models.signatures.data_types import Array, Map, Object, Property, SparkMLVector
from assay.models.signatures.enforce import enforce
from assay.models.signatures.infer import infer_schema
from assay.models.signatures.schema import ColSpec, Schema, TensorSpec

FLOATS = Schema([TensorSpec("float32", (-1, 3))])


def _torch() -> Any:
    torch = importlib.import_module("torch")
    return torch.ones(2, 3, requires_grad=True)


def _tensorflow() -> Any:
    return importlib.import_module("tensorflow").ones((2, 3))


def _jax() -> Any:
    return importlib.import_module("jax.numpy").ones((2, 3), dtype="float32")


@pytest.mark.parametrize("make", [_torch, _tensorflow, _jax])
def test_tensor_of_a_framework_gives_its_dtype_and_shape(make: Any) -> None:
    tensor = make()

    assert infer_schema(tensor) == FLOATS
    assert infer_schema({"x": tensor}) == Schema([TensorSpec("float32", (-1, 3), "x")])


@pytest.mark.parametrize("make", [_torch, _tensorflow, _jax])
def test_tensor_of_a_framework_is_enforced_as_an_array(make: Any) -> None:
    out = enforce(make(), FLOATS)

    assert isinstance(out, np.ndarray)
    assert out.tolist() == [[1.0] * 3] * 2
    with pytest.raises(SignatureMismatch, match="shape"):
        enforce(make(), Schema([TensorSpec("float32", (-1, 4))]))


def test_texts_and_half_floats_get_the_dtypes_that_numpy_has() -> None:
    torch = importlib.import_module("torch")
    tensorflow = importlib.import_module("tensorflow")

    assert infer_schema(torch.ones(2, dtype=torch.bfloat16)) == Schema(
        [TensorSpec("float32", (-1,))]
    )
    assert infer_schema(torch.ones(2, dtype=torch.bool)) == Schema([TensorSpec("bool", (-1,))])
    assert infer_schema(tensorflow.constant(["a"])) == Schema([TensorSpec("object", (-1,))])


def test_tensor_fills_the_columns_of_a_schema_by_position() -> None:
    columns = Schema([ColSpec("double", "a"), ColSpec("double", "b"), ColSpec("float", "c")])

    out = enforce(_torch(), columns)

    assert out.to_dict("list") == {"a": [1.0, 1.0], "b": [1.0, 1.0], "c": [1.0, 1.0]}


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    sql = importlib.import_module("pyspark.sql")
    session = (
        sql.SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .getOrCreate()
    )
    yield session
    session.stop()


@pytest.mark.slow
# Spark starts its Java with a fork, of which JAX warns wherever it was imported before.
@pytest.mark.filterwarnings(r"ignore:os\.fork\(\) was called:RuntimeWarning")
def test_spark_frame_gives_the_types_of_its_schema(spark: Any) -> None:
    from pyspark.ml.linalg import VectorUDT
    from pyspark.sql import types as t

    schema = t.StructType(
        [
            t.StructField("i", t.ShortType()),
            t.StructField("l", t.ArrayType(t.LongType())),
            t.StructField("m", t.MapType(t.StringType(), t.DoubleType())),
            t.StructField("o", t.StructType([t.StructField("k", t.DateType(), nullable=False)])),
            t.StructField("v", VectorUDT()),
        ]
    )
    frame = spark.createDataFrame([], schema)

    assert infer_schema(frame) == Schema(
        [
            ColSpec("integer", "i"),
            ColSpec(Array("long"), "l"),
            ColSpec(Map("double"), "m"),
            ColSpec(Object([Property("k", "datetime")]), "o"),
            ColSpec(SparkMLVector(), "v"),
        ]
    )
    with pytest.raises(InvalidInput, match="toPandas"):
        enforce(frame, Schema([ColSpec("integer", "i")]))
