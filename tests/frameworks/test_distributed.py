"""Prediction in workers of engines: real local Spark, Ray and Dask, started and ended here."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import assay
from assay.errors import InvalidInput, UntrustedModel
from assay.flavors.base import flavor_named
from assay.fluent.load_model import load_pyfunc
from assay.fluent.map_batches import map_batches
from assay.fluent.model_in_workers import model_in_worker, refer_to
from assay.fluent.spark_udf import spark_udf
from assay.models.saving import Extras, save
from tests.frameworks.flavor_checks import unsigned

pytestmark = [
    pytest.mark.filterwarnings(
        "ignore::DeprecationWarning",
        "ignore::FutureWarning",
        "ignore::UserWarning",
        "ignore::ResourceWarning",
        "ignore::pytest.PytestUnraisableExceptionWarning",
    ),
    pytest.mark.slow,
]
_SOURCES = os.pathsep.join(filter(None, (str(Path(p).resolve()) for p in sys.path if p)))


def frame(rows: int = 10) -> pd.DataFrame:
    numbers = np.arange(rows, dtype=float)
    return pd.DataFrame({"a": numbers, "b": numbers[::-1].copy(), "label": ["x"] * rows})


@cache
def regressor() -> Any:
    from sklearn.linear_model import LinearRegression

    data = frame()
    return LinearRegression().fit(data[["a", "b"]], data["a"] * 2)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two columns in, one number out."""
    return _saved(tmp_path_factory.mktemp("regressor") / "m", regressor())


