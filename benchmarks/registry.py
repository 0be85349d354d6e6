"""The registry beside MLflow's: searches over 100,000 versions, names, audit log, promotions.

    python -m benchmarks.registry [--rounds 3] [--models 5000]

Both servers run on this machine in turn, one process each, over the same content: SQLite first,
then one PostgreSQL 15 server with a database for each. The content is written in bulk straight into
the tables of both (creating it call by call takes MLflow the better part of an hour); our audit log
gets a chained record for each model and version, as creating them would have written. Answers are
timed from one keep-alive connection that takes the raw body.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from sqlalchemy import create_engine, text

from assay.entities.audit import NO_DIGEST, Actor, Cause, chain_digest
from assay.entities.ids import new_run_id
from assay.entities.model_versions import NewModelVersion
from assay.entities.runs import NewRun
from assay.errors import Conflict
from assay.store.sql import registry_tables as tables
from assay.store.sql.registry_tags import value_digest
from assay.store.sql.store import SqlStore, open_sql_store
from benchmarks.servers import free_port

TARGET = Path(__file__).parents[1] / "docs" / "performance-registry.md"
VERSIONS = 20
PROMOTIONS = 50
CALLS = 12
START_S = 120
NOW = 1_790_000_000_000
TOOLS = ("assay", "mlflow")


class Case(NamedTuple):
    """One request that both servers answer."""

    name: str
    title: str
    path: str
    query: dict[str, str]


def cases(models: int) -> list[Case]:
    """What is asked: 100 per page, ordered, by a tag that many have and one that few have."""
    found = [
        Case(
            f"{kind}_{how}",
            f"{kind.replace('_', ' ')} with a {how} tag",
            f"/api/2.0/mlflow/{path}/search",
            {"filter": tag, "order_by": order, "max_results": "100"},
        )
        for kind, path, order in (
            ("models", "registered-models", "last_updated_timestamp DESC"),
            ("versions", "model-versions", "last_updated_timestamp DESC"),
        )
        for how, tag in (("common", "tags.team = 't3'"), ("rare", "tags.ticket = 'k77'"))
    ]
    name = {"name": f"model-{models // 2}"}
    return [
        *found,
        Case(
            "alias",
            "`models:/name@alias`: the version",
            "/api/2.0/mlflow/registered-models/alias",
            {**name, "alias": "champion"},
        ),
        Case(
            "download_uri",
            "the files of a version",
            "/api/2.0/mlflow/model-versions/get-download-uri",
            {**name, "version": "7"},
        ),
    ]


def content(models: int) -> Iterator[tuple[str, int, dict[str, str], list[dict[str, str]]]]:
    """Name, time, tags and the tags of each version of every model."""
    for number in range(models):
        of_model = {"team": f"t{number % 10}", "ticket": f"k{number // 5}"}
        versions = [
            {"team": f"t{(number + v) % 10}", "ticket": f"k{(number * VERSIONS + v) // 50}"}
            for v in range(VERSIONS)
        ]
        yield f"model-{number}", NOW + number, of_model, versions


def fill_assay(uri: str, models: int) -> None:
    """Our tables, with an audit record for each model and version."""
    store = open_sql_store(uri)
    rows: dict[str, list[dict[str, Any]]] = {}

    def add(table: Any, **row: Any) -> None:
        rows.setdefault(table.name, []).append(row)

    seq, previous, version_id = 0, NO_DIGEST, 0
    for number, (name, moment, tags, versions) in enumerate(content(models), 1):
        add(
            tables.registered_models,
            registered_id=number,
            name=name,
            description="",
            creation_timestamp=moment,
            last_updated_timestamp=moment,
            last_version=VERSIONS,
        )
        for key, value in tags.items():
            add(
                tables.registered_model_tags,
                registered_id=number,
                key=key,
                value=value,
                value_digest=value_digest(value),
            )
        add(tables.registered_model_aliases, registered_id=number, alias="champion", version=7)
        for version, of_version in enumerate([None, *versions]):
            seq += 1
            action = "version.created" if version else "model.created"
            which = version or None
            details = json.dumps(of_version or tags, separators=(",", ":"))
            fields: list[Any] = [seq, moment, "bench", False, "bulk", action, name, which, details]
            fields += ["", number, previous]
            previous = chain_digest(fields)
            columns = "seq time actor verified origin action name version details reason"
            record = dict(zip(f"{columns} registered_id previous".split(), fields, strict=True))
            add(tables.audit_log, digest=previous, **record)
            if of_version is None:
                continue
            version_id += 1
            add(
                tables.model_versions,
                version_id=version_id,
                registered_id=number,
                version=version,
                creation_timestamp=moment + version,
                last_updated_timestamp=moment + version,
                description="",
                user_id="bench",
                current_stage="Production" if version == 7 else "None",
                source=f"mlflow-artifacts:/0/{number}/artifacts/m",
                storage_location=f"mlflow-artifacts:/0/{number}/artifacts/m",
                run_id=None,
                run_link="",
                model_id=None,
                status="READY",
                status_message="",
            )
            for key, value in of_version.items():
                add(
                    tables.model_version_tags,
                    version_id=version_id,
                    key=key,
                    value=value,
                    value_digest=value_digest(value),
                )
    add(tables.audit_head, place=1, seq=seq, time=NOW, digest=previous)
    order = (
        tables.registered_models,
        tables.registered_model_tags,
        tables.registered_model_aliases,
        tables.model_versions,
        tables.model_version_tags,
        tables.audit_log,
        tables.audit_head,
    )

    def change(conn: Any) -> None:
        for table in order:
            for start in range(0, len(rows[table.name]), 5_000):
                conn.execute(table.insert(), rows[table.name][start : start + 5_000])
        if uri.startswith("postgresql"):
            for table, column in (
                ("registered_models", "registered_id"),
                ("model_versions", "version_id"),
            ):
                conn.execute(
                    text(
                        f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'),"
                        f" (SELECT max({column}) FROM {table}))"
                    )
                )

    store.database.write(change)
    store.close()


def fill_mlflow(uri: str, models: int) -> None:
    """MLflow's tables, made by MLflow."""
    made = (
        "import sys; from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore;"
        " SqlAlchemyStore(sys.argv[1])"
    )
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    subprocess.run([sys.executable, "-c", made, uri], check=True, env=environment)
    engine = create_engine(uri)
    names = {
        "registered_models": "name, creation_time, last_updated_time",
        "registered_model_tags": "name, key, value",
        "registered_model_aliases": "name, alias, version",
        "model_versions": "name, version, creation_time, last_updated_time, current_stage, source,"
        " status, user_id",
        "model_version_tags": "name, version, key, value",
    }
    rows: dict[str, list[tuple[Any, ...]]] = {table: [] for table in names}
    for number, (name, moment, tags, versions) in enumerate(content(models), 1):
        rows["registered_models"].append((name, moment, moment))
        rows["registered_model_tags"] += [(name, key, value) for key, value in tags.items()]
        rows["registered_model_aliases"].append((name, "champion", 7))
        for version, of_version in enumerate(versions, 1):
            stage = "Production" if version == 7 else "None"
            source = f"mlflow-artifacts:/0/{number}/artifacts/m"
            times = (moment + version, moment + version)
            rows["model_versions"].append((name, version, *times, stage, source, "READY", "bench"))
            rows["model_version_tags"] += [
                (name, version, key, value) for key, value in of_version.items()
            ]
    with engine.begin() as conn:
        for table, columns in names.items():
            keys = [key.strip() for key in columns.split(",")]
            marks = ", ".join(f":{key}" for key in keys)
            statement = text(f"INSERT INTO {table} ({columns}) VALUES ({marks})")
            for start in range(0, len(rows[table]), 5_000):
                chunk = rows[table][start : start + 5_000]
                conn.execute(statement, [dict(zip(keys, row, strict=True)) for row in chunk])
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("ANALYZE"))
    engine.dispose()


