"""``assay audit``: the log of the registry, and whether it is what was written."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from assay.cli.models_place import at_place
from assay.cli.output import Format, clean, format_options, print_json, say
from assay.cli.registry_history import AUDIT_COLUMNS, AUDIT_REST, audit_row, print_records
from assay.cli.registry_output import as_json_option
from assay.entities.audit import AuditHead, AuditRecord, AuditReport
from assay.errors import InvalidInput
from assay.fluent.reading import client_for
from assay.policies.chain import verify_records


@click.group()
def audit() -> None:
    """Read, export and verify the audit log of the registry."""


@audit.command("log")
@click.argument("name", required=False)
@click.option("--after", default=0, show_default=True, help="Only records behind this number.")
@click.option("--limit", "-n", default=100, show_default=True, type=click.IntRange(1, 10_000))
@format_options
@click.pass_context
def log(ctx: click.Context, name: str | None, *, after: int, limit: int, output: Format) -> None:
    """Print records, oldest first, of all or of one registered model.

    \b
    Examples:
      assay audit log --after 1000
      assay audit log digits --json
    """
    with at_place(ctx):
        records = client_for().store.audit.page(name=name, after=after, max_results=limit)
    print_records(records, output)


@audit.command("head")
@as_json_option
@click.pass_context
def head(ctx: click.Context, *, as_json: bool) -> None:
    """Print where the log ends now. Kept elsewhere, it proves that nothing was cut off since.

    \b
    Example:
      assay audit head > /mnt/elsewhere/head-2026-03-03
    """
    with at_place(ctx):
        found = client_for().store.audit.head()
    if as_json:
        print_json(found)
        return
    say(f"{found.seq}:{found.digest}")


@audit.command("verify")
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="An export in JSON, instead of the store's log.",
)
@click.option("--anchor", metavar="SEQ:DIGEST", help="A head noted earlier (assay audit head).")
@as_json_option
@click.pass_context
def verify(ctx: click.Context, *, file: Path | None, anchor: str | None, as_json: bool) -> None:
    """Compute all digests anew. Exit code 1, and the first altered record, if they don't fit.

    \b
    Examples:
      assay audit verify
      assay audit verify --anchor "$(cat /mnt/elsewhere/head-2026-03-03)"
      assay audit verify --file audit.json
    """
    noted = None if anchor is None else _anchor(anchor)
    if file is not None:
        report = verify_records(_read(file), noted)
    else:
        with at_place(ctx):
            report = client_for().store.audit.verify(noted)
    _tell(report, as_json=as_json)
    ctx.exit(0 if report.ok else 1)


def _tell(report: AuditReport, *, as_json: bool) -> None:
    if as_json:
        print_json({**msgspec.to_builtins(report), "ok": report.ok})
    elif report.problem is None:
        say(f"ok: {report.records:,} records, head {report.head.seq}:{report.head.digest}")
    else:
        say(clean(f"NOT OK: record {report.problem.seq}: {report.problem.why}"))


def _anchor(text: str) -> AuditHead:
    seq, colon, digest = text.strip().partition(":")
    if not colon or not seq.isdecimal() or len(digest) != 64:
        raise InvalidInput(f"{text!r} is no head of a log: SEQ:DIGEST, as `assay audit head` says.")
    return AuditHead(int(seq), digest)


def _read(file: Path) -> list[AuditRecord]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=list[AuditRecord])
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise InvalidInput(f"{file} is no export of an audit log: {error}.") from None


@audit.command("export")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["json", "csv"]),
    default="json",
    show_default=True,
    help="JSON can be verified again.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write. Default: standard output.",
)
@click.option("--name", help="Of one registered model; such a part can't be verified by itself.")
@click.pass_context
def export(ctx: click.Context, *, kind: str, output: Path | None, name: str | None) -> None:
    """Write the whole log.

    \b
    Examples:
      assay audit export -o audit.json
      assay audit export --format csv --name digits -o digits.csv
    """
    with at_place(ctx):
        records = client_for().store.audit.iterate(name)
        parts = _json(records) if kind == "json" else _csv(records)
        if output is None:
            for part in parts:
                click.echo(part, nl=False)
            return
        work = output.with_name(f".{output.name}.part")
        try:
            with work.open("w", encoding="utf-8") as stream:
                stream.writelines(parts)
            work.replace(output)
        finally:
            work.unlink(missing_ok=True)
    say(clean(f"written to {output}"))


def _json(records: Iterator[AuditRecord]) -> Iterator[str]:
    start = "[\n"
    for record in records:
        yield start + msgspec.json.encode(record).decode()
        start = ",\n"
    yield "[]\n" if start == "[\n" else "\n]\n"


def _csv(records: Iterator[AuditRecord]) -> Iterator[str]:
    def line(cells: tuple[object, ...]) -> str:
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\n").writerow(cells)
        return buffer.getvalue()

    yield line((*AUDIT_COLUMNS, *AUDIT_REST))
    for record in records:
        yield line(audit_row(record))
