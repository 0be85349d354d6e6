"""``assay deployments``: put models to work on a target, with the options that MLflow has."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from inspect import signature
from pathlib import Path
from typing import Any

import click
import msgspec

from assay.cli.models_place import URI_HELP, at_place, whole_uri
from assay.cli.output import Cell, clean, print_json, print_rows, say, when
from assay.deployments.config import pairs
from assay.deployments.targets import get_deploy_client, target_help, target_names
from assay.deployments.targets import run_local as run_in_foreground
from assay.errors import InvalidInput, MissingExtra

_TYPES = ("json", "csv")


def _target(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--target",
        "-t",
        "target",
        required=True,
        envvar=["ASSAY_DEPLOYMENTS_TARGET", "MLFLOW_DEPLOYMENTS_TARGET"],
        help="URI of the target, such as local; `assay deployments help` lists them.",
    )(command)


def _name(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--name", required=True, help="Name of the deployment.")(command)


def _config(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--config",
        "-C",
        "config",
        metavar="NAME=VALUE",
        multiple=True,
        help="A setting of the target; repeat. `assay deployments help -t TARGET` lists them.",
    )(command)


def _flavor(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--flavor", "-f", help="Only python_function, the default.")(command)


def _endpoint(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--endpoint", help="For plugins that have endpoints.")(command)


def _as_json(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


@click.group()
def deployments() -> None:
    """Put models to work: on this machine, in containers, on clusters and clouds.

    Each deployment of a registered version is noted in the registry and is part of its lineage.

    \b
    Examples:
      assay deployments create -t local --name digits -m models:/digits@champion
      assay deployments list -t local
      assay deployments predict -t local --name digits -I rows.json
    """


@deployments.command("create")
@_endpoint
@_config
@_name
@_target
@click.option("--model-uri", "-m", "model_uri", required=True, help=URI_HELP)
@_flavor
@_as_json
@click.pass_context
def create(
    ctx: click.Context,
    /,
    *,
    target: str,
    name: str,
    model_uri: str,
    flavor: str | None,
    config: tuple[str, ...],
    endpoint: str | None,
    as_json: bool,
) -> None:
    """Put a model to work, and wait until it answers.

    \b
    Examples:
      assay deployments create -t local --name digits -m models:/digits@champion
      assay deployments create -t local --name digits -m models:/digits/3 -C workers=4 -C port=8080
    """
    settings = pairs(config)
    with at_place(ctx):
        client = get_deploy_client(target)
        made = _call(
            client.create_deployment,
            name,
            whole_uri(model_uri),
            flavor,
            config=settings,
            endpoint=endpoint,
        )
    _tell(made, "is made", name=name, as_json=as_json)


@deployments.command("update")
@_endpoint
@_config
@_name
@_target
@click.option("--model-uri", "-m", "model_uri", help=URI_HELP)
@_flavor
@_as_json
@click.pass_context
def update(
    ctx: click.Context,
    /,
    *,
    target: str,
    name: str,
    model_uri: str | None,
    flavor: str | None,
    config: tuple[str, ...],
    endpoint: str | None,
    as_json: bool,
) -> None:
    """Change the model or settings of a deployment; the old one answers until the new one does.

    Without either, a URI by stage or alias is looked up again: after a rollback of the registry,
    this rolls the deployments that don't follow by themselves.

    \b
    Examples:
      assay deployments update -t local --name digits -m models:/digits/4
      assay deployments update -t kubernetes --name digits
      assay deployments update -t local --name digits -C workers=8 -C max_rows=
    """
    settings = pairs(config)
    with at_place(ctx):
        client = get_deploy_client(target)
        made = _call(
            client.update_deployment,
            name,
            model_uri=None if model_uri is None else whole_uri(model_uri),
            flavor=flavor,
            config=settings,
            endpoint=endpoint,
        )
    _tell(made, "is updated", name=name, as_json=as_json)


@deployments.command("delete")
@_endpoint
@_config
@_name
@_target
@click.pass_context
def delete(
    ctx: click.Context,
    /,
    *,
    target: str,
    name: str,
    config: tuple[str, ...],
    endpoint: str | None,
) -> None:
    """End a deployment. One that isn't there is no error.

    \b
    Example:
      assay deployments delete -t local --name digits
    """
    settings = pairs(config)
    with at_place(ctx):
        client = get_deploy_client(target)
        _call(client.delete_deployment, name, config=settings, endpoint=endpoint)
    say(clean(f"Deployment {name} is deleted"))


@deployments.command("list")
@_endpoint
@_target
@_as_json
@click.pass_context
def list_(ctx: click.Context, /, *, target: str, endpoint: str | None, as_json: bool) -> None:
    """List the deployments of a target.

    \b
    Examples:
      assay deployments list -t local
      assay deployments list -t local --json
    """
    with at_place(ctx):
        found = _call(get_deploy_client(target).list_deployments, endpoint=endpoint)
    if as_json:
        print_json([dict(one) for one in found])
        return
    columns = ("name", "state", "model", "version", "endpoint", "by", "since")
    rows: list[tuple[Cell, ...]] = [
        (
            one["name"],
            *(str(_fact(one, key)) for key in ("state", "model", "version", "endpoint", "actor")),
            when(_fact(one, "updated_ms") or None),
        )
        for one in found
    ]
    print_rows(columns, rows)


@deployments.command("get")
@_endpoint
@_name
@_target
@_as_json
@click.pass_context
def get(
    ctx: click.Context, /, *, target: str, name: str, endpoint: str | None, as_json: bool
) -> None:
    """Show all that is known of a deployment.

    \b
    Example:
      assay deployments get -t local --name digits
    """
    with at_place(ctx):
        found = _call(get_deploy_client(target).get_deployment, name, endpoint=endpoint)
    if as_json:
        print_json(dict(found))
        return
    for key in found:
        value = found[key]
        if isinstance(value, Mapping):
            value = ", ".join(f"{inner}={text}" for inner, text in value.items())
        if key.endswith("_ms"):
            value = when(value)
        say(clean(f"{key.removesuffix('_ms')}: {value}"))


@deployments.command("predict")
@click.option("--name", help="Name of the deployment; this or --endpoint.")
@click.option("--endpoint", help="For plugins that have endpoints.")
@_target
@click.option(
    "--input-path",
    "-I",
    "input_path",
    required=True,
    type=click.Path(exists=True, allow_dash=True, dir_okay=False, path_type=Path),
    help="A request as for /invocations, an array of records, or a CSV; -: standard input.",
)
@click.option(
    "--content-type",
    type=click.Choice(_TYPES),
    help="Of the input, where its ending doesn't tell.",
)
@click.option(
    "--output-path",
    "-O",
    "output_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the answer goes as JSON; standard output unless given.",
)
@click.pass_context
def predict(
    ctx: click.Context,
    /,
    *,
    target: str,
    name: str | None,
    endpoint: str | None,
    input_path: Path,
    content_type: str | None,
    output_path: Path | None,
) -> None:
    """Ask a deployment for predictions.

    \b
    Examples:
      assay deployments predict -t local --name digits -I rows.json
      assay deployments predict -t local --name digits -I rows.csv -O answer.json
    """
    if (name is None) == (endpoint is None):
        raise click.UsageError("Give exactly one of --name and --endpoint.")
    with click.open_file(str(input_path), "rb") as file:
        content = file.read()
    kind = content_type or input_path.suffix.lower().removeprefix(".") or "json"
    if kind not in _TYPES:
        raise InvalidInput(
            f"What is in {input_path}? Say --content-type {' or --content-type '.join(_TYPES)}."
        )
    inputs = _request(content, kind, where=str(input_path))
    with at_place(ctx):
        answer = _call(get_deploy_client(target).predict, name, inputs, endpoint=endpoint)
    if hasattr(answer, "to_json"):
        text = str(answer.to_json())
    else:
        text = msgspec.json.encode(answer).decode()
    if output_path is None:
        say(text)
    else:
        output_path.write_text(text + "\n", encoding="utf-8")


@deployments.command("run-local")
@_config
@_name
@_target
@click.option("--model-uri", "-m", "model_uri", required=True, help=URI_HELP)
@_flavor
@click.pass_context
def run_local(
    ctx: click.Context,
    /,
    *,
    target: str,
    name: str,
    model_uri: str,
    flavor: str | None,
    config: tuple[str, ...],
) -> None:
    """Run a model here as the target would, in the foreground, until Ctrl-C.

    \b
    Examples:
      assay deployments run-local -t local --name digits -m models:/digits@champion -C port=8080
      assay deployments run-local -t docker --name digits -m models:/digits/3
    """
    with at_place(ctx):
        run_in_foreground(target, name, whole_uri(model_uri), flavor, pairs(config))


@deployments.command("logs")
@_name
@_target
@click.option(
    "--lines",
    "-n",
    type=click.IntRange(1, 100_000),
    default=100,
    show_default=True,
    help="How many of the last ones.",
)
@click.pass_context
def logs(ctx: click.Context, /, *, target: str, name: str, lines: int) -> None:
    """Print what a deployment has written.

    \b
    Example:
      assay deployments logs -t local --name digits -n 20
    """
    with at_place(ctx):
        text = _offered(get_deploy_client(target), "logs")(name, lines=lines)
    for line in str(text).splitlines():
        say(clean(line))


@deployments.command("restart")
@_name
@_target
@_as_json
@click.pass_context
def restart(ctx: click.Context, /, *, target: str, name: str, as_json: bool) -> None:
    """Start a deployment again, such as one that has died.

    \b
    Example:
      assay deployments restart -t local --name digits
    """
    with at_place(ctx):
        made = _offered(get_deploy_client(target), "restart")(name)
    _tell(made, "is started again", name=name, as_json=as_json)


@deployments.command("help")
@click.option(
    "--target", "-t", "target", help="URI of a target; without one, the targets are listed."
)
def help_(target: str | None) -> None:
    """Tell what a target takes: its URI and its settings.

    \b
    Examples:
      assay deployments help
      assay deployments help -t local
    """
    if target is None:
        say("Targets: " + ", ".join(target_names()))
        return
    for line in target_help(target).splitlines():
        say(clean(line))


def _call(method: Callable[..., Any], *args: Any, **named: Any) -> Any:
    """A method of a client. A plugin's may lack ``config`` or ``endpoint``, as MLflow allows."""
    known = signature(method).parameters
    lenient = any(one.kind is one.VAR_KEYWORD for one in known.values())
    for name in [name for name in named if name not in known and not lenient]:
        if named.pop(name):
            raise InvalidInput(f"This target takes no {name}.")
    return method(*args, **named)