@contextmanager
def serving(tool: str, uri: str, folder: Path) -> Iterator[str]:
    """A server of ``tool`` over a database; its address."""
    port = free_port()
    here = Path(sys.executable).parent
    common = ["--host", "127.0.0.1", "--port", str(port), "--backend-store-uri", uri]
    common += ["--artifacts-destination", str(folder / f"artifacts-{tool}")]
    command = [str(here / tool), "server", *common, "--workers", "1"]
    with (folder / f"{tool}.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            cwd=folder,
            start_new_session=True,
            env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"},
        )
    try:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + START_S
        while True:
            try:
                fetch(url, Case("", "", "/health", {}))
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit((folder / f"{tool}.log").read_text()) from None
                time.sleep(0.05)
        yield url
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def fetch(url: str, case: Case) -> bytes:
    """One answer on a connection of its own."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=START_S)
    try:
        return ask(connection, case)
    finally:
        connection.close()


def ask(connection: http.client.HTTPConnection, case: Case) -> bytes:
    """One answer, its body whole."""
    connection.request("GET", f"{case.path}?{urlencode(case.query)}")
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise SystemExit(f"{case.name}: {answer.status} {body[:300]!r}")
    return body


def answers(url: str, wanted: Sequence[Case]) -> dict[str, float]:
    """Median time of each case in ms."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=START_S)
    figures = {}
    for case in wanted:
        first = json.loads(ask(connection, case))
        found = first.get("registered_models") or first.get("model_versions")
        if "search" in case.path and not found:
            raise SystemExit(f"{case.name}: nothing was found")
        times = []
        for _ in range(CALLS):
            began = time.perf_counter()
            ask(connection, case)
            times.append(time.perf_counter() - began)
        figures[case.name] = 1e3 * statistics.median(times)
    connection.close()
    return figures


