"""``assay serve`` and ``assay models serve``: answer predictions, and follow the registry."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from assay.cli.models_environment import tell
from assay.cli.models_place import URI_HELP, at_place, signature_option, whole_uri
from assay.cli.output import say
from assay.cli.serve_group import CommandWithMore
from assay.cli.serve_logging import log_settings, logging_options, opened_log
from assay.cli.serve_noting import noting
from assay.cli.serve_report import profile, report
from assay.cli.serve_truth import truth
from assay.errors import InvalidInput
from assay.serving.batching import BatchSettings
from assay.serving.settings import ENVIRONMENT_PREFIX, Limits, ServingSettings

_DEFAULTS = ServingSettings()
_LIMITS = _DEFAULTS.limits
_MEBI = 1 << 20


def _shared(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of both commands."""
    options = (
        click.option("--host", "-h", default=_DEFAULTS.host, show_default=True, help="Address."),
        click.option(
            "--port",
            "-p",
            type=click.IntRange(0, 65_535),
            default=_DEFAULTS.port,
            show_default=True,
        ),
        click.option(
            "--grpc-port",
            type=click.IntRange(1, 65_535),
            help="Speak the Open Inference Protocol over gRPC too, on this port (extra grpc).",
        ),
        click.option(
            "--workers",
            "-w",
            type=click.IntRange(1, 256),
            default=_DEFAULTS.workers,
            show_default=True,
            help="Processes, each with the models.",
        ),
        click.option(
            "--env-manager",
            type=click.Choice(["auto", "local", "uv", "conda", "virtualenv"]),
            default="auto",
            show_default=True,
            help="Whose packages: this Python's, or the model's own environment. auto: this Python"
            " if it has exactly what the model asks for.",
        ),
        click.option("--trust", is_flag=True, help="Let code of the models run."),
        signature_option,
        click.option(
            "--timeout",
            "-t",
            "timeout_s",
            type=click.FloatRange(0.001),
            default=_LIMITS.timeout_s,
            show_default=True,
            help="Seconds that a prediction may take.",
        ),
        click.option(
            "--max-body-mb",
            type=click.IntRange(1),
            default=_LIMITS.body_bytes // _MEBI,
            show_default=True,
            help="Largest body of a request.",
        ),
        click.option(
            "--max-rows",
            type=click.IntRange(1),
            default=_LIMITS.rows,
            show_default=True,
            help="Rows of a request.",
        ),
        click.option(
            "--max-concurrency",
            type=click.IntRange(1),
            default=_LIMITS.concurrency,
            show_default=True,
            help="Predictions at once in each process; more get 503.",
        ),
        click.option(
            "--threads",
            type=click.IntRange(1),
            default=_DEFAULTS.threads,
            show_default=True,
            help="Of each process, for predictions that take long.",
        ),
        click.option(
            "--batch-rows",
            type=click.IntRange(1),
            default=_DEFAULTS.batches.max_rows,
            show_default=True,
            help="Rows that are predicted together; 1: each request by itself.",
        ),
        click.option(
            "--batch-wait-ms",
            type=click.FloatRange(0, 1_000),
            default=0.0,
            show_default=True,
            help="How long a batch waits for company.",
        ),
        click.option(
            "--follow",
            "follow_s",
            type=click.FloatRange(0),
            default=_DEFAULTS.follow_s,
            show_default=True,
            help="Seconds between two looks at the registry; 0: never.",
        ),
        click.option(
            "--figures/--no-figures",
            default=True,
            envvar=ENVIRONMENT_PREFIX + "FIGURES",
            show_default=True,
            help="While the registry is followed, tell it what each version answers, for the pages"
            " of the UI: requests, failures and times of the last hour. ASSAY_SERVE_FIGURES=false"
            " is --no-figures.",
        ),
        click.option(
            "--allow-load",
            is_flag=True,
            help="Load and unload models of the registry as clients ask, by /v2/repository.",
        ),
        click.option(
            "--insecure", is_flag=True, help="Answer beyond this machine without a token."
        ),
        click.option(
            "--allowed-host",
            "allowed_hosts",
            multiple=True,
            envvar=ENVIRONMENT_PREFIX + "ALLOWED_HOSTS",
            help="A name that clients may use; repeat, or commas between.",
        ),
        click.option(
            "--tls-certificate",
            type=click.Path(exists=True, dir_okay=False, resolve_path=True),
            help="PEM file with the certificate and those above it: answer by TLS.",
        ),
        click.option(
            "--tls-key",
            type=click.Path(exists=True, dir_okay=False, resolve_path=True),
            help="PEM file with its key.",
        ),
        click.option(
            "--log-level",
            type=click.Choice(["critical", "error", "warning", "info", "debug"]),
            default=_DEFAULTS.log_level,
            show_default=True,
        ),
    )
    command = logging_options(command)
    for option in reversed(options):
        command = option(command)
    return command


