"""DataFrames: runs, histories and tables for pandas and Polars.

Columns come from the store as arrays and lists and go into the frame as they are: a loop over runs
would cost seconds where this costs milliseconds. Without either library there are plain lists.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from assay.client.tables import Table, read_table
from assay.entities import limits
from assay.entities.ids import ExperimentId, RunId, check_run_id
from assay.entities.lifecycle import ViewType
from assay.entities.metrics import History
from assay.entities.runs import RunInfo
from assay.entities.tags import LOGGED_ARTIFACTS
from assay.errors import ArtifactNotFound, InvalidInput, MissingExtra
from assay.store.base import Query, RunTable, Store

FrameFormat = Literal["pandas", "polars"]

# Any stands for a DataFrame throughout: both libraries are optional and imported by name.


def frame_library(name: str) -> Any:
    """The library ``pandas`` or ``polars``.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        raise MissingExtra(name, extra=name, purpose=f"A {name} DataFrame") from None


def installed_frame_library() -> FrameFormat:
    """``pandas`` where it is installed, else ``polars``.

    Raises:
        MissingExtra: neither is.
    """
    if importlib.util.find_spec("pandas") is not None:
        return "pandas"
    if importlib.util.find_spec("polars") is not None:
        return "polars"
    raise MissingExtra("pandas", extra="pandas", purpose="A DataFrame")


def frame(columns: Mapping[str, Any], library: FrameFormat) -> Any:
    """A DataFrame of named columns, each an array or a list."""
    if library == "pandas":
        return frame_library("pandas").DataFrame(dict(columns))
    polars = frame_library("polars")
    return polars.DataFrame(
        {
            name: polars.Series(name, column, strict=False) if isinstance(column, list) else column
            for name, column in columns.items()
        }
    )


def runs_frame(pages: Sequence[RunTable], library: FrameFormat) -> Any:
    """Runs as a DataFrame with MLflow's columns.

    ``run_id``, ``experiment_id``, ``status``, ``artifact_uri``, ``start_time`` and ``end_time``
    (UTC), then ``metrics.…``, ``params.…`` and ``tags.…``.
    """
    infos = [info for page in pages for info in page.infos]
    columns: dict[str, Any] = {
        "run_id": [info.run_id for info in infos],
        "experiment_id": [info.experiment_id for info in infos],
        "status": [info.status.value for info in infos],
        "artifact_uri": [info.artifact_uri for info in infos],
        "start_time": _times([info.start_time for info in infos], library),
        "end_time": _times([info.end_time for info in infos], library),
    }
    columns.update(_metric_columns(pages))
    columns.update(_text_columns("params", [(p.params, len(p.infos)) for p in pages]))
    columns.update(_text_columns("tags", [(p.tags, len(p.infos)) for p in pages]))
    return frame(columns, library)


def _times(times_ms: list[int | None], library: FrameFormat) -> Any:
    if library == "pandas":
        pandas = frame_library("pandas")
        return pandas.to_datetime(pandas.Series(times_ms, dtype="Int64"), unit="ms", utc=True)
    polars = frame_library("polars")
    return polars.Series(values=times_ms, dtype=polars.Int64).cast(polars.Datetime("ms", "UTC"))


def _metric_columns(pages: Sequence[RunTable]) -> dict[str, Any]:
    if len(pages) == 1:
        return {f"metrics.{key}": column for key, column in pages[0].metrics.items()}
    import numpy as np

    keys = dict.fromkeys(key for page in pages for key in page.metrics)
    return {
        f"metrics.{key}": np.concatenate(
            [page.metrics.get(key, np.full(len(page.infos), np.nan)) for page in pages]
        )
        for key in keys
    }


def _text_columns(
    kind: str, pages: Sequence[tuple[dict[str, list[str | None]], int]]
) -> dict[str, list[str | None]]:
    keys = dict.fromkeys(key for columns, _ in pages for key in columns)
    return {
        f"{kind}.{key}": [
            cell for columns, rows in pages for cell in columns.get(key) or [None] * rows
        ]
        for key in keys
    }