def in_process(uri: str, models: int) -> dict[str, float]:
    """What our store takes itself: resolving an alias, and verifying the audit log."""
    store = open_sql_store(uri)
    name = f"model-{models // 2}"
    times = []
    for _ in range(300):
        began = time.perf_counter()
        version = store.model_versions.by_alias(name, "champion")
        store.model_versions.download_uri(name, version.version)
        times.append(time.perf_counter() - began)
    began = time.perf_counter()
    report = store.audit.verify()
    taken = time.perf_counter() - began
    if not report.ok:
        raise SystemExit(f"the audit log doesn't verify: {report}")
    store.close()
    return {
        "resolve_ms": 1e3 * statistics.median(times),
        "verify_per_s": report.records / taken,
        "records": report.records,
    }


def promotions(uri: str) -> dict[str, float]:
    """Fifty approvals at once of requests for one place, while somebody watches the place."""
    store = open_sql_store(uri)
    author, approver = Cause(Actor("alice")), Cause(Actor("bea"))
    store.registered_models.create("raced", cause=author)
    run = store.runs.create(NewRun(run_id=new_run_id(), experiment_id="0", start_time=1))  # type: ignore[arg-type]
    for number in range(PROMOTIONS + 1):
        new = NewModelVersion(name="raced", source=f"runs:/{run.info.run_id}/m{number}")
        store.model_versions.create(new, cause=author)
    store.model_versions.transition("raced", 1, "Production", cause=author)
    policy = "policy: 1\nto: {Production: {approvals: {count: 1}}}\n"
    store.policies.set("raced", policy, cause=author)
    idents = [
        store.requests.create("raced", number, "Production", cause=author).request_id
        for number in range(2, PROMOTIONS + 2)
    ]
    outcomes = _race(store, idents, approver)
    report = store.audit.verify()
    held = store.audit.holders("raced", "Production", NOW * 10)
    latest = store.registered_models.latest("raced", ["Production"])
    store.close()
    if not report.ok or held != [one.version for one in latest]:
        raise SystemExit("the history and the stages differ")
    return outcomes


def _race(store: SqlStore, idents: list[str], cause: Cause) -> dict[str, float]:
    seen: list[int] = []
    over = threading.Event()
    gate = threading.Barrier(len(idents))
    results: list[str] = []

    def watch() -> None:
        while not over.is_set():
            seen.append(len(store.registered_models.latest("raced", ["Production"])))

    def approve(ident: str) -> None:
        gate.wait()
        try:
            results.append(store.requests.approve(ident, cause=cause).status.value)
        except Conflict:
            results.append("conflict")

    watcher = threading.Thread(target=watch)
    threads = [threading.Thread(target=approve, args=(ident,)) for ident in idents]
    watcher.start()
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = time.perf_counter() - began
    over.set()
    watcher.join()
    return {
        "completed": results.count("completed"),
        "conflict": results.count("conflict"),
        "lost": len(idents) - len(results),
        "looks": len(seen),
        "least_holders": min(seen),
        "most_holders": max(seen),
        "seconds": taken,
    }


