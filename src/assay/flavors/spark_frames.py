"""Predictions of Spark ML models, from pandas frames and to lists."""

from __future__ import annotations

from importlib import import_module
from typing import Any

PREDICTION = "prediction"
"""Column that Spark's models write unless they are told otherwise."""


def local_session() -> Any:
    """The active Spark session, or a local one with a single thread that is started now."""
    sql = import_module("pyspark.sql")
    active = sql.SparkSession.getActiveSession()
    if active is not None:
        return active
    return (
        sql.SparkSession.builder.master("local[1]")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        # Inside a worker of Spark a session must be asked for.
        .config("spark.executor.allowSparkContext", "true")
        .getOrCreate()
    )


class SparkPredictor:
    """The pyfunc face of a Spark ML model."""

    def __init__(self, model: Any, *, connect: bool) -> None:
        self._model, self._connect = model, connect

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        """One value a row: the column ``prediction``, else the output of the last stage.

        Vectors come as lists of floats. A column of lists that a stage wants as a vector is made
        one.
        """
        if self._connect:
            return self._model.transform(data.copy(deep=False))[PREDICTION]
        frame = data if _is_spark(data) else local_session().createDataFrame(_plain(data))
        answer = self._model.transform(_with_vectors(frame, self._model))
        column = self._column(answer.columns)
        return [_value(row[0]) for row in answer.select(column).collect()]

    def _column(self, columns: list[str]) -> str:
        if PREDICTION in columns:
            return PREDICTION
        last = self._model.stages[-1] if getattr(self._model, "stages", None) else self._model
        for name in ("predictionCol", "outputCol"):
            if last.hasParam(name):
                return str(last.getOrDefault(name))
        return columns[-1]


def _is_spark(data: Any) -> bool:
    return type(data).__module__.startswith("pyspark.sql.")


def _plain(data: Any) -> Any:
    """The frame with arrays in cells as lists of floats, whose type Spark can tell."""
    import numpy as np

    frame = data.copy(deep=False)
    for name in frame.columns:
        first = next(iter(frame[name]), None)
        if isinstance(first, np.ndarray | list):
            frame[name] = [_floats(cell) for cell in frame[name]]
    return frame


def _floats(cell: Any) -> Any:
    if not all(isinstance(one, int | float) or hasattr(one, "dtype") for one in cell):
        return list(cell)
    return [float(one) for one in cell]


def _with_vectors(frame: Any, model: Any) -> Any:
    functions, types = import_module("pyspark.ml.functions"), import_module("pyspark.sql.types")

    stages = getattr(model, "stages", None) or [model]
    wanted = {
        str(stage.getOrDefault("featuresCol")) for stage in stages if stage.hasParam("featuresCol")
    }
    doubles = {types.ArrayType(types.DoubleType(), nulls) for nulls in (True, False)}
    for field in frame.schema.fields:
        if field.name in wanted and field.dataType in doubles:
            frame = frame.withColumn(field.name, functions.array_to_vector(field.name))
    return frame


def _value(cell: Any) -> Any:
    """Vectors of Spark as lists."""
    return cell.toArray().tolist() if hasattr(cell, "toArray") else cell
