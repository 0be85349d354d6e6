"""Logging models: save, hand the files to the spool, and tell the store of a logged model.

The model's id is made here, so logging waits for nobody: the store learns of the model by the
journal, its files follow, and when the last one is there the model is READY. Only a plain MLflow
server, which makes ids itself, is asked first. Registering is up to the store, so that waits for
the delivery.
"""

from __future__ import annotations

import logging
import shlex
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from assay.artifacts.transfer import upload_tree
from assay.client.recorder import Recorder
from assay.context.source import source_tags
from assay.entities.ids import ExperimentId, ModelId, check_model_id, new_model_id
from assay.entities.logged_models import LoggedModelOutput, LoggedModelStatus, NewLoggedModel
from assay.entities.names import ArtifactPath, artifact_path
from assay.entities.operations import CreateModel, LogOutputs
from assay.entities.registry_names import check_registered_name
from assay.entities.tags import GIT_COMMIT
from assay.errors import AssayError, InvalidInput, StoreUnavailable
from assay.flavors.base import Flavor, flavor_named, flavor_names
from assay.fluent.active import OpenRun, here
from assay.fluent.experiments import chosen_experiment
from assay.fluent.logged_models import remember_model
from assay.fluent.reading import client_for, current_recorder
from assay.models import card, digests
from assay.models.mlmodel import Model
from assay.models.saving import Belongs, Extras, save

DEFAULT_NAME = "model"
ENVIRONMENT_TAG = "assay.environment.verified"
"""``true`` or ``false``: whether the environment was rebuilt and gave the same predictions."""
REPORT_TAG = "assay.environment.report"
_log = logging.getLogger(__name__)


class Logging(msgspec.Struct, frozen=True, kw_only=True):
    """How a model is logged, beside what is saved with it."""

    name: str = DEFAULT_NAME
    params: Mapping[str, Any] | None = None
    tags: Mapping[str, Any] | None = None
    model_type: str | None = None
    step: int = 0
    model_id: str | None = None
    """Log into this model, made before with ``initialize_logged_model``."""
    registered_model_name: str | None = None
    verify_env: bool = False


def flavor_of(model: Any) -> Flavor:
    """The flavor that takes a model; its framework is not imported for asking.

    Raises:
        InvalidInput: none does.
    """
    flavors = [flavor_named(name) for name in flavor_names()]
    for flavor in sorted(flavors, key=lambda one: one.is_base):
        if flavor.accepts(model):
            return flavor
    raise InvalidInput(
        f"No flavor takes a {type(model).__module__}.{type(model).__name__}. Name one with flavor=,"
        " or wrap it in an assay.pyfunc.PythonModel."
    )


def log_with(
    model: Any,
    flavor: Flavor,
    how: Logging,
    *,
    extras: Extras,
    options: Mapping[str, Any],
) -> Model:
    """Save a model with ``flavor`` and log it to the active run, if there is one."""
    if how.registered_model_name:
        check_registered_name(how.registered_model_name)
    run = here.top
    meta = _log_to(run, model, flavor, how, extras=extras, options=options)
    if how.registered_model_name:
        _register(meta, how.registered_model_name, run, made_here=how.model_id is None)
    return meta


def _register(meta: Model, name: str, run: OpenRun | None, *, made_here: bool) -> None:
    """Register what was logged. A store that is away doesn't hold up the program."""
    client = client_for(None if run is None else run.location)
    # A model that was made before may belong to another run.
    uri, run_id = str(meta.model_uri), meta.run_id if made_here else None
    try:
        version = client.register_version(name, uri, run_id, meta.model_id)
    except StoreUnavailable as error:
        _log.warning(
            "The model is logged, but not registered as %r: %s When it is delivered, register it"
            " with: assay registry register %s %s",
            name,
            error.message,
            uri,
            shlex.quote(name),
        )
        return
    meta.registered_model_version = version.version


def _log_to(
    run: OpenRun | None,
    model: Any,
    flavor: Flavor,
    how: Logging,
    *,
    extras: Extras,
    options: Mapping[str, Any],
) -> Model:
    recorder = run.recorder if run is not None else current_recorder()
    params = {**(run.params if run is not None else {}), **(how.params or {})}
    new = NewLoggedModel(
        model_id=check_model_id(how.model_id) if how.model_id else new_model_id(),
        experiment_id=ExperimentId(""),
        name=how.name,
        model_type=how.model_type,
        source_run_id=None if run is None else run.run_id,
        tags={**source_tags(), **{k: str(v) for k, v in (how.tags or {}).items()}},
        params={key: str(value) for key, value in params.items()},
    )
    if how.model_id is None and _makes_ids(recorder):
        return _log_to_mlflow(model, flavor, how, new, extras=extras, options=options)
    with tempfile.TemporaryDirectory(prefix="assay-model-") as work:
        folder = Path(work) / "model"
        belongs = _belongs(new.model_id, run, how.name)
        meta = save(model, flavor, folder, extras=extras, options=options, belongs=belongs)
        tags = _verified(folder) if how.verify_env else {}
        if how.model_id is None:
            new = msgspec.structs.replace(new, tags={**new.tags, **tags})
            recorder.append(_creation(new, run))
        elif tags:
            client_for(recorder.location).set_logged_model_tags(new.model_id, tags)
        _hand_over(recorder, new.model_id, folder)
    note_output(run, new.model_id, how.step)
    return meta


