"""The pages: all experiments, the runs of one, one run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import msgspec

from assay.artifacts.base import ArtifactInfo
from assay.entities.experiments import Experiment
from assay.entities.ids import ExperimentId, RunId
from assay.entities.names import ArtifactPath
from assay.entities.runs import Run, RunStatus
from assay.errors import Corrupted, InvalidInput, LoggedModelNotFound
from assay.server.context import Context
from assay.server.replies import HTML, Headers, Reply
from assay.server.routing import Empty, Permission, Route
from assay.server.start_page.curves import BUCKETS, curves
from assay.server.start_page.html import Child, Html, element, page
from assay.server.start_page.tables import Column, table
from assay.store.base import Query

MAX_EXPERIMENTS = 200
MAX_RUNS = 200
MAX_COLUMNS = 12
"""Metrics and params shown per run, of each kind; the rest is on the run's own page."""
MAX_FILES = 500
MAX_MODELS = 50
"""Models shown of a run with many checkpoints."""
MAX_CURVES = 48
"""Metrics drawn on the page of a run."""

PAGE_HEADERS: Headers = (
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self';"
        b" form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
)
_VERIFIED_TAG = "assay.verified"
"""Set by ``assay models verify``."""
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


def experiments(context: Context, _request: Empty) -> Reply:
    """All experiments, the latest first."""
    found = context.store.experiments.search(Query(max_results=MAX_EXPERIMENTS))
    counts = context.store.runs.count([item.experiment_id for item in found.items])
    return _answer(
        "Experiments",
        element("h1", "Experiments"),
        table(
            [
                Column("Name"),
                Column("Runs", is_figure=True),
                Column("Running", is_figure=True),
                Column("Failed", is_figure=True),
                Column("Created (UTC)"),
                Column("Id"),
            ],
            (_experiment_row(item, counts.get(item.experiment_id, {})) for item in found.items),
            empty="No experiment yet.",
        ),
        element("p", f"The latest {MAX_EXPERIMENTS} are shown.") if found.token else None,
    )


def _experiment_row(experiment: Experiment, counts: Mapping[RunStatus, int]) -> list[Child]:
    return [
        _link(experiment),
        str(sum(counts.values())),
        str(counts.get(RunStatus.RUNNING) or ""),
        str(counts.get(RunStatus.FAILED) or ""),
        _time(experiment.creation_time),
        experiment.experiment_id,
    ]


def _link(experiment: Experiment) -> Html:
    return element("a", experiment.name, href=f"/experiments/{quote(experiment.experiment_id)}")


def _trail(*places: Child) -> Html:
    """The way back, above a heading."""
    parts: list[Child] = [element("a", "Experiments", href="/")]
    for place in places:
        parts += [" / ", place]
    return element("p", *parts, class_="trail")


def runs(context: Context, request: ExperimentPage) -> Reply:
    """The runs of an experiment, side by side."""
    experiment = context.store.experiments.get(ExperimentId(request.experiment_id))
    problem = None
    found: Sequence[Run] = []
    more = False
    try:
        query = Query(filter=request.filter, max_results=MAX_RUNS)
        page_of_runs = context.store.runs.search([experiment.experiment_id], query)
        found, more = page_of_runs.items, bool(page_of_runs.token)
    except InvalidInput as error:
        problem = element("p", error.message, class_="error", role="alert")
    metrics = _keys(run.data.metrics for run in found)
    params = _keys(run.data.params for run in found)
    return _answer(
        experiment.name,
        _trail(),
        element("h1", experiment.name),
        _filter_form(request.filter),
        problem,
        None
        if problem
        else table(
            [
                Column("Run"),
                Column("Status"),
                *(Column(key, is_figure=True, group="Metrics") for key in metrics),
                *(Column(key, is_figure=True, group="Params") for key in params),
                Column("Duration", is_figure=True),
                Column("Started (UTC)"),
            ],
            (_row(run, metrics=metrics, params=params) for run in found),
            empty="No run matches." if request.filter else "No run yet.",
        ),
        element("p", _how_many(len(found), more=more), class_="note") if found else None,
    )


def _how_many(count: int, *, more: bool) -> str:
    if more:
        return f"The latest {count} runs are shown; search for others."
    return "1 run" if count == 1 else f"{count} runs"


