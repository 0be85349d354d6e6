"""``assay registry policy``: what it takes to move a version."""

from __future__ import annotations

from pathlib import Path

import click

from assay.cli.models_place import at_place
from assay.cli.output import Cell, clean, print_json, print_rows, say, when
from assay.cli.registry_output import as_json_option, reason_option
from assay.errors import InvalidInput
from assay.fluent.reading import client_for
from assay.policies.policy import describe, parse_policy
from assay.store.user import local_cause

_default = click.option("--default", is_flag=True, help="That of all models without their own.")


@click.group()
def policy() -> None:
    """Set and show what it takes to move a version: transitions, gates, approvals.

    A policy is a YAML file that lives in your repository; docs/formats/policy.md tells its format.

    \b
    Example:
      assay registry policy set digits -f policy.yaml
    """


def _whose(name: str | None, *, default: bool) -> str:
    if default == (name is not None):
        raise InvalidInput("Name a registered model, or give --default.")
    return name or ""


@policy.command("show")
@click.argument("name", required=False)
@_default
@as_json_option
@click.pass_context
def show(ctx: click.Context, name: str | None, *, default: bool, as_json: bool) -> None:
    """Print the policy that holds for a model. Exit code 1 if there is none.

    \b
    Examples:
      assay registry policy show digits
      assay registry policy show --default --json
    """
    whose = _whose(name, default=default)
    with at_place(ctx):
        found = client_for().store.policies.find(whose)
    if as_json:
        meaning = None if found is None else describe(parse_policy(found.text))
        print_json({"policy": found, "meaning": meaning})
    elif found is None:
        say("no policy: every move is allowed")
    else:
        say(found.text.rstrip("\n"))
        whose_it_is = f"of {found.name}" if found.name else "default"
        click.echo(
            clean(f"# {whose_it_is}, revision {found.revision}, {found.author}"),
            err=True,
        )
    ctx.exit(0 if found is not None else 1)


@policy.command("set")
@click.argument("name", required=False)
@click.option(
    "--file",
    "-f",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The policy, in YAML.",
)
@_default
@reason_option
@as_json_option
@click.pass_context
def set_policy(
    ctx: click.Context,
    name: str | None,
    *,
    file: Path,
    default: bool,
    reason: str,
    as_json: bool,
) -> None:
    """Put a policy into force; open requests that the old one governed are cancelled.

    \b
    Examples:
      assay registry policy set digits -f policy.yaml
      assay registry policy set --default -f policy.yaml --reason "team decision of May"
    """
    whose = _whose(name, default=default)
    with at_place(ctx):
        made = client_for().store.policies.set(
            whose, file.read_text(encoding="utf-8"), cause=local_cause(reason)
        )
    if as_json:
        print_json(made)
        return
    governed = ", ".join(parse_policy(made.text).targets) or "nothing"
    say(clean(f"revision {made.revision}, governs {governed}"))


@policy.command("remove")
@click.argument("name", required=False)
@_default
@reason_option
@as_json_option
@click.pass_context
def remove(
    ctx: click.Context, name: str | None, *, default: bool, reason: str, as_json: bool
) -> None:
    """Take a policy away; its revisions stay to be read.

    \b
    Example:
      assay registry policy remove digits --reason "retired"
    """
    whose = _whose(name, default=default)
    with at_place(ctx):
        client_for().store.policies.remove(whose, cause=local_cause(reason))
    if as_json:
        print_json({"name": whose, "removed": True})
        return
    say(clean(f"{whose or 'the default policy'}: no policy of its own any more"))


@policy.command("revisions")
@click.argument("name", required=False)
@_default
@as_json_option
@click.pass_context
def revisions(ctx: click.Context, name: str | None, *, default: bool, as_json: bool) -> None:
    """List all revisions of a policy, the newest first.

    \b
    Example:
      assay registry policy revisions digits --json
    """
    whose = _whose(name, default=default)
    with at_place(ctx):
        found = client_for().store.policies.revisions(whose)
    if as_json:
        print_json(found)
        return
    rows: list[tuple[Cell, ...]] = [
        (one.revision, when(one.time), one.author, "removed" if not one.text else len(one.text))
        for one in found
    ]
    print_rows(("revision", "time", "author", "characters"), rows)


@policy.command("validate")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@as_json_option
def validate(file: Path, *, as_json: bool) -> None:
    """Read a policy file and say what it means; exit code 2 if it contradicts itself.

    \b
    Example:
      assay registry policy validate policy.yaml
    """
    meaning = describe(parse_policy(file.read_text(encoding="utf-8")))
    if as_json:
        print_json(meaning)
        return
    say(clean(f"stages: {', '.join(meaning['stages'])}"))
    steps = meaning["transitions"]
    say(clean(f"transitions: {'all' if steps is None else ', '.join(steps)}"))
    for target, rules in meaning["targets"].items():
        say(clean(f"to {target}:"))
        for gate in rules["gates"]:
            say(clean(f"  {gate['condition']}"))
        wanted = rules["approvals"]
        if wanted is not None:
            say(clean(f"  {wanted['count']} of {', '.join(wanted['from'])} approve"))
