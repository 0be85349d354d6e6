"""``assay registry promote``, ``check``, ``requests``, ``approve``, ``reject``, ``cancel`` and
``rollback``.
"""

from __future__ import annotations

import time
from pathlib import Path

import click

from assay.cli.models_place import at_place
from assay.cli.output import Cell, clean, is_terminal, print_json, print_rows, say, when
from assay.cli.registry_output import (
    as_json_option,
    exit_code,
    junit_option,
    print_gates,
    print_request,
    print_versions,
    reason_option,
    write_junit,
)
from assay.entities.registry_names import parse_version
from assay.entities.transitions import RequestStatus, TransitionRequest
from assay.errors import InvalidInput, TransitionRefused
from assay.fluent.reading import client_for
from assay.policies.junit import Suite
from assay.registry import asking
from assay.registry.checks import How
from assay.registry.dry_run import check as dry_run
from assay.registry.promotion import await_request
from assay.registry.promotion import promote as promote_version

_STATUSES = [str(status) for status in RequestStatus]


@click.command("promote")
@click.argument("name")
@click.option("--version", "-v", help="Which version; default: the highest number.")
@click.option("--from", "from_", metavar="experiment=NAME", help="Take the best run's model.")
@click.option("--best", metavar="METRIC", help="With --from: metrics.<key>.max or .min.")
@click.option("--to", "target", required=True, metavar="TARGET", help="A stage, or @ALIAS.")
@click.option(
    "--gate",
    "gates",
    multiple=True,
    metavar="CONDITION",
    help="What the run must meet before anything is changed: metrics.acc >= 0.9; repeat.",
)
@click.option("--request", "only_request", is_flag=True, help="Ask, and let others approve.")
@click.option("--wait", is_flag=True, help="Return when the request is closed.")
@click.option("--timeout", "timeout_s", type=float, metavar="S", help="With --wait: no longer.")
@click.option("--key", type=click.Path(path_type=Path), help="Private key that signs, if needed.")
@click.option("--trust", is_flag=True, help="Let code of the model run where it is checked.")
@junit_option
@reason_option
@as_json_option
@click.pass_context
def promote(
    ctx: click.Context,
    name: str,
    *,
    version: str | None,
    from_: str | None,
    best: str | None,
    target: str,
    gates: tuple[str, ...],
    only_request: bool,
    wait: bool,
    timeout_s: float | None,
    key: Path | None,
    trust: bool,
    junit: Path | None,
    reason: str,
    as_json: bool,
) -> None:
    """Ask for a version to be moved; it moves once its policy is met.

    Exit code 0 once it has moved, or with --request once it only waits for approvals; 1 if it was
    refused or still waits.

    \b
    Examples:
      assay registry promote digits --version 3 --to Staging
      assay registry promote digits --from experiment=digits --best metrics.val_accuracy.max \\
        --to Production --gate "metrics.val_accuracy >= 0.9" --request
    """
    try:
        with at_place(ctx):
            request = promote_version(
                name,
                to=target,
                version=None if version is None else parse_version(version),
                from_=from_,
                best=best,
                gates=gates,
                reason=reason,
                how=How(trust=True if trust else None, key=key, progress=_tell),
            )
            if wait and request.is_open:
                end = None if timeout_s is None else time.monotonic() + timeout_s
                request = _awaited(request, end)
    except TransitionRefused as error:
        click.echo(clean(error.message), err=True)
        ctx.exit(1)
    write_junit(junit, request)
    print_request(request, as_json=as_json)
    if only_request and not wait and request.is_open:
        return
    ctx.exit(exit_code(request))


def _awaited(request: TransitionRequest, end: float | None) -> TransitionRequest:
    click.echo(clean(f"waiting for {request.request_id}: {request.status_reason}"), err=True)
    try:
        return await_request(request.request_id, end=end)
    except TimeoutError as error:
        click.echo(clean(str(error)), err=True)
        return request


def _tell(what: str) -> None:
    if is_terminal():
        click.echo(clean(what), err=True)


