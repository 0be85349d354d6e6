"""``assay registry deploy``: where versions were put to work, for lineage and audit."""

from __future__ import annotations

import os

import click

from assay.cli.models_place import at_place
from assay.cli.output import Cell, clean, print_json, print_rows, say, when
from assay.cli.registry_output import as_json_option, pairs, reason_option
from assay.entities.governance import Deployment
from assay.entities.registry_names import parse_version
from assay.fluent.reading import client_for
from assay.store.user import local_cause


@click.group()
def deploy() -> None:
    """Note where versions were put to work; what runs them is yours to choose.

    \b
    Example:
      assay registry deploy list digits
    """


@deploy.command("record")
@click.argument("name")
@click.argument("version")
@click.option("--target", required=True, help="What runs it: kubernetes, local, …")
@click.option("--endpoint", default="", help="Where it answers.")
@click.option("--id", "deployment_id", help="Its id; the same again replaces what is noted.")
@click.option("--detail", "details", multiple=True, metavar="KEY=VALUE", help="More facts; repeat.")
@reason_option
@as_json_option
@click.pass_context
def record(
    ctx: click.Context,
    name: str,
    version: str,
    *,
    target: str,
    endpoint: str,
    deployment_id: str | None,
    details: tuple[str, ...],
    reason: str,
    as_json: bool,
) -> None:
    """Note that a version was put to work.

    \b
    Example:
      assay registry deploy record digits 3 --target kubernetes --endpoint https://digits.example
    """
    with at_place(ctx):
        made = client_for().store.deployments.record(
            Deployment(
                deployment_id=deployment_id or f"d-{os.urandom(8).hex()}",
                name=name,
                version=parse_version(version),
                target=target,
                endpoint=endpoint,
                details=pairs(details, "--detail"),
            ),
            cause=local_cause(reason),
        )
    if as_json:
        print_json(made)
        return
    say(clean(f"{made.deployment_id}: {made.name} {made.version} on {made.target}"))


@deploy.command("end")
@click.argument("deployment_id")
@reason_option
@as_json_option
@click.pass_context
def end(ctx: click.Context, deployment_id: str, *, reason: str, as_json: bool) -> None:
    """Note that a deployment is over.

    \b
    Example:
      assay registry deploy end d-5f3a
    """
    with at_place(ctx):
        made = client_for().store.deployments.end(deployment_id, cause=local_cause(reason))
    if as_json:
        print_json(made)
        return
    say(clean(f"{made.deployment_id} ended {when(made.ended_time)}"))


@deploy.command("list")
@click.argument("name", required=False)
@click.option("--version", "-v", help="Only of this version.")
@as_json_option
@click.pass_context
def list_deployments(
    ctx: click.Context, name: str | None, *, version: str | None, as_json: bool
) -> None:
    """List deployments, the latest first.

    \b
    Example:
      assay registry deploy list digits
    """
    number = None if version is None else parse_version(version)
    with at_place(ctx):
        found = client_for().store.deployments.of(name=name, version=number)
    if as_json:
        print_json(found)
        return
    rows: list[tuple[Cell, ...]] = [
        (
            one.deployment_id,
            one.name,
            one.version,
            one.target,
            one.endpoint,
            one.actor,
            when(one.time),
            when(one.ended_time),
        )
        for one in found
    ]
    columns = ("deployment", "model", "version", "target", "endpoint", "by", "since", "ended")
    print_rows(columns, rows)