@pytest.fixture(scope="module")
def chances(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two columns in, a row of two numbers out."""
    from sklearn.linear_model import LogisticRegression

    data = frame()
    fitted = LogisticRegression().fit(data[["a", "b"]], data["a"] > 4)
    place = tmp_path_factory.mktemp("chances") / "m"
    return _saved(place, fitted, pyfunc_predict_fn="predict_proba")


@pytest.fixture(scope="module")
def counting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose loading leaves a file for each process, and whose answer is a frame."""
    root = tmp_path_factory.mktemp("counting")
    (root / "loads").mkdir()

    class Counting(assay.pyfunc.PythonModel):
        def load_context(self, context: Any) -> None:
            name = f"{os.getpid()}-{os.urandom(4).hex()}"
            Path(self.place, name).touch()

        def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
            factor = (params or {}).get("factor", 1.0)
            total = (model_input["a"] + model_input["b"]) * factor
            return pd.DataFrame({"total": total, "even": model_input["a"] % 2 == 0})

    made = Counting()
    made.place = str(root / "loads")  # type: ignore[attr-defined]
    example = (frame()[["a", "b"]], {"factor": 1.0})
    save(
        made,
        flavor_named("python_function"),
        root / "m",
        extras=Extras(input_example=example, pip_requirements=["pandas"]),
    )
    return root / "m"


def _saved(place: Path, fitted: Any, **options: Any) -> Path:
    extras = Extras(input_example=frame()[["a", "b"]], pip_requirements=["scikit-learn"])
    save(fitted, flavor_named("sklearn"), place, extras=extras, options=options)
    return place


def forget_loads(counting: Path) -> Path:
    loads = counting.parent / "loads"
    for one in loads.iterdir():
        one.unlink()
    return loads


class TestSpark:
    @pytest.fixture(scope="class")
    def spark(self, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
        pyspark = importlib.import_module("pyspark.sql")
        work = tmp_path_factory.mktemp("spark")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
            patch.setenv("PYSPARK_PYTHON", sys.executable)
            patch.setenv("PYTHONPATH", _SOURCES)
            session = (
                pyspark.SparkSession.builder.master("local[2]")
                .config("spark.ui.enabled", "false")
                .config("spark.driver.host", "127.0.0.1")
                .config("spark.driver.bindAddress", "127.0.0.1")
                .config("spark.sql.warehouse.dir", str(work))
                .config("spark.local.dir", str(work))
                .getOrCreate()
            )
            session.sparkContext.setLogLevel("OFF")
            yield session
            session.stop()

    @pytest.fixture
    def rows(self, spark: Any) -> Any:
        return spark.createDataFrame(frame()).repartition(2)

    def test_struct_of_columns_gives_a_column_of_numbers(
        self, spark: Any, rows: Any, model: Path
    ) -> None:
        from pyspark.sql.functions import struct

        predict = spark_udf(spark, model)

        found = rows.withColumn("p", predict(struct("b", "a"))).orderBy("a").toPandas()

        assert found["p"].tolist() == pytest.approx([2.0 * one for one in range(10)])

    def test_columns_come_from_the_signature_or_one_by_one(
        self, spark: Any, rows: Any, model: Path
    ) -> None:
        predict = spark_udf(spark, model, result_type="float")

        found = rows.select(predict().alias("p"), predict("a", "b").alias("q"), "a").toPandas()

        assert found["p"].dtype == np.float32
        assert found["p"].tolist() == found["q"].tolist()
        assert found["p"].tolist() == pytest.approx((found["a"] * 2).tolist())

    @pytest.mark.parametrize(
        "result_type", ["double", "float", "string", "array<double>", "array<float>"]
    )
    def test_named_result_types_are_those_of_mlflow(
        self, spark: Any, rows: Any, chances: Path, result_type: str
    ) -> None:
        import mlflow
        from pyspark.sql.functions import struct

        ours = spark_udf(spark, chances, result_type=result_type)
        theirs = mlflow.pyfunc.spark_udf(
            spark, str(chances), result_type=result_type, env_manager="local"
        )
        given = struct("a", "b")

        found = rows.select(ours(given).alias("o"), theirs(given).alias("t")).toPandas()

        assert [str(one) for one in found["o"]] == [str(one) for one in found["t"]]

    def test_rows_of_numbers_are_arrays_without_a_type(
        self, spark: Any, rows: Any, chances: Path
    ) -> None:
        predict = spark_udf(spark, chances)

        found = rows.select(predict().alias("p")).toPandas()["p"]

        assert [len(one) for one in found] == [2] * 10
        assert [sum(one) for one in found] == pytest.approx([1.0] * 10)

    def test_named_outputs_are_a_struct_and_params_are_passed(
        self, spark: Any, rows: Any, counting: Path
    ) -> None:
        predict = spark_udf(spark, counting, params={"factor": 2.0})

        found = rows.select(predict().alias("p")).select("p.*").toPandas()

        assert found["total"].tolist() == [18.0] * 10
        assert found["even"].sum() == 5

    def test_model_is_loaded_once_in_each_python_worker(self, spark: Any, counting: Path) -> None:
        predict = spark_udf(spark, counting, result_type="double")
        loads = forget_loads(counting)
        rows = spark.createDataFrame(frame(100)).repartition(8)

        for _ in range(2):
            rows.select(predict("a", "b")).collect()

        processes = [one.name.split("-")[0] for one in loads.iterdir()]
        assert 1 <= len(processes) <= 4
        assert len(processes) == len(set(processes))

    def test_type_that_no_prediction_fits_is_told(self, spark: Any, rows: Any, model: Path) -> None:
        predict = spark_udf(spark, model, result_type="boolean")

        with pytest.raises(Exception, match="fits BooleanType"):
            rows.select(predict()).collect()

    def test_what_spark_does_not_know_is_refused(self, spark: Any, model: Path) -> None:
        with pytest.raises(InvalidInput, match="no type of Spark"):
            spark_udf(spark, model, result_type="no type")
        with pytest.raises(InvalidInput, match="env_manager"):
            spark_udf(spark, model, env_manager="conda")

    def test_trust_is_decided_by_the_driver(
        self, spark: Any, rows: Any, counting: Path, tmp_path: Path
    ) -> None:
        import shutil

        stranger = shutil.copytree(counting, tmp_path / "m")
        unsigned(stranger)

        with pytest.raises(UntrustedModel):
            spark_udf(spark, stranger)
        predict = spark_udf(spark, stranger, result_type="double", trust=True)

        assert rows.select(predict()).count() == 10


class TestRay:
    @pytest.fixture(scope="class")
    def ray(self) -> Iterator[Any]:
        module = importlib.import_module("ray")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
            patch.setenv("PYTHONPATH", _SOURCES)
            module.init(
                num_cpus=2,
                include_dashboard=False,
                log_to_driver=False,
                object_store_memory=100 << 20,
                _node_ip_address="127.0.0.1",
            )
            module.data.DataContext.get_current().enable_progress_bars = False
            yield module
            module.shutdown()

    def test_predictions_stand_beside_the_columns(self, ray: Any, model: Path) -> None:
        data = ray.data.from_pandas(frame())

        found = map_batches(model, data, batch_size=4, concurrency=1).to_pandas()

        assert sorted(found.columns) == ["a", "b", "label", "prediction"]
        assert found["prediction"].tolist() == pytest.approx((found["a"] * 2).tolist())

    def test_rows_of_numbers_and_few_kept_columns(self, ray: Any, chances: Path) -> None:
        data = ray.data.from_pandas(frame())

        found = map_batches(
            chances, data, keep_columns=["label"], output_column="p", concurrency=1
        ).to_pandas()

        assert list(found.columns) == ["label", "p"]
        assert [len(one) for one in found["p"]] == [2] * 10

    def test_each_actor_loads_the_model_once(self, ray: Any, counting: Path) -> None:
        data = ray.data.from_pandas([frame(50) for _ in range(4)])
        loads = forget_loads(counting)

        found = map_batches(
            counting, data, batch_size=5, concurrency=2, params={"factor": 3.0}
        ).to_pandas()

        assert len(found) == 200
        assert set(found["total"]) == {147.0}
        processes = [one.name.split("-")[0] for one in loads.iterdir()]
        assert 1 <= len(processes) <= 2
        assert len(processes) == len(set(processes))

    def test_missing_columns_are_told_at_once(self, ray: Any, model: Path) -> None:
        data = ray.data.from_pandas(frame()[["a", "label"]])

        with pytest.raises(InvalidInput, match="lacks the columns b"):
            map_batches(model, data)


class TestDask:
    @pytest.fixture(scope="class")
    def cluster(self) -> Iterator[Any]:
        distributed = importlib.import_module("distributed")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PYTHONPATH", _SOURCES)
            with (
                distributed.LocalCluster(
                    n_workers=2,
                    threads_per_worker=1,
                    processes=True,
                    host="127.0.0.1",
                    dashboard_address=None,
                ) as started,
                distributed.Client(started) as client,
            ):
                yield client

    def test_predictions_stand_beside_the_columns(self, cluster: Any, model: Path) -> None:
        import dask.dataframe as dd

        data = dd.from_pandas(frame(), npartitions=3)

        found = map_batches(model, data, batch_size=2)

        assert found.dtypes["prediction"] == np.float64
        assert found.compute()["prediction"].tolist() == pytest.approx([2.0 * n for n in range(10)])

    def test_each_worker_loads_the_model_once(self, cluster: Any, counting: Path) -> None:
        import dask.dataframe as dd

        data = dd.from_pandas(frame(100), npartitions=8)
        lazily = map_batches(counting, data, batch_size=7, keep_columns=False)
        loads = forget_loads(counting)

        found = [lazily.compute() for _ in range(2)]

        assert list(found[0].columns) == ["total", "even"]
        assert found[1]["total"].tolist() == [99.0] * 100
        processes = [one.name.split("-")[0] for one in loads.iterdir()]
        assert 1 <= len(processes) <= 2
        assert len(processes) == len(set(processes))

    def test_empty_partition_stays_empty(self, model: Path) -> None:
        import dask.dataframe as dd

        data = dd.from_pandas(frame(), npartitions=2)

        found = map_batches(model, data[data["a"] > 100]).compute(scheduler="synchronous")

        assert list(found.columns) == ["a", "b", "label", "prediction"]
        assert not len(found)

    def test_concurrency_is_not_ours_to_say(self, model: Path) -> None:
        import dask.dataframe as dd

        with pytest.raises(InvalidInput, match="Dask's cluster"):
            map_batches(model, dd.from_pandas(frame(), npartitions=1), concurrency=2)

    def test_column_that_is_there_already_is_told(self, model: Path) -> None:
        import dask.dataframe as dd

        data = dd.from_pandas(frame(), npartitions=1)

        with pytest.raises(InvalidInput, match="'label' is there already"):
            map_batches(model, data, output_column="label")


def test_other_datasets_are_refused(model: Path) -> None:
    with pytest.raises(InvalidInput, match="neither"):
        map_batches(model, frame())


def test_worker_without_the_folder_fetches_the_model_by_its_uri(
    model: Path, tmp_path: Path
) -> None:
    import msgspec

    reference, _ = refer_to(model)
    elsewhere = msgspec.structs.replace(reference, folder=str(tmp_path / "nowhere"))

    loaded = model_in_worker(elsewhere)

    assert loaded.predict(frame()).tolist() == load_pyfunc(model).predict(frame()).tolist()


def test_worker_refuses_another_model_at_the_same_place(
    model: Path, chances: Path, tmp_path: Path
) -> None:
    import msgspec

    from assay.errors import Corrupted

    reference, _ = refer_to(model)
    swapped = msgspec.structs.replace(reference, folder=str(chances))

    with pytest.raises(Corrupted, match="another one here"):
        model_in_worker(swapped)
