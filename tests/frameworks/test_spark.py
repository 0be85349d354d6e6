"""Spark ML: pipelines in a real local Spark, and what the files of one may name."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from assay.errors import InvalidInput, InvalidModel, UntrustedModel
from assay.flavors.base import flavor_named
from assay.models.environments.requirements import infer_requirements
from assay.models.loading import load_native, load_pyfunc
from assay.models.mlmodel import Model
from tests.frameworks.flavor_checks import Case, FlavorContract, assert_same, told_without, unsigned

pyspark = importlib.import_module("pyspark")
pytestmark = [
    pytest.mark.filterwarnings(
        "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
    ),
    pytest.mark.slow,
]
# Spark reads these when its machine starts.
os.environ.update(SPARK_LOCAL_IP="127.0.0.1", PYSPARK_PYTHON=sys.executable)


@pytest.fixture(scope="module", autouse=True)
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from pyspark.sql import SparkSession

    work = tmp_path_factory.mktemp("spark")
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.sql.warehouse.dir", str(work))
        .config("spark.local.dir", str(work))
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()


def frame() -> pd.DataFrame:
    return pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [1.0, 0.0, 3.0, 2.0]})


def session() -> Any:
    from pyspark.sql import SparkSession

    return SparkSession.getActiveSession()


@cache
def classifier() -> Any:
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.feature import VectorAssembler

    data = session().createDataFrame(frame().assign(label=[0.0, 0.0, 1.0, 1.0]))
    assembler = VectorAssembler(inputCols=["a", "b"], outputCol="features")
    return Pipeline(stages=[assembler, LogisticRegression(maxIter=3)]).fit(data)


@cache
def regressor() -> Any:
    """A single stage, which is put into a pipeline; its column has a name of its own."""
    from pyspark.ml.feature import VectorAssembler
    from pyspark.ml.regression import LinearRegression

    data = session().createDataFrame(frame().assign(label=[0.0, 1.0, 2.0, 3.0]))
    vectors = VectorAssembler(inputCols=["a", "b"], outputCol="features").transform(data)
    return LinearRegression(predictionCol="prediction").fit(vectors)


@cache
def scaler() -> Any:
    """A pipeline whose last stage gives vectors."""
    from pyspark.ml import Pipeline
    from pyspark.ml.feature import StandardScaler, VectorAssembler

    assembler = VectorAssembler(inputCols=["a", "b"], outputCol="both")
    scaling = StandardScaler(inputCol="both", outputCol="scaled")
    return Pipeline(stages=[assembler, scaling]).fit(session().createDataFrame(frame()))


def vectors() -> pd.DataFrame:
    rows = frame().to_numpy()
    return pd.DataFrame({"features": [np.array(row) for row in rows]})


def transform(native: Any, data: pd.DataFrame, column: str = "prediction") -> list[Any]:
    from pyspark.ml.functions import array_to_vector

    given = session().createDataFrame(
        data.assign(features=[list(map(float, row)) for row in data["features"]])
        if "features" in data
        else data
    )
    if "features" in data:
        given = given.withColumn("features", array_to_vector("features"))
    rows = native.transform(given).select(column).collect()
    return [one[0].toArray().tolist() if hasattr(one[0], "toArray") else one[0] for one in rows]


CASES = [
    Case("classifier", "spark", classifier, frame, transform),
    Case("stage", "spark", regressor, vectors, transform, same_as_mlflow=False),
    Case(
        "vectors",
        "spark",
        scaler,
        frame,
        partial(transform, column="scaled"),
        same_as_mlflow=False,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
class TestSpark(FlavorContract):
    pass


def save(folder: Path) -> Path:
    CASES[0].save(folder)
    return folder


def metadata_of(folder: Path, stage: str) -> Path:
    """The description of a stage of a saved pipeline."""
    files = (folder / "sparkml" / "stages").glob(f"*{stage}*/metadata/part-*")
    return next(iter(files))


def test_column_of_predictions_may_have_any_name() -> None:
    model = classifier().copy()
    model.stages[-1].setPredictionCol("answer")

    answers = flavor_named("spark").predictor(model, {}).predict(frame())

    assert_same(answers, [0.0, 0.0, 1.0, 1.0])
    assert transform(classifier(), frame()) == answers


def test_what_spark_cannot_write_is_refused(tmp_path: Path) -> None:
    from pyspark.ml.classification import LogisticRegression

    for one in (LogisticRegression(), "a path"):
        with pytest.raises(InvalidInput, match="must be a fitted"):
            flavor_named("spark").save(one, tmp_path)


def test_path_with_spaces_and_percents_is_a_path(tmp_path: Path) -> None:
    place = tmp_path / "a b%20c"

    loaded = load_native(save(place))

    assert transform(loaded, frame()) == transform(classifier(), frame())


@pytest.mark.parametrize(
    "name", ["my.module.Stage", "org.evil.Stage", "pyspark.sql.DataFrame", "os"]
)
def test_stage_of_others_asks_for_trust(name: str, tmp_path: Path) -> None:
    path = metadata_of(unsigned(save(tmp_path / "m")), "VectorAssembler")
    described = json.loads(path.read_text())
    path.write_text(json.dumps({**described, "class": name}))

    with pytest.raises(UntrustedModel, match=name):
        load_native(tmp_path / "m", trust=False)


def test_second_description_beside_the_first_asks_for_trust(tmp_path: Path) -> None:
    path = metadata_of(unsigned(save(tmp_path / "m")), "VectorAssembler")
    described = json.loads(path.read_text())
    path.with_name("a.gz").write_bytes(b"\x1f\x8b no text")
    path.with_name("aaa").write_text(json.dumps({**described, "class": "my.Stage"}))

    with pytest.raises(UntrustedModel, match=r"a\.gz can't be read.*my\.Stage"):
        load_native(tmp_path / "m", trust=False)


def test_sql_asks_for_trust(tmp_path: Path) -> None:
    from pyspark.ml import PipelineModel
    from pyspark.ml.feature import SQLTransformer

    statement = "SELECT *, a + b AS prediction FROM __THIS__"
    case = Case(
        "sql",
        "spark",
        lambda: PipelineModel([SQLTransformer(statement=statement)]),
        frame,
        runs_code=True,
    )
    case.save(tmp_path / "m")

    with pytest.raises(UntrustedModel, match="SQL"):
        load_native(tmp_path / "m", trust=False)
    assert load_pyfunc(tmp_path / "m", trust=True).predict(frame()) == [1.0, 1.0, 5.0, 5.0]


def test_pickles_of_spark_connect_ask_for_trust(tmp_path: Path) -> None:
    model = Model.load(unsigned(save(tmp_path / "m")))
    model.flavors["spark"]["model_class"] = "pyspark.ml.connect.feature.StandardScalerModel"
    model.save(tmp_path / "m")

    with pytest.raises(UntrustedModel, match="pickles of PyTorch"):
        load_native(tmp_path / "m", trust=False)


def test_data_outside_of_the_folder_is_refused(tmp_path: Path) -> None:
    model = Model.load(unsigned(save(tmp_path / "m")))
    model.flavors["spark"]["model_data"] = "/elsewhere"
    model.save(tmp_path / "m")

    with pytest.raises(InvalidModel, match="inside"):
        load_native(tmp_path / "m", trust=True)


def test_without_pyspark_it_says_what_to_install(tmp_path: Path) -> None:
    said = told_without({"pyspark"}, save(tmp_path / "m"))

    assert len(said) == 2
    assert all(f"pip install 'pyspark=={pyspark.__version__}'" in one for one in said)


def test_inferred_requirements_name_pyspark(tmp_path: Path) -> None:
    found = infer_requirements(save(tmp_path / "m"), fallback=("pyspark",))

    assert "pyspark" in {one.split("==")[0] for one in found}
