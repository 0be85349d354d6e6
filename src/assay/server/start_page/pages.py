"""The pages: all experiments, the runs of one, one run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import msgspec

from assay.artifacts.base import ArtifactInfo
from assay.entities.experiments import Experiment
from assay.entities.ids import ExperimentId, RunId
from assay.entities.names import ArtifactPath
from assay.entities.runs import Run
from assay.errors import InvalidInput
from assay.server.context import Context
from assay.server.replies import HTML, Headers, Reply
from assay.server.routing import Empty, Permission, Route
from assay.server.start_page.html import Child, Html, element, page
from assay.store.base import Query

MAX_EXPERIMENTS = 200
MAX_RUNS = 200
MAX_COLUMNS = 12
"""Metrics and params shown per run, of each kind; the rest is on the run's own page."""
MAX_FILES = 500

PAGE_HEADERS: Headers = (
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self';"
        b" form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
)
_STATIC = Path(__file__).parent / "static"


class ExperimentPage(msgspec.Struct, frozen=True):
    """Which experiment, and which of its runs."""

    experiment_id: str
    filter: str = ""


class RunPage(msgspec.Struct, frozen=True):
    """Which run."""

    run_id: str


def _answer(title: str, *children: Child, status: int = 200) -> Reply:
    return Reply(page(title, *children), content_type=HTML, headers=PAGE_HEADERS, status=status)


def _time(ms: int | None) -> str:
    if not ms:
        return ""
    try:
        return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, OSError, ValueError):
        return str(ms)


def _duration(run: Run) -> str:
    start, end = run.info.start_time, run.info.end_time
    if start is None or end is None:
        return ""
    return f"{max(0, end - start) / 1000:.1f} s"


def _number(value: float) -> str:
    return f"{value:.6g}"


def _table(headings: Sequence[str], rows: Iterable[Sequence[Child]]) -> Html:
    return element(
        "table",
        element("thead", element("tr", *(element("th", text) for text in headings))),
        element("tbody", *(element("tr", *(element("td", c) for c in row)) for row in rows)),
        class_="sortable",
    )


def experiments(context: Context, _request: Empty) -> Reply:
    """All experiments, the latest first."""
    found = context.store.experiments.search(Query(max_results=MAX_EXPERIMENTS))
    return _answer(
        "Experiments",
        element("h1", "Experiments"),
        _table(
            ["Name", "Id", "Created", "Changed"],
            (
                [
                    _link(item),
                    item.experiment_id,
                    _time(item.creation_time),
                    _time(item.last_update_time),
                ]
                for item in found.items
            ),
        ),
        element("p", f"The latest {MAX_EXPERIMENTS} are shown.") if found.token else None,
    )


def _link(experiment: Experiment) -> Html:
    return element("a", experiment.name, href=f"/experiments/{quote(experiment.experiment_id)}")


def runs(context: Context, request: ExperimentPage) -> Reply:
    """The runs of an experiment, side by side."""
    experiment = context.store.experiments.get(ExperimentId(request.experiment_id))
    problem = None
    found: list[Run] = []
    try:
        query = Query(filter=request.filter, max_results=MAX_RUNS)
        found = context.store.runs.search([experiment.experiment_id], query).items
    except InvalidInput as error:
        problem = element("p", error.message, class_="error")
    metrics = _keys(run.data.metrics for run in found)
    params = _keys(run.data.params for run in found)
    return _answer(
        experiment.name,
        element("h1", experiment.name),
        _filter_form(request.filter),
        problem,
        _table(
            ["Run", "Status", "Started", "Duration", *metrics, *params],
            (_row(run, metrics=metrics, params=params) for run in found),
        ),
        element("p", f"{len(found)} runs"),
    )


def _filter_form(text: str) -> Html:
    return element(
        "form",
        element(
            "input", name="filter", value=text, placeholder="metrics.accuracy > 0.9", size="60"
        ),
        element("button", "Search"),
        method="get",
    )


def _keys(mappings: Iterable[Iterable[str]]) -> list[str]:
    keys = dict.fromkeys(key for mapping in mappings for key in mapping)
    return list(keys)[:MAX_COLUMNS]


def _row(run: Run, *, metrics: Sequence[str], params: Sequence[str]) -> list[Child]:
    data = run.data
    return [
        element("a", run.info.run_name, href=f"/runs/{quote(run.info.run_id)}"),
        run.info.status.value,
        _time(run.info.start_time),
        _duration(run),
        *(_number(data.metrics[key]) if key in data.metrics else "" for key in metrics),
        *(data.params.get(key, "")[:100] for key in params),
    ]


def run(context: Context, request: RunPage) -> Reply:
    """One run with all it recorded."""
    found = context.store.runs.get(RunId(request.run_id))
    info = found.info
    return _answer(
        info.run_name,
        element("h1", info.run_name),
        element(
            "p",
            element("a", "← experiment", href=f"/experiments/{quote(info.experiment_id)}"),
            f" · {info.status.value} · {_time(info.start_time)} · {_duration(found)}",
            f" · {info.run_id}",
        ),
        element("h2", "Metrics"),
        _table(
            ["Metric", "Latest", "Step"],
            ([point.key, _number(point.value), str(point.step)] for point in found.data.latest),
        ),
        element("h2", "Params"),
        _table(["Param", "Value"], found.data.params.items()),
        element("h2", "Tags"),
        _table(["Tag", "Value"], found.data.tags.items()),
        element("h2", "Artifacts"),
        _files(context, found),
    )


def _files(context: Context, found: Run) -> Html:
    try:
        inner = context.services.locations.path_of(found.info.artifact_uri)
    except InvalidInput:
        return element("p", f"Kept at {found.info.artifact_uri}.")
    store = context.artifacts.at(inner) if inner else context.artifacts
    files = store.list(ArtifactPath(""), recursive=True)
    return _table(
        ["File", "Bytes"],
        ([_file_link(found, file), str(file.file_size)] for file in files[:MAX_FILES]),
    )


def _file_link(found: Run, file: ArtifactInfo) -> Html:
    query = f"run_id={quote(found.info.run_id)}&path={quote(file.path, safe='')}"
    return element("a", file.path, href=f"/get-artifact?{query}")


def start_page_routes() -> tuple[Route, ...]:
    """The pages, and the two files they load."""
    pages = (
        ("/", experiments, Empty),
        ("/experiments/{experiment_id}", runs, ExperimentPage),
        ("/runs/{run_id}", run, RunPage),
    )
    return (
        *(
            Route(
                method="GET",
                path=path,
                handler=handler,
                permission=Permission.READ,
                request=request,
                response=None,
                summary=(handler.__doc__ or "").rstrip("."),
                group="Pages",
            )
            for path, handler, request in pages
        ),
        _static("start.css", b"text/css; charset=utf-8"),
        _static("start.js", b"text/javascript; charset=utf-8"),
    )


def _static(name: str, content_type: bytes) -> Route:
    reply = Reply(
        (_STATIC / name).read_bytes(),
        content_type=content_type,
        headers=((b"cache-control", b"no-cache"),),
    )
    return Route(
        method="GET",
        path=f"/static/{name}",
        handler=lambda _context, _request: reply,
        permission=Permission.PUBLIC,
        response=None,
        summary="A file of the pages",
        group="Pages",
        on_loop=True,
    )