@click.command(cls=CommandWithMore, no_args_is_help=False)
@click.argument("uris", nargs=-1, metavar="[NAME=]URI...")
@click.option(
    "--models-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help='A JSON file that names the models instead, {"NAME": "URI"}; it is followed as well.',
)
@click.option(
    "--deployment-id",
    help="A deployment of the registry, under which the versions that answer are noted.",
)
@_shared
@click.pass_context
def serve(
    ctx: click.Context,
    /,
    *,
    uris: tuple[str, ...],
    models_file: Path | None,
    deployment_id: str | None,
    **given: Any,
) -> None:
    """Answer predictions with one or more models, until Ctrl-C or SIGTERM.

    A URI by stage or alias is followed: when the registry names another version, that one is loaded
    and tried, then takes over without a request lost. SIGHUP restarts the workers likewise.
    With ASSAY_SERVE_TOKEN set, only those who send it as a bearer token are answered.

    \b
    Examples:
      assay serve models:/digits/Production
      assay serve models:/digits@champion --port 8080 --workers 4
      assay serve small=models:/digits@small large=models:/digits@large
      curl localhost:5000/invocations -H 'Content-Type: application/json' -d '{"inputs": [[1, 2]]}'
    """
    if bool(uris) == (models_file is not None):
        raise click.UsageError("Name the models either by their URIs or in a --models-file.")
    if models_file is not None and given["allow_load"]:
        raise click.UsageError("--allow-load and --models-file would both say what is served.")
    _serve(ctx, list(uris), given, models_file=models_file, deployment_id=deployment_id)


for _command in (report, truth, profile):
    serve.add_command(_command)


@click.command("serve")
@click.option("--model-uri", "--model", "-m", "uri", required=True, help=URI_HELP)
# SageMaker starts a container as `docker run IMAGE serve`, whatever its entry point is.
@click.argument("word", required=False, type=click.Choice(["serve"]), metavar="[serve]")
@_shared
@click.pass_context
def serve_model(ctx: click.Context, /, *, uri: str, word: str | None, **given: Any) -> None:
    """Answer predictions with one model; `assay serve` by the name that MLflow has for it. The word
    serve at the end, with which clouds start containers, changes nothing.

    \b
    Examples:
      assay models serve -m models:/digits/Production -p 5001
      assay models serve -m runs:/3f2a/model --env-manager local
    """
    del word
    _serve(ctx, [uri], given)


def _serve(
    ctx: click.Context,
    uris: list[str],
    given: dict[str, Any],
    *,
    models_file: Path | None = None,
    deployment_id: str | None = None,
) -> None:
    settings = _settings(given)
    # The supervisor and what it needs are loaded when there is something to serve.
    from assay.serving.process.address import check_exposure
    from assay.serving.process.supervisor import serve as run
    from assay.serving.process.targets import Resolver, targets_in, targets_of

    check_exposure(settings)
    if settings.grpc_port is not None:
        from assay.serving.protocols.grpc_messages import check_installed

        check_installed()
    if models_file is None:
        targets = targets_of([whole_uri(uri) for uri in uris])
    else:
        targets = targets_in(models_file)
    with at_place(ctx), ExitStack() as environment:
        resolver = Resolver(targets, file=models_file, require_signature=settings.require_signature)
        plan = resolver.plan()
        from assay.serving.process.environment import interpreter_for
        from assay.serving.watching.telling import Teller
        from assay.serving.watching.watch import Watch

        python = environment.enter_context(interpreter_for(plan, settings, progress=tell))
        watch = Watch(errors=given["alert_errors"])
        tells = given["figures"] and settings.follow_s > 0
        log = environment.enter_context(opened_log(settings.prediction_log, plan, watch, given))
        names = ", ".join(target.name for target in targets)
        run(
            resolver,
            settings,
            python,
            plan=plan,
            started=lambda url: say(f"Answering predictions of {names} at {url} (Ctrl-C ends it)"),
            changed=None if deployment_id is None else noting(deployment_id),
            log=log,
            watch=watch,
            teller=Teller(deployment_id=deployment_id or "") if tells else None,
        )


def _settings(given: dict[str, Any]) -> ServingSettings:
    if (given["tls_certificate"] is None) != (given["tls_key"] is None):
        raise InvalidInput("TLS needs both --tls-certificate and --tls-key.")
    manager = given["env_manager"]
    return ServingSettings(
        host=given["host"],
        port=given["port"],
        grpc_port=given["grpc_port"],
        workers=given["workers"],
        threads=given["threads"],
        env_manager="uv" if manager == "virtualenv" else manager,
        trust=True if given["trust"] else None,
        require_signature=given["require_signature"],
        limits=Limits(
            body_bytes=given["max_body_mb"] * _MEBI,
            rows=given["max_rows"],
            concurrency=given["max_concurrency"],
            timeout_s=given["timeout_s"],
        ),
        batches=BatchSettings(given["batch_rows"], given["batch_wait_ms"] / 1_000),
        follow_s=given["follow_s"],
        allow_load=given["allow_load"],
        insecure=given["insecure"],
        token=os.environ.get(ENVIRONMENT_PREFIX + "TOKEN") or None,
        allowed_hosts=tuple(
            name for text in given["allowed_hosts"] for name in text.split(",") if name
        ),
        tls_certificate=given["tls_certificate"],
        tls_key=given["tls_key"],
        log_level=given["log_level"],
        prediction_log=log_settings(given),
    )
