"""``assay projects``: what a project can run, with which parameters, in which environment."""

from __future__ import annotations

import click

from assay.cli.connection import location_of
from assay.cli.output import Cell, Format, format_options, print_json, print_rows, say
from assay.errors import InvalidInput
from assay.projects import plain
from assay.projects.loading import load
from assay.projects.sources.fetching import fetch
from assay.projects.spec import EntryPoint, Parameter, Project


@click.group()
def projects() -> None:
    """Show projects. `assay run` runs them."""


@projects.command("show")
@click.argument("uri")
@click.option("--version", "-v", help="Commit, tag or branch of a Git repository.")
@format_options
@click.pass_context
def show(ctx: click.Context, uri: str, version: str | None, output: Format) -> None:
    """Show entry points with their parameters, and the environment.

    \b
    Examples:
      assay projects show .
      assay projects show https://example.org/team/code.git#train -v main --json
    """
    with fetch(uri, version, location=location_of(ctx)) as source:
        project = load(source.folder)
        scripts = plain.scripts(source.folder)
        commit = source.commit
    if output == "json":
        print_json({"project": project, "scripts": scripts, "commit": commit})
        return
    if output == "table":
        _head(project, scripts, commit)
    columns = ("entry point", "parameter", "type", "default", "allowed", "help")
    rows = [row for entry in project.entry_points.values() for row in _rows(entry)]
    if rows:
        print_rows(columns, rows, output=output)
    elif not scripts:
        raise InvalidInput(f"{uri} has neither an MLproject file nor a script.")


def _head(project: Project, scripts: list[str], commit: str | None) -> None:
    environment = project.environment
    docker = "" if environment.docker is None else environment.docker.image
    facts: list[tuple[str, Cell]] = [
        ("project", project.name),
        ("about", project.help),
        ("commit", commit),
        ("environment", f"{environment.kind} {environment.file or docker}".strip()),
        ("secrets", ", ".join(project.secrets)),
        ("scripts", ", ".join(scripts)),
    ]
    print_rows(("field", "value"), [fact for fact in facts if fact[1]])
    say("")


def _rows(entry: EntryPoint) -> list[tuple[Cell, ...]]:
    first: tuple[Cell, ...] = (entry.name, "", "", "", "", entry.help or entry.command)
    return [
        first,
        *(
            (entry.name, one.name, one.type, _default(one), _allowed(one), one.help)
            for one in entry.parameters.values()
        ),
    ]


def _default(parameter: Parameter) -> str:
    if parameter.default is not None:
        return parameter.default
    return "(required)" if parameter.required else "(optional)"


def _allowed(parameter: Parameter) -> str:
    if parameter.choices:
        return ", ".join(parameter.choices)
    low = "" if parameter.min is None else f"{parameter.min:g}"
    high = "" if parameter.max is None else f"{parameter.max:g}"
    return f"{low} … {high}" if low or high else ""