@click.command("check")
@click.argument("name")
@click.argument("version")
@click.option("--to", "target", metavar="TARGET", help="One governed target; default: all.")
@click.option(
    "--policy",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A policy file; default: the policy in force.",
)
@click.option("--key", type=click.Path(path_type=Path), help="Private key that would sign.")
@click.option("--trust", is_flag=True, help="Let code of the model run.")
@junit_option
@as_json_option
@click.pass_context
def check(
    ctx: click.Context,
    name: str,
    version: str,
    *,
    target: str | None,
    policy: Path | None,
    key: Path | None,
    trust: bool,
    junit: Path | None,
    as_json: bool,
) -> None:
    """Hold a version against a policy; nothing is changed. Exit code 0 if all gates pass, else 1.

    \b
    Examples:
      assay registry check digits 3 --policy policy.yaml
      assay registry check digits 3 --to Production --junit gates.xml
    """
    text = None if policy is None else policy.read_text(encoding="utf-8")
    with at_place(ctx):
        found = dry_run(
            name,
            parse_version(version),
            policy=text,
            to=target,
            how=How(trust=True if trust else None, key=key, progress=_tell),
        )
    write_junit(
        junit,
        [
            Suite(name=f"{found.name}/{found.version} to {one.target}", checks=one.results)
            for one in found.targets
        ],
    )
    if as_json:
        print_json(found.to_dict())
    else:
        for one in found.targets:
            holders = ", ".join(map(str, one.holders)) or "nobody"
            say(clean(f"to {one.target} (held by {holders}):"))
            if not one.allowed:
                say("  the policy's transitions don't lead there from the version's stage")
            print_gates(one.results)
            if one.approvals:
                say(clean(f"  approvals: {one.approvals}"))
        say("ok" if found.ok else "NOT OK")
    ctx.exit(0 if found.ok else 1)


@click.command("requests")
@click.argument("name", required=False)
@click.option("--status", multiple=True, type=click.Choice(_STATUSES), help="Only these; repeat.")
@click.option("--id", "request_id", help="One request, with its gates and votes.")
@click.option("--limit", "-n", default=100, show_default=True, type=click.IntRange(1, 1_000))
@as_json_option
@click.pass_context
def requests(
    ctx: click.Context,
    name: str | None,
    *,
    status: tuple[str, ...],
    request_id: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List requests to move versions, the latest first.

    \b
    Examples:
      assay registry requests --status open
      assay registry requests digits --json
      assay registry requests --id r-5f3a
    """
    with at_place(ctx):
        if request_id is not None:
            print_request(client_for().store.requests.get(request_id), as_json=as_json)
            return
        found = asking.requests(name, statuses=status, max_results=limit)
    if as_json:
        print_json(found)
        return
    rows: list[tuple[Cell, ...]] = [
        (
            one.request_id,
            one.name,
            one.version,
            one.target,
            str(one.status),
            one.requested_by,
            when(one.time),
            one.status_reason,
        )
        for one in found
    ]
    columns = ("request", "model", "version", "to", "status", "by", "made", "why")
    print_rows(columns, rows)


@click.command("approve")
@click.argument("request_id")
@click.option("--comment", "--reason", "-m", default="", help="Why.")
@as_json_option
@click.pass_context
def approve(ctx: click.Context, request_id: str, *, comment: str, as_json: bool) -> None:
    """Say yes to a request; the version moves if nothing else is missing.

    \b
    Example:
      assay registry approve r-5f3a --comment "seen on last week's data"
    """
    with at_place(ctx):
        request = asking.approve(request_id, reason=comment)
    print_request(request, as_json=as_json)


@click.command("reject")
@click.argument("request_id")
@click.option("--comment", "--reason", "-m", required=True, help="Why.")
@as_json_option
@click.pass_context
def reject(ctx: click.Context, request_id: str, *, comment: str, as_json: bool) -> None:
    """Say no to a request, which closes it.

    \b
    Example:
      assay registry reject r-5f3a --comment "worse on small digits"
    """
    with at_place(ctx):
        request = asking.reject(request_id, reason=comment)
    print_request(request, as_json=as_json)


@click.command("cancel")
@click.argument("request_id")
@reason_option
@as_json_option
@click.pass_context
def cancel(ctx: click.Context, request_id: str, *, reason: str, as_json: bool) -> None:
    """Take a request back.

    \b
    Example:
      assay registry cancel r-5f3a
    """
    with at_place(ctx):
        request = asking.cancel(request_id, reason=reason)
    print_request(request, as_json=as_json)


@click.command("rollback")
@click.argument("name")
@click.option("--stage", help="Which stage goes back; default: Production.")
@click.option("--alias", help="Which alias goes back, instead of a stage.")
@reason_option
@as_json_option
@click.pass_context
def rollback(
    ctx: click.Context,
    name: str,
    *,
    stage: str | None,
    alias: str | None,
    reason: str,
    as_json: bool,
) -> None:
    """Give a stage or alias back to the version that had it before; again goes further back.

    \b
    Examples:
      assay registry rollback digits --reason "wrong on sevens"
      assay registry rollback digits --alias champion
    """
    if stage is not None and alias is not None:
        raise InvalidInput("Give --stage or --alias, not both.")
    target = stage or "Production" if alias is None else "@" + alias.removeprefix("@")
    with at_place(ctx):
        holders = asking.rollback(name, target, reason=reason)
    print_versions(holders, as_json=as_json)
