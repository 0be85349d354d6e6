"""Spark ML models: ``PipelineModel`` and other transformers that Spark can write.

Files as ``mlflow.spark`` of MLflow 3 has them: Spark's own persistence (JSON and Parquet), below
``sparkml/``. It names the class of each stage; those that are no part of Spark count as code, and
so does SQL, which can call any method of the JVM. The pyfunc face uses the active Spark session,
or starts a local one.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

from assay.errors import InvalidInput, InvalidModel
from assay.flavors.base import Flavor, Predictor, Saved, framework
from assay.flavors.spark_frames import SparkPredictor, local_session
from assay.models.folder import inside

DATA: Final = "sparkml"
DFS_FOLDER: Final = "/tmp/mlflow"  # noqa: S108 - MLflow's default, on the cluster's file system
_CONNECT: Final = "pyspark.ml.connect."
_OWN_CLASS: Final = re.compile(r"(org\.apache\.spark|pyspark)\.ml(\.[a-z]\w*)*\.[A-Z]\w*")
_SQL: Final = "SQLTransformer"


class SparkFlavor(Flavor):
    """``spark``."""

    name: ClassVar[str] = "spark"
    title: ClassVar[str] = "Spark ML"
    packages: ClassVar[tuple[str, ...]] = ("pyspark",)
    loader_module: ClassVar[str] = "mlflow.spark"
    argument: ClassVar[str] = "spark_model"

    def save(
        self, model: Any, folder: Path, *, dfs_tmpdir: str | None = None, **options: Any
    ) -> Saved:
        """Write a pipeline of the model; ``dfs_tmpdir`` is where clusters write it first."""
        if options:
            raise InvalidInput(f"Spark ML models have no option {sorted(options)[0]!r}.")
        pyspark = framework("pyspark", flavor=self)
        if self._is_connect(model):
            model.saveToLocal(str(folder / DATA))
        else:
            model = self._as_pipeline(model)
            self._write(model, folder / DATA, dfs_tmpdir or DFS_FOLDER)
        kind = type(model)
        facts = {
            "pyspark_version": pyspark.__version__,
            "model_data": DATA,
            "code": None,
            "model_class": f"{kind.__module__}.{kind.__qualname__}",
        }
        return Saved(facts, {"data": DATA})

    def load(
        self,
        folder: Path,
        facts: Mapping[str, Any],
        *,
        dfs_tmpdir: str | None = None,
        **options: Any,
    ) -> Any:
        """The ``PipelineModel``, in the active session or a local one that is started for it."""
        if options:
            raise InvalidInput(f"Spark ML models have no option {sorted(options)[0]!r}.")
        known = {"spark_version": facts.get("pyspark_version")}
        framework("pyspark", flavor=self, facts=known)
        data = inside(folder, facts.get("model_data") or DATA).resolve()
        try:
            if _is_connect_class(facts):
                return self._load_connect(data, str(facts["model_class"]))
            spark = local_session()
            place = _shared_place(spark, data, dfs_tmpdir or DFS_FOLDER)
            return framework("pyspark.ml", flavor=self).PipelineModel.load(place)
        except (ImportError, MemoryError):
            raise
        except Exception as error:
            raise InvalidModel(
                str(folder), f"Spark can't read {DATA}: {_first_line(error)}"
            ) from error

    def hazards(self, folder: Path, facts: Mapping[str, Any]) -> list[str]:
        """Stages whose class is not Spark's own, and SQL."""
        data = inside(folder, facts.get("model_data") or DATA)
        if _is_connect_class(facts):
            return [f"{data.name} holds pickles of PyTorch ({facts['model_class']})"]
        return list(dict.fromkeys(_stage_hazards(data)))

    def predictor(self, model: Any, facts: Mapping[str, Any]) -> Predictor:
        """``transform``, from and to pandas."""
        return SparkPredictor(model, connect=self._is_connect(model))

    def accepts(self, model: Any) -> bool:
        """Whether it is a model or transformer of ``pyspark.ml``."""
        return any(base.__module__.startswith("pyspark.ml.") for base in type(model).__mro__)

    def _as_pipeline(self, model: Any) -> Any:
        ml = framework("pyspark.ml", flavor=self)
        util = framework("pyspark.ml.util", flavor=self)
        if not isinstance(model, ml.Transformer) or not (
            isinstance(model, util.MLReadable) and isinstance(model, util.MLWritable)
        ):
            raise InvalidInput(
                f"Spark can't write {type(model).__name__}: it must be a fitted pyspark.ml Model or"
                " Transformer that is MLReadable and MLWritable."
            )
        return model if isinstance(model, ml.PipelineModel) else ml.PipelineModel([model])

    def _is_connect(self, model: Any) -> bool:
        return type(model).__module__.startswith(_CONNECT)

    def _load_connect(self, data: Path, name: str) -> Any:
        module, _, kind = name.rpartition(".")
        found: Any = getattr(framework(module, flavor=self), kind, None)
        base = framework("pyspark.ml.connect.base", flavor=self).Transformer
        if not (isinstance(found, type) and issubclass(found, base)):
            raise InvalidModel(str(data), f"{name} is no model of Spark Connect")
        reader: Any = found
        return reader.loadFromLocal(str(data))

    def _write(self, model: Any, place: Path, dfs: str) -> None:
        spark = local_session()
        if _is_local(spark):
            model.write().overwrite().save(f"file://{place}")
            return
        # Executors of a cluster write to a file system that all of them see.
        shared = f"{dfs.rstrip('/')}/{uuid.uuid4().hex}"
        try:
            model.write().overwrite().save(shared)
            path = _hadoop_path(spark, shared)
            _file_system(spark, path).copyToLocalFile(
                False, path, _hadoop_path(spark, str(place)), True
            )
        finally:
            path = _hadoop_path(spark, shared)
            _file_system(spark, path).delete(path, True)


def _is_connect_class(facts: Mapping[str, Any]) -> bool:
    return str(facts.get("model_class") or "").startswith(_CONNECT)


def _is_local(spark: Any) -> bool:
    return str(spark.conf.get("spark.master", "local")).startswith("local")


def _shared_place(spark: Any, data: Path, dfs: str) -> str:
    """Where Spark reads the model from; a cluster's executors don't see the driver's files."""
    if _is_local(spark):
        return f"file://{data}"
    shared = f"{dfs.rstrip('/')}/{uuid.uuid4().hex}"
    path = _hadoop_path(spark, shared)
    _file_system(spark, path).copyFromLocalFile(_hadoop_path(spark, f"file://{data}"), path)
    return shared


def _hadoop_path(spark: Any, place: str) -> Any:
    return spark.sparkContext._jvm.org.apache.hadoop.fs.Path(place)


def _file_system(spark: Any, path: Any) -> Any:
    return path.getFileSystem(spark.sparkContext._jsc.hadoopConfiguration())


def _stage_hazards(data: Path) -> Iterator[str]:
    for path in sorted(path for path in data.rglob("*") if path.is_file()):
        below = path.relative_to(data)
        # Spark passes over files that begin so, such as checksums and the mark of success.
        if "metadata" not in below.parts or path.name.startswith((".", "_")):
            continue
        name = f"{data.name}/{below.as_posix()}"
        try:
            lines = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line]
            classes = [str(line["class"]) for line in lines]
        except (ValueError, KeyError, TypeError, RecursionError):
            yield f"{name} can't be read as the description of a stage"
            continue
        for one in classes:
            if not _OWN_CLASS.fullmatch(one):
                yield f"{name} names the class {one!r}"
            elif one.endswith(_SQL):
                yield f"{name} runs SQL, which can call Java"


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
