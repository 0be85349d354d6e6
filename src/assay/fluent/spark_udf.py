"""``spark_udf``: a model as a function for columns of Spark.

It is a pandas UDF: each Python worker of Spark loads the model once, from the folder that the
driver found where both see it, else from an archive that Spark brings to its executors.
"""

from __future__ import annotations

import atexit
import importlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Tuple, Union  # noqa: UP035 - what Spark reads

import msgspec

from assay.errors import InvalidInput
from assay.fluent.model_in_workers import Reference, model_in_worker, refer_to
from assay.fluent.spark_results import in_spark_type, parse_type, type_of_outputs
from assay.models.signatures.schema import Schema


def spark_udf(
    spark: Any,
    model_uri: str | Path,
    result_type: Any = None,
    env_manager: str | None = "local",
    params: Mapping[str, Any] | None = None,
    *,
    extra_env: Mapping[str, str] | None = None,
    model_config: Mapping[str, Any] | None = None,
    trust: bool | None = None,
) -> Callable[..., Any]:
    """A function of columns, or of one struct of columns, that gives a column of predictions.

    Without arguments it takes the columns that the model's signature names. Columns given one by
    one are the signature's in its order; those of a struct have the names of its fields.

    Args:
        spark: the session.
        model_uri: as of ``load_model``.
        result_type: a type of Spark, or its DDL such as ``"double"``, ``"array<float>"`` or
            ``"label string, score double"``. A number or flag is the leftmost column that fits it,
            an array all of them; a string is the leftmost column as text. ``None``: by the outputs
            of the signature, of whose tensors the first axis is the rows; without them ``double``.
        env_manager: ``local``: the environment of Spark's workers, which must have Assay and what
            the model needs. There is no other.
        params: of each call of the model.
        extra_env: environment variables that the workers get.
        model_config: settings that replace those it was saved with.
        trust: as of ``load_model``; decided here, for the workers as well.

    Raises:
        InvalidInput: the model can't predict, or the types don't fit.
        UntrustedModel: loading would run code of others.
    """
    if env_manager not in (None, "local"):
        raise InvalidInput(
            f"env_manager must be 'local', not {env_manager!r}: Spark's workers use their own"
            " environment. `assay models env` builds the model's; start Spark with it as"
            " PYSPARK_PYTHON."
        )
    reference, model = refer_to(model_uri, trusted=trust, model_config=model_config)
    reference = _brought(spark, reference)
    outputs = model.get_output_schema()
    kind = type_of_outputs(outputs) if result_type is None else parse_type(result_type)
    run = _worker_function(
        reference,
        model.get_input_schema(),
        kind,
        params=dict(params) if params is not None else None,
        env=dict(extra_env or {}),
    )
    predict = importlib.import_module("pyspark.sql.functions").pandas_udf(run, returnType=kind)
    names = _default_columns(model.get_input_schema())

    def columns(*given: Any) -> Any:
        if not given and names is None:
            raise InvalidInput(
                "The model's signature names no columns: name those to predict from."
            )
        return predict(*(given or names or ()))

    columns.returnType = kind  # type: ignore[attr-defined] # as Spark's own functions have it
    return columns


def _default_columns(schema: Schema | None) -> list[str] | None:
    if schema is None or not schema.has_input_names():
        return None
    if schema.optional_input_names():
        # Whether the frame has those isn't known here.
        return [str(name) for name in schema.required_input_names()]
    return [str(name) for name in schema.input_names()]


def _brought(spark: Any, reference: Reference) -> Reference:
    """The reference, with the model brought to the executors where they don't see the driver's
    files.
    """
    try:
        context = spark.sparkContext
    except Exception:  # noqa: BLE001 - of Spark Connect, which has none and a kind of its own for it
        return reference
    if str(context.master).split("[")[0] == "local":
        return reference
    name = f"assay-model-{reference.key or reference.stamp}"
    # Spark's file server hands out this very file for as long as the driver lives.
    work = Path(tempfile.mkdtemp(prefix="assay-spark-"))
    atexit.register(shutil.rmtree, work, ignore_errors=True)
    context.addArchive(f"{shutil.make_archive(str(work / name), 'zip', reference.folder)}#{name}")
    return msgspec.structs.replace(reference, archive=name)


def _worker_function(
    reference: Reference,
    inputs: Schema | None,
    kind: Any,
    *,
    params: dict[str, Any] | None,
    env: dict[str, str],
) -> Callable[[Iterator[Any]], Iterator[Any]]:
    def run(batches: Iterator[Any]) -> Iterator[Any]:
        os.environ.update(env)
        files = importlib.import_module("pyspark").SparkFiles
        model = model_in_worker(reference, unpacked=files.get)
        for batch in batches:
            frame = _frame(batch, inputs)
            yield in_spark_type(model.predict(frame, params), kind, rows=frame)

    import pandas as pd

    # Spark reads these when it runs, and knows the older forms of them only.
    one: Any = Union[pd.Series, pd.DataFrame]  # noqa: UP007
    answer: Any = pd.DataFrame if type(kind).__name__ == "StructType" else pd.Series
    run.__annotations__ = {
        "batches": Iterator[Tuple[one, ...]],  # noqa: UP006
        "return": Iterator[answer],
    }
    return run


def _frame(batch: Any, inputs: Schema | None) -> Any:
    """One frame of the columns of a batch, which come as Series, and as frames where structs."""
    import pandas as pd

    parts = list(batch) if isinstance(batch, tuple) else [batch]
    if len(parts) == 1 and isinstance(parts[0], pd.DataFrame):
        return parts[0]
    names = [str(at) for at in range(len(parts))]
    if inputs is not None and inputs.has_input_names():
        known = [str(name) for name in inputs.input_names()]
        needed = len(inputs.required_input_names())
        if not needed <= len(parts) <= len(known):
            raise InvalidInput(
                f"The model takes {len(known)} columns ({', '.join(known[:20])}), and {len(parts)}"
                " were given."
            )
        optional = len(parts) < len(known)
        names = [str(one) for one in inputs.required_input_names()] if optional else known
    return pd.DataFrame(
        {name: _column(part) for name, part in zip(names, parts, strict=False)}, columns=names
    )


def _column(part: Any) -> Any:
    if not hasattr(part, "columns"):
        return part
    import pandas as pd

    return pd.Series(part.to_dict(orient="records"), index=part.index, dtype=object)