def run_tables(
    store: Store, experiment_ids: Sequence[ExperimentId], query: Query, *, max_results: int
) -> list[RunTable]:
    """The first ``max_results`` runs of a search in columns, page by page."""
    pages: list[RunTable] = []
    left, token = max_results, None
    while left > 0:
        page = store.runs.table(
            experiment_ids,
            Query(
                filter=query.filter,
                order_by=query.order_by,
                view=query.view,
                max_results=min(left, limits.MAX_SEARCH_RESULTS),
                page_token=token,
            ),
        )
        pages.append(page)
        left, token = left - len(page.infos), page.token
        if token is None or not page.infos:
            break
    return pages


def histories_frame(histories: Iterator[tuple[RunId, str, History]], library: FrameFormat) -> Any:
    """Points of many series in one long DataFrame: run_id, key, step, timestamp (UTC), value."""
    import numpy as np

    ids: list[str] = []
    keys: list[str] = []
    parts: list[History] = []
    for run_id, key, history in histories:
        ids.append(run_id)
        keys.append(key)
        parts.append(history)
    empty = np.empty(0, np.int64)
    steps = np.concatenate([part.steps for part in parts]) if parts else empty
    times = np.concatenate([part.timestamps for part in parts]) if parts else empty
    values = np.concatenate([part.values for part in parts]) if parts else empty.astype(float)
    if library == "pandas":
        when: Any = frame_library("pandas").to_datetime(times, unit="ms", utc=True)
    else:
        polars = frame_library("polars")
        when = polars.Series(values=times).cast(polars.Datetime("ms", "UTC"))
    counts = [len(part.steps) for part in parts]
    columns = {
        "run_id": _repeated(ids, counts, library),
        "key": _repeated(keys, counts, library),
        "step": steps,
        "timestamp": when,
        "value": values,
    }
    return frame(columns, library)


def _repeated(texts: list[str], counts: list[int], library: FrameFormat) -> Any:
    """A column of each text so many times; a list of a million texts takes ten times as long."""
    import numpy as np

    if library == "pandas":
        return frame_library("pandas").Series(texts, dtype="str").repeat(counts).array
    polars = frame_library("polars")
    places = np.repeat(np.arange(len(texts)), counts)
    return polars.Series(values=texts, dtype=polars.String).gather(places)


def load_table_frame(
    store: Store,
    read: Callable[[str, str], bytes],
    *,
    experiment_id: str,
    artifact_file: str,
    run_ids: Sequence[str] | None,
    extra_columns: Sequence[str],
) -> Any:
    """The tables of this name of all runs of an experiment, with columns about the runs added.

    ``read`` gives the content of a file by run id and artifact path.

    Raises:
        ArtifactNotFound: no run has such a table.
        InvalidInput: an extra column that runs don't have.
    """
    library = installed_frame_library()
    clause = f"tags.`{LOGGED_ARTIFACTS}` LIKE '%{artifact_file.replace(chr(39), chr(39) * 2)}%'"
    query = Query(filter=clause, view=ViewType.ACTIVE_ONLY)
    pages = run_tables(store, [ExperimentId(str(experiment_id))], query, max_results=100_000)
    wanted = None if run_ids is None else {check_run_id(run_id) for run_id in run_ids}
    whole: Table | None = None
    for page in pages:
        for row, info in enumerate(page.infos):
            if wanted is not None and info.run_id not in wanted:
                continue
            one = read_table(read(info.run_id, artifact_file), artifact_file)
            one = _with_facts(one, page, row, extra_columns)
            whole = one if whole is None else whole.extend(one)
    if whole is None:
        raise ArtifactNotFound(artifact_file)
    columns = {name: [row[at] for row in whole.data] for at, name in enumerate(whole.columns)}
    return frame(columns, library)


def _with_facts(table: Table, page: RunTable, row: int, names: Sequence[str]) -> Table:
    facts = [_fact(page, row, name) for name in names]
    return Table([*table.columns, *names], [[*cells, *facts] for cells in table.data])


def _fact(page: RunTable, row: int, name: str) -> Any:
    info: RunInfo = page.infos[row]
    kind, dot, key = name.partition(".")
    if dot and kind == "metrics":
        column = page.metrics.get(key)
        return None if column is None else float(column[row])
    if dot and kind in ("params", "tags"):
        texts = (page.params if kind == "params" else page.tags).get(key)
        return None if texts is None else texts[row]
    if not hasattr(info, name):
        raise InvalidInput(
            f"Runs have no column {name!r}; try run_id, params.…, metrics.… or tags.…."
        )
    return getattr(info, name)
