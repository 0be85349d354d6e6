"""``assay models``: show, verify and run models."""

from __future__ import annotations

import click

from assay.cli.models_docker import build_docker, generate_dockerfile
from assay.cli.models_environment import env
from assay.cli.models_list import list_models
from assay.cli.models_predict import predict
from assay.cli.models_show import card, example, get, show
from assay.cli.models_verify import scan, seal, verify
from assay.cli.serve import serve_model


@click.group()
def models() -> None:
    """Show, verify and run models.

    A model is named by its folder, by models:/<model id> or the id alone, by runs:/<run id>/<name>,
    or by the address of its folder (s3://…, mlflow-artifacts:/…).
    """


for _command in (
    show,
    list_models,
    verify,
    predict,
    env,
    scan,
    seal,
    card,
    get,
    example,
    serve_model,
    generate_dockerfile,
    build_docker,
):
    models.add_command(_command)