def _filter_form(text: str) -> Html:
    return element(
        "form",
        element(
            "input",
            name="filter",
            value=text,
            placeholder="metrics.loss < 0.5 and params.model = 'svc'",
            size="60",
            type="search",
            aria_label="Filter",
        ),
        element("button", "Search"),
        method="get",
    )


def _keys(mappings: Iterable[Iterable[str]]) -> list[str]:
    keys = dict.fromkeys(key for mapping in mappings for key in mapping)
    return list(keys)[:MAX_COLUMNS]


def _status(run: Run) -> Html:
    name = run.info.status.value
    return element("span", name.capitalize(), class_=f"status {name.lower()}")


def _row(run: Run, *, metrics: Sequence[str], params: Sequence[str]) -> list[Child]:
    data = run.data
    return [
        element("a", run.info.run_name, href=f"/runs/{quote(run.info.run_id)}"),
        _status(run),
        *(_number(data.metrics[key]) if key in data.metrics else "" for key in metrics),
        *(data.params.get(key, "")[:100] for key in params),
        _duration(run),
        _time(run.info.start_time),
    ]


def run(context: Context, request: RunPage) -> Reply:
    """One run with all it recorded."""
    found = context.store.runs.get(RunId(request.run_id))
    info = found.info
    experiment = context.store.experiments.get(info.experiment_id)
    facts = (_time(info.start_time) + " UTC", _duration(found), info.run_id)
    return _answer(
        info.run_name,
        _trail(_link(experiment)),
        element("h1", info.run_name),
        element("p", _status(found), *(f" · {fact}" for fact in facts if fact), class_="note"),
        element("h2", "Metrics"),
        table(
            [Column("Metric"), Column("Latest", is_figure=True), Column("Step", is_figure=True)],
            ([point.key, _number(point.value), str(point.step)] for point in found.data.latest),
            empty="None.",
        ),
        _drawn(context, found),
        element("h2", "Params"),
        _pairs("Param", found.data.params),
        *_models(context, found),
        element("h2", "Artifacts"),
        _files(context, found),
        element("h2", "Tags"),
        _pairs("Tag", found.data.tags),
    )


def _drawn(context: Context, found: Run) -> Html | None:
    keys = list(dict.fromkeys(point.key for point in found.data.latest))[:MAX_CURVES]
    if not keys:
        return None
    try:
        return curves(context.store.metrics.buckets([found.info.run_id], keys, count=BUCKETS))
    except Corrupted as error:
        return element("p", error.message, class_="error", role="alert")


def _pairs(name: str, values: Mapping[str, str]) -> Html:
    return table([Column(name), Column("Value")], map(list, values.items()), empty="None.")


def _models(context: Context, found: Run) -> list[Html]:
    """The models that the run made, the latest steps first; nothing where it made none."""
    made = sorted(found.outputs.model_outputs, key=lambda one: -one.step)
    rows: list[list[Child]] = []
    for one in made[:MAX_MODELS]:
        try:
            model = context.store.logged_models.get(one.model_id)
        except LoggedModelNotFound:
            rows.append(
                [element("code", f"models:/{one.model_id}"), "", str(one.step), "deleted", ""]
            )
            continue
        verified = model.tags.get(_VERIFIED_TAG, "")
        rows.append(
            [
                element("code", model.model_uri),
                model.name,
                str(one.step),
                model.status.name.lower(),
                {"true": "yes", "false": "no"}.get(verified, "not yet"),
            ]
        )
    if not rows:
        return []
    columns = [
        Column("Model"),
        Column("Name"),
        Column("Step", is_figure=True),
        Column("Status"),
        Column("Verified"),
    ]
    return [element("h2", "Models"), table(columns, rows, empty="None.")]


def _files(context: Context, found: Run) -> Html:
    try:
        inner = context.services.locations.path_of(found.info.artifact_uri)
    except InvalidInput:
        return element("p", f"Kept at {found.info.artifact_uri}.")
    store = context.artifacts.at(inner) if inner else context.artifacts
    files = store.list(ArtifactPath(""), recursive=True)
    listing = table(
        [Column("File"), Column("Bytes", is_figure=True)],
        ([_file_link(found, file), f"{file.file_size:,}"] for file in files[:MAX_FILES]),
        empty="None.",
    )
    if len(files) <= MAX_FILES:
        return listing
    return element("div", listing, element("p", f"The first {MAX_FILES} of {len(files):,} files."))


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
        _static("icon.svg", b"image/svg+xml"),
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
