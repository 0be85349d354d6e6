"""``assay serve report`` and ``profile``: how served models do."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assay.cli.ages import age_ms
from assay.cli.models_place import at_place
from assay.cli.output import clean, print_json, print_rows, say
from assay.errors import InvalidInput
from assay.serving.settings import ENVIRONMENT_PREFIX

if TYPE_CHECKING:
    from assay.data.drift import Limits
    from assay.serving.log.report import ReferenceOf, VersionReport

DRIFTED_EXIT_CODE = 1
"""Of ``report``: a column is beyond its limit."""
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
since_option = click.option(
    "--since", metavar="AGE", help="Only requests of the last while, as in 24h or 7d."
)
model_option = click.option("--model", help="Only this model.")


@click.command()
@click.argument("places", nargs=-1, required=True, metavar="LOG|URL...")
@click.option(
    "--reference",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Data to compare inputs with: CSV, Parquet, or a profile that `assay serve profile` wrote."
    " Without it, the training data set that the version's run logged.",
)
@click.option(
    "--max-psi",
    type=click.FloatRange(0, min_open=True),
    default=0.25,
    show_default=True,
    help="Population stability index from which a column has drifted.",
)
@click.option(
    "--max-ks",
    type=click.FloatRange(0, 1, min_open=True),
    help="Kolmogorov-Smirnov statistic from which it has, too.",
)
@click.option(
    "--min-rows",
    type=click.IntRange(1),
    default=200,
    show_default=True,
    help="Rows below which drift isn't judged.",
)
@since_option
@model_option
@json_option
@click.pass_context
def report(
    ctx: click.Context,
    /,
    *,
    places: tuple[str, ...],
    reference: Path | None,
    max_psi: float,
    max_ks: float | None,
    min_rows: int,
    since: str | None,
    model: str | None,
    as_json: bool,
) -> None:
    """Tell how versions do: counts, times and agreement of shadows, of a running server (URL), a
    prediction log, or both; of a log also how far inputs have drifted. Exit code 1: a column is
    beyond a limit.

    A log is a folder, an s3://bucket/prefix, or runs:/<run id>. A server with a token gets that of
    ASSAY_SERVE_TOKEN.

    \b
    Examples:
      assay serve report http://127.0.0.1:5000
      assay serve report s3://bucket/log --since 24h --reference train.parquet
      assay serve report ./log --max-psi 0.2 --json
    """
    from assay.data.drift import Limits

    limits = Limits(max_psi, max_ks, min_rows)
    servers: list[dict[str, Any]] = []
    found: list[VersionReport] = []
    with at_place(ctx):
        for place in places:
            if place.startswith(("http://", "https://")):
                servers.append({"url": place, **_server_facts(place)})
            else:
                found += _of_log(
                    place, reference=reference, limits=limits, since=since, model=model
                )
    if as_json:
        print_json({"servers": servers, "versions": found})
    else:
        for facts in servers:
            _print_server(facts)
        _print_versions(found)
    if any(one.has_drifted for one in found):
        ctx.exit(DRIFTED_EXIT_CODE)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The JSON file to write.",
)
def profile(file: Path, output: Path) -> None:
    """Keep of a CSV or Parquet file what later data are compared with: quantiles and counts.

    \b
    Example:
      assay serve profile train.parquet -o profile.json
    """
    import msgspec

    from assay.serving.watching.references import profile_in

    made = profile_in(file)
    work = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        work.write_bytes(msgspec.json.encode(made))
        work.replace(output)
    except OSError as error:
        raise InvalidInput(f"{output} can't be written: {error.strerror}.") from None
    say(f"{clean(str(output))}: {len(made.columns)} columns of {made.rows:,} rows")


def start_ms(since: str | None) -> int:
    """From when on requests count; ms since the epoch.

    Raises:
        InvalidInput: it is no age.
    """
    return 0 if since is None else int(time.time() * 1_000) - age_ms(since)


def _of_log(
    place: str,
    *,
    reference: Path | None,
    limits: Limits,
    since: str | None,
    model: str | None,
) -> list[VersionReport]:
    from assay.serving.log.places import place_to_read
    from assay.serving.log.reading import read_log
    from assay.serving.log.report import report_of
    from assay.serving.watching.references import TrainingData, profile_in

    given = None if reference is None else profile_in(reference)
    reference_of: ReferenceOf = TrainingData(tell_note) if given is None else (lambda *_: given)
    logs = read_log(place_to_read(place), since_ms=start_ms(since), model=model)
    for one in logs:
        if not one.is_whole:
            tell_note(f"{one.model}: only its latest {len(one):,} rows are looked at")
    return [one for rows in logs for one in report_of(rows, reference_of, limits)]


def tell_note(text: str) -> None:
    """Something beside the table, for whoever looks on."""
    click.echo(clean(text), err=True)


def _server_facts(url: str) -> dict[str, Any]:
    """What a server tells of itself."""
    import msgspec
    import urllib3

    token = os.environ.get(ENVIRONMENT_PREFIX + "TOKEN")
    headers = {"authorization": f"Bearer {token}"} if token else {}
    try:
        with urllib3.PoolManager(timeout=10.0, retries=False) as pool:
            answer = pool.request("GET", url.rstrip("/") + "/models", headers=headers)
        if answer.status != 200:
            raise InvalidInput(f"{url} answers {answer.status}: it is no scoring server of ours.")
        return msgspec.json.decode(answer.data, type=dict[str, Any])
    except (urllib3.exceptions.HTTPError, msgspec.MsgspecError) as error:
        raise InvalidInput(f"{url} can't be asked: {error}.") from None


def _print_server(facts: dict[str, Any]) -> None:
    columns = ("route", "model", "version", "percent", "answered", "refused", "failed")
    more = ("p50_ms", "p95_ms", "p99_ms", "agreed", "disagreed", "logged", "worst_psi")
    rows = []
    for route in facts["routes"]:
        for one in route["versions"]:
            share = "shadow" if one["is_shadow"] else one["weight"]
            counts = (one["answered"], one["refused"], one["failed"])
            times = [None if one[k] is None else one[k] * 1e3 for k in ("p50_s", "p95_s", "p99_s")]
            agreed = (one["agreed"], one["disagreed"])
            rows.append([route["name"], one["name"], one["version"], share, *counts, *times])
            rows[-1] += agreed if one["is_shadow"] else (None, None)
            rows[-1] += (one["logged"], max(one["drift"].values(), default=None))
    print_rows((*columns, *more), rows)
    for reason in facts["not_served"]:
        tell_note(f"not served: {reason}")


def _print_versions(found: list[VersionReport]) -> None:
    if not found:
        return
    columns = ("model", "version", "role", "requests", "failed", "rows")
    print_rows(
        (*columns, "p50_ms", "p95_ms", "p99_ms", "agreement", "drifted"),
        [
            (
                one.model,
                one.version,
                "shadow" if one.is_shadow else "answers",
                one.requests,
                one.failed,
                one.rows,
                one.p50_ms,
                one.p95_ms,
                one.p99_ms,
                one.agreement,
                ", ".join(c.column for c in one.drift if c.has_drifted),
            )
            for one in found
        ],
    )
    if not any(one.drift for one in found):
        return
    say("")
    print_rows(
        ("model", "version", "column", "verdict", "psi", "ks", "missing", "missing_before", "rows"),
        [
            (
                one.model,
                one.version,
                c.column,
                c.verdict,
                c.psi,
                c.ks,
                c.missing,
                c.missing_before,
                c.rows,
            )
            for one in found
            for c in one.drift
        ],
    )