def _offered(client: Any, ability: str) -> Callable[..., Any]:
    method = getattr(client, ability, None)
    if method is None:
        raise InvalidInput(f"The target {client.target_uri} doesn't offer {ability}.")
    return method  # type: ignore[no-any-return]  # a plugin's


def _request(content: bytes, kind: str, *, where: str) -> Any:
    """What a client's ``predict`` takes: a request, or a table."""
    if kind == "csv":
        return _table(content, where=where)
    try:
        read = msgspec.json.decode(content)
    except msgspec.MsgspecError as error:
        raise InvalidInput(f"{where} is no JSON: {error}.") from None
    if isinstance(read, list) and read and all(isinstance(one, dict) for one in read):
        return {"dataframe_records": read}
    return read


def _table(content: bytes, *, where: str) -> Any:
    try:
        import pandas as pd
    except ImportError:
        raise MissingExtra("pandas", extra="pandas", purpose="Reading a CSV") from None
    try:
        return pd.read_csv(io.BytesIO(content))
    except (ValueError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{where} is no CSV with a header: {error}.") from None


def _fact(deployment: Any, key: str) -> Any:
    """One fact; a plugin's deployments may lack it."""
    return deployment[key] if key in list(deployment) else ""


def _tell(made: Any, done: str, *, name: str, as_json: bool) -> None:
    if as_json:
        print_json({"name": name} if made is None else dict(made))
        return
    say(clean(f"Deployment {name} {done}"))
    if made is None:
        return
    for key in ("state", "version", "endpoint", "reason"):
        value = _fact(made, key)
        if value:
            say(clean(f"  {key}: {value}"))
