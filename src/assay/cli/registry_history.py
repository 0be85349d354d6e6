"""``assay registry history``, ``holder``, ``lineage`` and ``diff``."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import click

from assay.cli.models_place import at_place
from assay.cli.output import Cell, Format, clean, format_options, print_json, print_rows, say, when
from assay.cli.registry_output import as_json_option, plain
from assay.entities.audit import AuditRecord
from assay.entities.governance import Direction, Lineage, LineageNode, NodeKind
from assay.entities.registry_names import parse_version
from assay.errors import InvalidInput
from assay.registry import asking
from assay.registry.comparing import Change, Comparison
from assay.registry.comparing import compare as compare_versions

AUDIT_REST = ("details", "reason", "registered_id", "previous", "digest")
AUDIT_COLUMNS = ("seq", "time", "actor", "verified", "origin", "action", "name", "version")


@click.command("history")
@click.argument("name")
@format_options
@click.pass_context
def history(ctx: click.Context, name: str, output: Format) -> None:
    """Tell all that happened to a registered model, oldest first: who, when, what, why.

    \b
    Examples:
      assay registry history digits
      assay registry history digits --csv > digits.csv
    """
    with at_place(ctx):
        records = asking.history(name)
    print_records(records, output)


def print_records(records: list[AuditRecord], output: Format) -> None:
    """Audit records: whole as JSON and CSV, the main things as a table."""
    if output == "json":
        print_json(records)
        return
    if output == "csv":
        rows = [audit_row(one) for one in records]
        print_rows((*AUDIT_COLUMNS, *AUDIT_REST), rows, output="csv")
        return
    shown: list[tuple[Cell, ...]] = [
        (
            one.seq,
            when(one.time),
            one.actor + ("" if one.verified or not one.actor else " (claimed)"),
            one.action,
            one.version,
            _told(one.details),
            one.reason,
        )
        for one in records
    ]
    print_rows(("seq", "time", "who", "what", "version", "details", "why"), shown)


def audit_row(record: AuditRecord) -> tuple[Cell, ...]:
    """A record as a row of CSV; details as JSON."""
    return (
        record.seq,
        datetime.fromtimestamp(record.time / 1_000, tz=UTC).isoformat(timespec="milliseconds"),
        record.actor,
        str(record.verified).lower(),
        record.origin,
        record.action,
        record.name,
        record.version,
        json.dumps(record.details, sort_keys=True, ensure_ascii=False),
        record.reason,
        record.registered_id,
        record.previous,
        record.digest,
    )


_LEFT_OUT = frozenset({"moves", "results", "files"})
"""Details that a table has no room for; JSON and CSV have them."""


def _told(details: dict[str, Any]) -> str:
    """Moves first, then gates in short, then the rest as it is."""
    parts = [
        f"{move['target']}: {_versions(move['from'])} → {_versions(move['to'])}"
        for move in details.get("moves", ())
    ]
    states = [one.get("status") for one in details.get("results", ())]
    parts += [f"gates: {states.count(state)} {state}" for state in dict.fromkeys(states)]
    parts += [
        f"{key}={plain(value)}"
        for key, value in details.items()
        if key not in _LEFT_OUT and value not in ("", None, [], {})
    ]
    return "; ".join(parts)


def _versions(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers)) or "–"


@click.command("holder")
@click.argument("name")
@click.option("--stage", help="Which stage; default: Production.")
@click.option("--alias", help="Which alias, instead of a stage.")
@click.option(
    "--at", "moment", metavar="TIME", help="2026-03-03 or 2026-03-03T12:00+01:00; default: now."
)
@as_json_option
@click.pass_context
def holder(
    ctx: click.Context,
    name: str,
    *,
    stage: str | None,
    alias: str | None,
    moment: str | None,
    as_json: bool,
) -> None:
    """Tell which version held a stage or alias at a time. Exit code 1 if none did.

    A date alone means its end, in this machine's time zone.

    \b
    Examples:
      assay registry holder digits --stage Production --at 2026-03-03
      assay registry holder digits --alias champion
    """
    if stage is not None and alias is not None:
        raise InvalidInput("Give --stage or --alias, not both.")
    target = stage or "Production" if alias is None else "@" + alias.removeprefix("@")
    with at_place(ctx):
        found = asking.holder_at(name, target, _moment(moment))
    if as_json:
        print_json({"name": name, "target": target, "versions": found})
    else:
        say(", ".join(map(str, found)) or "none")
    ctx.exit(0 if found else 1)


def _moment(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{text!r} is no time: write 2026-03-03 or 2026-03-03T12:00.") from None
    if len(text.strip()) <= len("2026-03-03"):
        found = found.replace(hour=23, minute=59, second=59, microsecond=999_999)
    return found if found.tzinfo is not None else found.astimezone()


@click.command("lineage")
@click.argument("start")
@click.option(
    "--kind",
    type=click.Choice([str(kind) for kind in NodeKind]),
    default=str(NodeKind.VERSION),
    show_default=True,
    help="What START names: NAME/VERSION, a data set's digest, or the id of the others.",
)
@click.option("--upstream", "way", flag_value="upstream", help="Only what it came of.")
@click.option("--downstream", "way", flag_value="downstream", help="Only what came of it.")
@click.option("--dot", "as_dot", is_flag=True, help="Print a graph for Graphviz.")
@as_json_option
@click.pass_context
def lineage(
    ctx: click.Context, start: str, *, kind: str, way: str | None, as_dot: bool, as_json: bool
) -> None:
    """Show what came of what: data set, run, model, version, deployment.

    \b
    Examples:
      assay registry lineage digits/3
      assay registry lineage 9f86d081 --kind dataset --downstream
      assay registry lineage digits/3 --dot | dot -Tsvg > lineage.svg
    """
    with at_place(ctx):
        graph = asking.lineage(kind, start, direction=way or Direction.BOTH)
    if as_json:
        print_json(graph)
    elif as_dot:
        say(dot_text(graph))
    else:
        for line in _tree(graph):
            say(clean(line))
        if graph.truncated:
            click.echo("There is more: the farthest nodes are left out.", err=True)


def dot_text(graph: Lineage) -> str:
    """The graph in Graphviz's language."""

    def quoted(text: str) -> str:
        return '"' + clean(text).replace("\\", "\\\\").replace('"', '\\"') + '"'

    lines = ["digraph lineage {", "  rankdir=LR;", "  node [shape=box];"]
    lines += [f"  {quoted(_id(node))} [label={quoted(_name(node))}];" for node in graph.nodes]
    lines += [
        f"  {quoted(edge.source)} -> {quoted(edge.target)} [label={quoted(edge.relation)}];"
        for edge in graph.edges
    ]
    return "\n".join([*lines, "}"])