def measure(
    database: str, folder: Path, uri_of: Callable[[str], str], options: Any
) -> dict[str, Any]:
    """All figures over one kind of database."""
    wanted = cases(options.models)
    uris = {tool: uri_of(tool) for tool in TOOLS}
    print(f"{database}: filling", file=sys.stderr)
    fill_assay(uris["assay"], options.models)
    fill_mlflow(uris["mlflow"].replace("postgresql:", "postgresql+psycopg:"), options.models)
    rounds: dict[str, list[dict[str, float]]] = {tool: [] for tool in TOOLS}
    for number in range(options.rounds):
        for tool in TOOLS:
            print(f"{database}: round {number + 1}, {tool}", file=sys.stderr)
            uri = uris[tool]
            if tool == "mlflow":
                uri = uri.replace("postgresql:", "postgresql+psycopg:")
            with serving(tool, uri, folder) as url:
                rounds[tool].append(answers(url, wanted))
    figures: dict[str, Any] = {
        tool: {
            case.name: statistics.median(one[case.name] for one in rounds[tool]) for case in wanted
        }
        for tool in TOOLS
    }
    figures["own"] = in_process(uris["assay"], options.models)
    figures["race"] = promotions(uris["assay"])
    return figures


def page(found: dict[str, dict[str, Any]], options: Any) -> str:
    """The figures as a page."""
    lines = [
        "# Performance of the registry",
        "",
        f"{options.models:,} registered models × {VERSIONS} versions, each with two tags; one",
        "keep-alive connection, 100 per page, ordered by time of change, the raw body taken;",
        f"medians of {options.rounds} rounds of {CALLS} calls, both servers in turn in one run on",
        "two shared cores. `common` tags are had by a tenth of all, `rare` ones by a handful.",
        "",
        "```bash",
        f"python -m benchmarks.registry --rounds {options.rounds}",
        "```",
        "",
    ]
    for database, figures in found.items():
        lines += [
            f"## {database}",
            "",
            "| | Assay | MLflow | ratio | aim |",
            "|---|---|---|---|---|",
        ]
        for case in cases(options.models):
            mine, theirs = figures["assay"][case.name], figures["mlflow"][case.name]
            aim = "≤ 20 ms, ≥ 10×" if "search" in case.path else "≤ 2 ms"
            lines.append(
                f"| {case.title} | {mine:.2f} ms | {theirs:.1f} ms | {theirs / mine:.0f}× | {aim} |"
            )
        own, race = figures["own"], figures["race"]
        lines += [
            f"| alias to files, in the store itself | {own['resolve_ms']:.2f} ms | | | ≤ 2 ms |",
            f"| audit verification, {own['records']:,.0f} records |"
            f" {own['verify_per_s']:,.0f}/s | | | ≥ 100,000/s |",
            "",
            f"{PROMOTIONS} requests for one place, approved at once from {PROMOTIONS} threads:"
            f" {race['completed']:.0f} completed, {race['conflict']:.0f} told that the place had"
            f" changed hands, {race['lost']:.0f} lost, in {race['seconds']:.2f} s. A reader looked"
            f" {race['looks']:.0f} times meanwhile and saw {race['least_holders']:.0f} to"
            f" {race['most_holders']:.0f} holders.",
            "",
        ]
    return "\n".join(lines)


def main() -> None:
    """Measure, print, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--models", type=int, default=5_000)
    parser.add_argument("--no-page", action="store_true", help="print only")
    options = parser.parse_args()
    # The tests' servers are real ones; this one is started as theirs are.
    from tests.services.postgres import running_postgres

    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as work:
        folder = Path(work)
        found["SQLite"] = measure(
            "SQLite", folder, lambda tool: f"sqlite:///{folder}/{tool}.db", options
        )
        with running_postgres(15) as server:
            found["PostgreSQL 15"] = measure(
                "PostgreSQL", folder, lambda tool: server.create_database(), options
            )
    shown = page(found, options)
    print(shown)
    if not options.no_page:
        TARGET.write_text(shown, encoding="utf-8")


if __name__ == "__main__":
    main()
