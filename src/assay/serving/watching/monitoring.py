"""Figures of a scoring server: for Prometheus as text, for programs and pages as JSON."""

from __future__ import annotations

from typing import Final

import msgspec

from assay.entities.served_figures import BUCKETS_S
from assay.http.replies import JSON, Reply
from assay.serving.process.plan import Route
from assay.serving.request import Request
from assay.serving.watching.counts import Counts

_PROMETHEUS: Final = b"text/plain; version=0.0.4; charset=utf-8"


class VersionFacts(msgspec.Struct):
    """A version that is served."""

    name: str
    version: str
    weight: float
    """Percent of the requests that it answers."""
    is_shadow: bool
    answered: int
    refused: int
    failed: int
    mean_s: float | None
    p50_s: float | None
    p95_s: float | None
    p99_s: float | None
    """Bounds of the buckets that they fall in."""
    agreed: int
    disagreed: int
    source: str | None
    logged: int = 0
    """Requests that went to the prediction log."""
    unlogged: int = 0
    """Those that should have, but too many waited."""
    drift: dict[str, float] = {}
    """Population stability index by input, where the server compares them with a reference."""


class RouteFacts(msgspec.Struct):
    """A model by the name under which it is asked."""

    name: str
    source: str
    versions: list[VersionFacts]
    sticky: str | None
    notices: list[str]


class ServerFacts(msgspec.Struct):
    """All of a server."""

    routes: list[RouteFacts]
    workers: int
    not_served: list[str]
    """Why versions that the registry names take no traffic."""


async def models(request: Request) -> Reply:
    """What is served, by which versions, and how it goes."""
    known = request.host.known
    return Reply(
        msgspec.json.encode(
            ServerFacts(
                [_route(request, one.route, one.weights) for one in request.host.routes()],
                known.workers,
                known.not_served,
            )
        ),
        content_type=JSON,
    )


async def metrics(request: Request) -> Reply:
    """The same for Prometheus; of all workers, a second old at most."""
    host = request.host
    names = {version.key: version for version in host.plan.versions}
    answers, times, shadows, logged = [], [], [], []
    for key, counts in host.known.counts.items():
        version = names.get(key)
        if version is None:
            continue
        label = f'model="{_escaped(version.name)}",version="{_escaped(version.label)}"'
        answers += [
            f'assay_predictions_total{{{label},outcome="{outcome}"}} {getattr(counts, outcome)}'
            for outcome in ("answered", "refused", "failed")
        ]
        times += _histogram(label, counts)
        shadows += [
            f'assay_shadow_answers_total{{{label},same="{same}"}} {count}'
            for same, count in (("true", counts.agreed), ("false", counts.disagreed))
        ]
        logged += [
            f'assay_prediction_log_total{{{label},outcome="{outcome}"}} {count}'
            for outcome, count in (("kept", counts.logged), ("dropped", counts.unlogged))
        ]
    drift = [
        f'assay_drift_psi{{model="{_escaped(names[key].name)}",'
        f'version="{_escaped(names[key].label)}",column="{_escaped(column)}"}} {psi:.6g}'
        for key, columns in host.known.drift.items()
        if key in names
        for column, psi in columns.items()
    ]
    weights = [
        f'assay_traffic_percent{{route="{_escaped(traffic.route.name)}",'
        f'version="{_escaped(names[key].label)}"}} {weight:g}'
        for traffic in host.routes()
        for key, weight in traffic.weights
    ]
    text = [
        *_head("assay_predictions_total", "counter", "Requests for predictions."),
        *answers,
        *_head("assay_prediction_seconds", "histogram", "Time until a prediction was answered."),
        *times,
        *_head("assay_shadow_answers_total", "counter", "Answers of shadows beside those given."),
        *shadows,
        *_head("assay_prediction_log_total", "counter", "Predictions for the prediction log."),
        *logged,
        *_head("assay_drift_psi", "gauge", "Population stability index of an input."),
        *drift,
        *_head("assay_traffic_percent", "gauge", "Share of the requests."),
        *weights,
        *_head("assay_serving_workers", "gauge", "Processes that answer."),
        f"assay_serving_workers {host.known.workers}",
        *_head("assay_serving_not_served", "gauge", "Versions that can't be served."),
        f"assay_serving_not_served {len(host.known.not_served)}",
    ]
    return Reply(("\n".join(text) + "\n").encode(), content_type=_PROMETHEUS)


def _route(request: Request, route: Route, weights: list[tuple[str, float]]) -> RouteFacts:
    host = request.host
    versions = {version.key: version for version in host.plan.versions}
    asked = [*((k, w, False) for k, w in weights), *((s.key, 0.0, True) for s in route.shadows)]
    found = []
    for key, weight, is_shadow in asked:
        counts = host.known.counts.get(key, Counts())
        found.append(
            VersionFacts(
                name=versions[key].name,
                version=versions[key].label,
                weight=weight,
                is_shadow=is_shadow,
                answered=counts.answered,
                refused=counts.refused,
                failed=counts.failed,
                mean_s=counts.seconds / counts.answered if counts.answered else None,
                p50_s=_bound(counts, 0.5),
                p95_s=_bound(counts, 0.95),
                p99_s=_bound(counts, 0.99),
                agreed=counts.agreed,
                disagreed=counts.disagreed,
                source=versions[key].origin,
                logged=counts.logged,
                unlogged=counts.unlogged,
                drift=host.known.drift.get(key, {}),
            )
        )
    return RouteFacts(route.name, route.source, found, route.sticky, route.notices)


def _bound(counts: Counts, share: float) -> float | None:
    bound = counts.quantile(share)
    return None if not counts.answered or bound == float("inf") else bound


def _head(name: str, kind: str, text: str) -> list[str]:
    return [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]


def _histogram(label: str, counts: Counts) -> list[str]:
    name, so_far, lines = "assay_prediction_seconds", 0, []
    for bound, count in zip((*map(str, BUCKETS_S), "+Inf"), counts.buckets, strict=True):
        so_far += count
        lines.append(f'{name}_bucket{{{label},le="{bound}"}} {so_far}')
    return [
        *lines,
        f"{name}_sum{{{label}}} {counts.seconds:.6f}",
        f"{name}_count{{{label}}} {so_far}",
    ]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