def _creation(new: NewLoggedModel, run: OpenRun | None) -> CreateModel:
    start = None if run is None else run.start
    if start is not None:
        ident, name = start.experiment_id, start.experiment_name
    elif run is not None and run.entity is not None:
        ident, name = run.entity.info.experiment_id, ""
    elif run is not None:
        ident, name = client_for(run.location).get_run(run.run_id).info.experiment_id, ""
    else:
        choice = chosen_experiment()
        ident, name = choice.operation_id, choice.operation_name
    return CreateModel(msgspec.structs.replace(new, experiment_id=ExperimentId(ident)), name)


def _hand_over(recorder: Recorder, model_id: ModelId, folder: Path) -> None:
    """Put the files into the spool, the digests last: with them the model is complete."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    paths = {artifact_path(file.relative_to(folder).as_posix()): file for file in files}
    last = ArtifactPath(digests.FILE)
    digest = paths.pop(last)
    recorder.model_artifacts(model_id, list(paths.items()))
    recorder.model_artifact(model_id, last, digest, completes=True)


def note_output(run: OpenRun | None, model_id: ModelId, step: int) -> None:
    """A model was logged, and made by ``run`` if there is one."""
    remember_model(model_id)
    if run is not None:
        run.recorder.append(LogOutputs(run.run_id, [LoggedModelOutput(model_id, step)]))


def _belongs(model_id: str, run: OpenRun | None, name: str) -> Belongs:
    return Belongs(
        model_id=model_id,
        run_id=None if run is None else run.run_id,
        facts=_facts_of(run, name),
    )


def _facts_of(run: OpenRun | None, name: str) -> card.Facts:
    """What the card tells of the run. A store that is away doesn't hold it up."""
    if run is None:
        return card.Facts(name=name)
    try:
        known = client_for(run.location).get_run(run.run_id)
    except AssayError:
        return card.Facts(name=name, params=dict(run.params))
    return card.Facts(
        name=name,
        run_name=known.info.run_name,
        params={**known.data.params, **run.params},
        metrics=known.data.metrics,
        datasets=[f"{d.dataset.name} ({d.dataset.digest})" for d in known.inputs.dataset_inputs],
        commit=known.data.tags.get(GIT_COMMIT, ""),
        source=known.data.tags.get("mlflow.source.name", ""),
    )


def _verified(folder: Path) -> dict[str, str]:
    from assay.models.environments.verifying import verify_environment

    report = verify_environment(folder)
    if not report.ok:
        _log.warning("The model's environment doesn't reproduce its predictions: %s", report.error)
    return {
        ENVIRONMENT_TAG: str(report.ok).lower(),
        REPORT_TAG: msgspec.json.encode(report).decode(),
    }


def _makes_ids(recorder: Recorder) -> bool:
    """Whether models are kept by a plain MLflow server, which makes their ids."""
    if recorder.location.kind != "http":
        return False
    try:
        return not getattr(client_for(recorder.location).store, "is_assay", True)
    except StoreUnavailable:
        return False


def _log_to_mlflow(
    model: Any,
    flavor: Flavor,
    how: Logging,
    new: NewLoggedModel,
    *,
    extras: Extras,
    options: Mapping[str, Any],
) -> Model:
    run = here.top
    client = client_for(None if run is None else run.location)
    experiment = (
        chosen_experiment().experiment.experiment_id
        if run is None
        else client.get_run(run.run_id).info.experiment_id
    )
    made = client.store.logged_models.create(msgspec.structs.replace(new, experiment_id=experiment))
    try:
        with tempfile.TemporaryDirectory(prefix="assay-model-") as work:
            folder = Path(work) / "model"
            belongs = _belongs(made.model_id, run, how.name)
            meta = save(model, flavor, folder, extras=extras, options=options, belongs=belongs)
            if how.verify_env:
                client.set_logged_model_tags(made.model_id, _verified(folder))
            upload_tree(client.model_artifact_store(made.model_id), folder)
    except BaseException:
        client.finalize_logged_model(made.model_id, LoggedModelStatus.FAILED)
        raise
    client.finalize_logged_model(made.model_id, LoggedModelStatus.READY)
    note_output(run, made.model_id, how.step)
    return meta
