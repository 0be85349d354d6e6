"""The names of ``assay``: loaded on first use, told to type checkers, and those of MLflow."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import mlflow
import pytest

import assay
import assay.artifacts
import assay.entities
import assay.exceptions

SAME_AS_MLFLOW = [
    "active_run",
    "clear_active_model",
    "create_experiment",
    "create_external_model",
    "delete_experiment",
    "delete_experiment_tag",
    "delete_logged_model_tag",
    "delete_run",
    "delete_tag",
    "end_run",
    "finalize_logged_model",
    "get_active_model_id",
    "get_artifact_uri",
    "get_experiment",
    "get_experiment_by_name",
    "get_logged_model",
    "get_parent_run",
    "get_run",
    "get_tracking_uri",
    "initialize_logged_model",
    "is_tracking_uri_set",
    "last_active_run",
    "last_logged_model",
    "load_table",
    "log_artifact",
    "log_artifacts",
    "log_dict",
    "log_figure",
    "log_image",
    "log_input",
    "log_inputs",
    "log_metric",
    "log_metrics",
    "log_model_params",
    "log_outputs",
    "log_param",
    "log_params",
    "log_stream",
    "log_table",
    "log_text",
    "register_model",
    "restore_experiment",
    "restore_run",
    "search_experiments",
    "search_logged_models",
    "search_model_versions",
    "search_registered_models",
    "search_runs",
    "set_active_model",
    "set_experiment_tag",
    "set_experiment_tags",
    "set_logged_model_tags",
    "set_model_version_tag",
    "set_tag",
    "set_tags",
    "set_tracking_uri",
    "start_run",
]

NOT_OURS = {"env_pack", "trace_location"}
"""Arguments about things that Assay does not have."""


@pytest.mark.parametrize("name", SAME_AS_MLFLOW)
def test_arguments_have_the_names_and_order_of_mlflow(name: str) -> None:
    ours = list(inspect.signature(getattr(assay, name)).parameters)
    theirs = [p for p in inspect.signature(getattr(mlflow, name)).parameters if p not in NOT_OURS]
    assert ours[: len(theirs)] == theirs


@pytest.mark.parametrize(
    "name", ["download_artifacts", "list_artifacts", "load_dict", "load_image", "load_text"]
)
def test_artifact_functions_have_the_arguments_of_mlflow(name: str) -> None:
    ours = list(inspect.signature(getattr(assay.artifacts, name)).parameters)
    theirs = list(inspect.signature(getattr(mlflow.artifacts, name)).parameters)
    assert ours[: len(theirs)] == theirs


def test_every_name_can_be_loaded_and_no_other() -> None:
    for name in assay.__all__:
        assert getattr(assay, name) is not None
        assert name in dir(assay)
    with pytest.raises(AttributeError, match="no_such_name"):
        assay.no_such_name  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(AttributeError, match="no_such_name"):
        assay.artifacts.no_such_name  # type: ignore[attr-defined]  # noqa: B018


def test_type_checkers_are_told_the_same_names() -> None:
    stub = ast.parse(Path(str(assay.__file__)).with_suffix(".pyi").read_text())
    told = {
        alias.asname
        for node in ast.walk(stub)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    for node in stub.body:
        if isinstance(node, ast.Assign):
            told |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    assert told == set(assay.__all__)


def test_names_that_scripts_for_mlflow_import() -> None:
    assert assay.exceptions.MlflowException is assay.errors.AssayError
    assert assay.MlflowClient is assay.Client
    assert assay.tracking.MlflowClient is assay.Client
    point = assay.entities.Metric("k", 1.0, 5, 2)
    assert (point.key, point.value, point.timestamp, point.step) == ("k", 1.0, 5, 2)
    assert assay.entities.RunTag("k", "v").value == "v"
    assert int(assay.entities.ViewType.ALL) == mlflow.entities.ViewType.ALL
