"""What the commands of ``assay registry`` share: options, and how things are told."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from assay.cli.output import Cell, clean, console, is_terminal, print_json, print_rows, say, when
from assay.entities.model_versions import ModelVersion
from assay.entities.transitions import CheckStatus, GateResult, RequestStatus, TransitionRequest
from assay.policies.junit import Suite, junit_text, suite_of

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
reason_option = click.option(
    "--reason", "-m", default="", metavar="TEXT", help="Why; kept in the audit log."
)
junit_option = click.option(
    "--junit",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the gates as JUnit XML, which CI systems show as tests.",
)
_MARKS = {CheckStatus.PASSED: "yes", CheckStatus.FAILED: "NO", CheckStatus.PENDING: "…"}
_COLOURS = {
    RequestStatus.COMPLETED: "green",
    RequestStatus.OPEN: "yellow",
}


def print_versions(found: Sequence[ModelVersion], *, as_json: bool) -> None:
    """Versions as a table or JSON."""
    if as_json:
        print_json(list(found))
        return
    columns = ("version", "stage", "aliases", "run", "model", "by", "created", "description")
    rows: list[tuple[Cell, ...]] = [
        (
            one.version,
            one.current_stage,
            ", ".join(f"@{alias}" for alias in one.aliases),
            one.run_id,
            one.model_id,
            one.user_id,
            when(one.creation_timestamp),
            one.description,
        )
        for one in found
    ]
    print_rows(columns, rows)


def print_request(request: TransitionRequest, *, as_json: bool) -> None:
    """A request with its gates and votes."""
    if as_json:
        print_json(request)
        return
    if request.checks:
        print_gates(request.checks)
    for vote in request.votes:
        word = "approved" if vote.approve else "rejected"
        say(clean(f"{word} by {vote.actor}{': ' + vote.comment if vote.comment else ''}"))
    line = f"{request.request_id}: {request.name} {request.version} to {request.target}: "
    told = f"{line}{request.status}"
    if request.status_reason:
        told += f" ({request.status_reason})"
    if not is_terminal():
        say(clean(told))
        return
    text = Text(clean(told))
    start = len(clean(line))
    text.stylize(_COLOURS.get(request.status, "red"), start, start + len(request.status))
    console().print(text, soft_wrap=True)


def print_gates(checks: Sequence[GateResult]) -> None:
    """Gates with what was found."""
    rows: list[tuple[Cell, ...]] = [
        (one.condition, _MARKS[one.status], one.value, one.limit, one.message) for one in checks
    ]
    print_rows(("gate", "ok", "value", "limit", "message"), rows)


def exit_code(request: TransitionRequest) -> int:
    """What a script is told: 0 once the version was moved, 1 otherwise."""
    return 0 if request.status is RequestStatus.COMPLETED else 1


def write_junit(file: Path | None, found: TransitionRequest | Sequence[Suite]) -> None:
    """Write gates as JUnit XML, if a file is named."""
    if file is None:
        return
    suites = [suite_of(found)] if isinstance(found, TransitionRequest) else list(found)
    file.write_text(junit_text(suites), encoding="utf-8")


def pairs(texts: Sequence[str], option: str) -> dict[str, str]:
    """``KEY=VALUE`` texts as a dictionary.

    Raises:
        click.UsageError: one has no ``=``.
    """
    found: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise click.UsageError(f"{option} takes KEY=VALUE, not {text!r}.")
        found[key] = value
    return found


def plain(value: Any) -> str:
    """A value in one line for people."""
    return "" if value is None else clean(str(value))