def _id(node: LineageNode) -> str:
    return f"{node.kind}:{node.id}"


def _name(node: LineageNode) -> str:
    # A label is for people; what is asked for next is the id.
    known = {"id": node.id if node.label not in ("", node.id) else "", **node.facts}
    facts = ", ".join(f"{key} {value}" for key, value in known.items() if value)
    words = f"{str(node.kind).replace('_', ' ')} {node.label or node.id}"
    return f"{words} ({facts})" if facts else words


def _tree(graph: Lineage) -> list[str]:
    """Each thing under what it came of; one that came of several stands under each, whole once."""
    nodes = {_id(node): node for node in graph.nodes}
    below: dict[str, list[tuple[str, str]]] = {}
    for edge in graph.edges:
        below.setdefault(edge.source, []).append((edge.target, edge.relation))
    targets = {edge.target for edge in graph.edges}
    lines: list[str] = []
    seen: set[str] = set()

    def walk(ident: str, depth: int, relation: str) -> None:
        mark = "→ " if ident == graph.start else "  "
        name = _name(nodes[ident]) if ident in nodes else ident
        told = f"{relation}: " if relation else ""
        again = " …" if ident in seen and below.get(ident) else ""
        lines.append(f"{mark}{'  ' * depth}{told}{name}{again}")
        if ident in seen:
            return
        seen.add(ident)
        for target, how in below.get(ident, ()):
            walk(target, depth + 1, how)

    for ident in nodes:
        if ident not in targets:
            walk(ident, 0, "")
    return lines


@click.command("diff")
@click.argument("first")
@click.argument("second")
@click.argument("third", required=False)
@as_json_option
@click.pass_context
def diff(ctx: click.Context, first: str, second: str, third: str | None, *, as_json: bool) -> None:
    """Compare two versions: metrics, params, tags, signature, environment, files.

    \b
    Examples:
      assay registry diff digits 2 3
      assay registry diff digits/3 handwriting/1 --json
    """
    if third is None:
        name, a = _named(first)
        other, b = _named(second)
    else:
        name, a = first, parse_version(second)
        other, b = first, parse_version(third)
    with at_place(ctx):
        found = compare_versions(name, a, b, other_name=other)
    if as_json:
        print_json(found.to_dict())
        return
    rows = [row for part in _PARTS for row in _rows(part, found)]
    print_rows(("part", "name", found.a, found.b), rows)
    for note in found.notes:
        click.echo(f"note: {clean(note)}", err=True)
    if not rows:
        say("no differences")


_PARTS = ("metrics", "params", "tags", "signature", "environment", "files")


def _rows(part: str, found: Comparison) -> list[tuple[Cell, ...]]:
    changes: list[Change] = getattr(found, part)
    return [(part, one.name, _side(part, one.before), _side(part, one.after)) for one in changes]


def _side(part: str, value: Any) -> Cell:
    if part == "files" and isinstance(value, str):
        return value[:12]
    return value if isinstance(value, int | float) else plain(value)


def _named(text: str) -> tuple[str, int]:
    name, slash, version = text.removeprefix("models:/").rpartition("/")
    if not slash:
        raise InvalidInput(f"{text!r} names no version: write NAME/VERSION, or NAME A B.")
    return name, parse_version(version)
