"""Batch prediction: a file of rows in, a file of predictions out, in constant memory.

Chunks of rows are read, predicted and written in their order. Several workers predict several
chunks at once, each in a process of its own; one of them failing ends it all, with an error that
names the rows. The target appears when it is whole, or not at all.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, Protocol

import msgspec

from assay.errors import AssayError, InvalidInput, PredictionFailed
from assay.models.batches.outputs import no_outputs, output_table
from assay.models.batches.pool import TABLE, Interpreter, Pool, Wanted
from assay.models.batches.reading import Source, open_source, pyarrow
from assay.models.batches.stream import from_stream, to_stream
from assay.models.batches.writing import Sink, open_sink
from assay.models.loading import load_pyfunc
from assay.models.mlmodel import Model
from assay.models.pyfunc import PyFuncModel
from assay.models.signatures.schema import Schema

CHUNK_ROWS: Final = 65_536
"""20 columns of doubles are 10 MB then: calls cost little, and caches still help."""
_IN_FLIGHT: Final = 2
"""Chunks for each worker: the one it has, and the one it gets next."""

__all__ = ["CHUNK_ROWS", "BatchResult", "Progress", "predict_file"]


class Progress(NamedTuple):
    """How far it is."""

    rows: int
    """Predicted and written."""
    total_rows: int | None
    """Of the source, where it tells."""
    fraction: float
    """Of the source that was read, from 0 to 1."""


class BatchResult(msgspec.Struct, frozen=True):
    """What was done."""

    target: str
    rows: int
    columns: list[str]
    """Of the target."""
    workers: int
    seconds: float
    """Loading the model included."""

    @property
    def rows_per_s(self) -> float:
        """Rows a second."""
        return self.rows / self.seconds if self.seconds else 0.0


class _Pending(NamedTuple):
    first: int
    rows: int
    kept: Any
    outputs: Callable[[], Any]


class _Engine(Protocol):
    in_flight: int

    def begin(self, table: Any) -> Callable[[], Any]:
        """Start to predict; what comes back waits for the table of outputs."""


def predict_file(
    model_path: str | Path,
    source: str | Path,
    target: str | Path,
    *,
    chunk_rows: int = CHUNK_ROWS,
    workers: int = 1,
    columns: Sequence[str] | None = None,
    keep: Sequence[str] | Literal["all"] = (),
    params: Mapping[str, Any] | None = None,
    trust: bool | None = None,
    origin: str | None = None,
    interpreter: Interpreter | None = None,
    variables: Mapping[str, str] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> BatchResult:
    """Predict all rows of a file into another; the endings tell their forms.

    Args:
        model_path: the model's folder.
        source: ``.parquet``, ``.csv``, ``.jsonl`` (a record on each line) or ``.json`` (an array of
            records).
        target: ``.parquet``, ``.csv``, ``.jsonl`` or ``.json`` (MLflow's ``{"predictions": …}``);
            replaced if it exists. Rows have the order of the source.
        chunk_rows: rows that are predicted at once.
        workers: processes; with one, all is done in this process.
        columns: those that the model gets; its signature tells if left out, else all.
        keep: columns of the source to write beside the predictions; ``"all"`` of them.
        params: of the model.
        trust: ``True`` lets code of the model run; ``None``: if this user made it.
        origin: the address it was fetched from.
        interpreter: another Python to predict with; then a process of its own does it.
        variables: of the environment of that process.
        on_progress: told after each chunk.

    Raises:
        PredictionFailed: rows don't fit the model, or it fails at them.
        InvalidInput: an ending, a column or the source isn't understood.
        ArtifactNotFound: there is no such model or source.
        UntrustedModel: loading would run code of others.
        MissingExtra: pyarrow isn't installed.
    """
    begun = time.perf_counter()
    place, goal = Path(source), Path(target)
    if chunk_rows < 1 or workers < 1:
        raise InvalidInput("chunk_rows and workers must be 1 or more.")
    if place.exists() and goal.exists() and place.samefile(goal):
        raise InvalidInput("The target must be another file than the source.")
    model = Model.load(model_path)
    rows_of = open_source(place, model.get_input_schema())
    chosen = _chosen(rows_of, model.get_input_schema(), columns, keep)
    with ExitStack() as stack:
        sink = open_sink(goal)
        engine: _Engine
        wanted = Wanted(
            model=str(model_path), trust=trust, origin=origin, params=dict(params or {}) or None
        )
        if workers == 1 and interpreter is None and not variables:
            loaded = load_pyfunc(model_path, trust=trust, origin=origin)
            engine = _Here(loaded, wanted.params)
        else:
            pool = Pool(wanted, workers=workers, interpreter=interpreter, variables=variables)
            engine = _Elsewhere(stack.enter_context(pool), workers)
        stack.enter_context(sink)
        chunks = rows_of.chunks(chunk_rows, chosen.read)
        done = _run(_begun(chunks, chosen, engine), engine, sink, str(place))
        rows, names = _follow(done, rows_of, on_progress)
        if not rows:
            empty = no_outputs(model.get_output_schema())
            names = empty.column_names
            sink.write(empty)
        sink.finish()
    return BatchResult(str(goal), rows, names, workers, time.perf_counter() - begun)


class _Columns(NamedTuple):
    """Which columns are read, what for; ``None``: all, as they come."""

    read: list[str] | None
    inputs: list[str] | None
    keep: list[str] | None


def _chosen(
    source: Source,
    schema: Schema | None,
    columns: Sequence[str] | None,
    keep: Sequence[str] | Literal["all"],
) -> _Columns:
    if isinstance(columns, str) or (isinstance(keep, str) and keep != "all"):
        raise InvalidInput("columns and keep are lists of names.")
    inputs = None if columns is None else list(columns)
    if inputs is None and schema is not None and not schema.is_tensor_spec():
        inputs = _named_inputs(source, schema)
    kept = None if keep == "all" else list(dict.fromkeys(keep))
    for name in [*(columns or ()), *(kept or ())]:
        if source.names is not None and name not in source.names:
            raise InvalidInput(
                f"The source has no column {name!r}; it has {', '.join(source.names[:20])}."
            )
    if inputs is None or kept is None:
        return _Columns(None, inputs, kept)
    return _Columns(list(dict.fromkeys([*inputs, *kept])), inputs, kept)


def _named_inputs(source: Source, schema: Schema) -> list[str] | None:
    """The columns that the signature names, as far as the file has them."""
    if not schema.has_input_names():
        return None
    names = [str(name) for name in schema.input_names()]
    if source.names is None:
        return names
    there = set(source.names)
    if not {str(name) for name in schema.required_input_names()} <= there:
        # The model sees all there is, so that its error can tell a misspelt name.
        return None
    return [name for name in names if name in there]


def _begun(chunks: Iterable[Any], chosen: _Columns, engine: _Engine) -> Iterator[_Pending]:
    first = 0
    kept_names = chosen.keep
    for table in chunks:
        inputs = table
        if chosen.inputs is not None:
            inputs = table.select([name for name in chosen.inputs if name in table.column_names])
        if kept_names is None:
            kept_names = list(table.column_names)
        elif chosen.keep is None and set(table.column_names) - set(kept_names):
            extra = sorted(set(table.column_names) - set(kept_names))[0]
            raise InvalidInput(
                f"A row from {first} on has the column {extra!r}, which earlier rows lack: name the"
                " columns to keep."
            )
        kept = _kept(table, kept_names)
        yield _Pending(first, table.num_rows, kept, engine.begin(inputs))
        first += table.num_rows


def _kept(table: Any, names: Sequence[str]) -> Any:
    pa = pyarrow()
    there = set(table.column_names)
    empty = pa.nulls(table.num_rows)
    return pa.table({name: table[name] if name in there else empty for name in names})


def _run(
    begun: Iterator[_Pending], engine: _Engine, sink: Sink, where: str
) -> Iterator[tuple[int, list[str]]]:
    """Write each chunk when it is its turn; yields its rows and the names of the columns."""
    waiting: deque[_Pending] = deque()
    for pending in begun:
        waiting.append(pending)
        if len(waiting) >= engine.in_flight:
            yield _written(waiting.popleft(), sink, where)
    while waiting:
        yield _written(waiting.popleft(), sink, where)


def _written(pending: _Pending, sink: Sink, where: str) -> tuple[int, list[str]]:
    last = pending.first + pending.rows - 1
    try:
        outputs = pending.outputs()
    except AssayError as error:
        raise PredictionFailed(where, pending.first, last, error.message) from error
    except Exception as error:
        # Whatever the model's own code raises.
        why = f"{type(error).__name__}: {error}"
        raise PredictionFailed(where, pending.first, last, why) from error
    table = _beside(pending.kept, outputs)
    sink.write(table)
    return pending.rows, table.column_names


def _beside(kept: Any, outputs: Any) -> Any:
    if not kept.column_names:
        return outputs
    clash = set(kept.column_names) & set(outputs.column_names)
    if clash:
        raise InvalidInput(
            f"The model's predictions have the column {sorted(clash)[0]!r}, which is to be kept of"
            " the source as well: leave it out of keep."
        )
    for name in outputs.column_names:
        kept = kept.append_column(name, outputs[name])
    return kept


def _follow(
    done: Iterator[tuple[int, list[str]]],
    source: Source,
    on_progress: Callable[[Progress], None] | None,
) -> tuple[int, list[str]]:
    rows = 0
    names: list[str] = []
    for count, names in done:  # noqa: B007 - the last names are what comes back
        rows += count
        if on_progress is not None:
            on_progress(Progress(rows, source.total_rows, source.fraction()))
    return rows, names


class _Here:
    """Predicts in this process."""

    in_flight = 1

    def __init__(self, model: PyFuncModel, params: dict[str, Any] | None) -> None:
        self._model = model
        self._params = params

    def begin(self, table: Any) -> Callable[[], Any]:
        def outputs() -> Any:
            predicted = self._model.predict(table.to_pandas(), self._params)
            return output_table(predicted, table.num_rows)

        return outputs


class _Elsewhere:
    """Predicts in other processes."""

    def __init__(self, pool: Pool, workers: int) -> None:
        self._pool = pool
        self.in_flight = _IN_FLIGHT * workers

    def begin(self, table: Any) -> Callable[[], Any]:
        future = self._pool.submit(TABLE, to_stream(table))
        return lambda: from_stream(future.result())
