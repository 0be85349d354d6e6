"""Logged models: models as MLflow 3 tracks them, with params, tags and metrics of their own."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from assay.client.frames import FrameFormat, frame, installed_frame_library
from assay.context.source import source_tags
from assay.entities.ids import check_model_id
from assay.entities.logged_models import LoggedModel, LoggedModelStatus
from assay.errors import InvalidInput
from assay.fluent.active import here
from assay.fluent.experiments import chosen_experiment
from assay.fluent.reading import client_for
from assay.fluent.runs import active_run

if TYPE_CHECKING:
    from typing import Self

IS_EXTERNAL = "mlflow.model.isExternal"
"""Tag of a model whose files are kept elsewhere."""
ACTIVE_MODEL_VARIABLES = ("ASSAY_ACTIVE_MODEL_ID", "MLFLOW_ACTIVE_MODEL_ID")
MAX_RESULTS = 100_000
_PAGE = 1_000

_last_model_id: str | None = None


class ActiveModel(LoggedModel, frozen=True):
    """The model that metrics of this thread belong to; a context manager that gives it back."""

    before: str | None = None

    @classmethod
    def of(cls, model: LoggedModel, before: str | None) -> Self:
        """``model``, after which ``before`` becomes active again."""
        facts = {name: getattr(model, name) for name in LoggedModel.__struct_fields__}
        return cls(**facts, before=before)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        here.model_id = self.before


def initialize_logged_model(
    name: str | None = None,
    source_run_id: str | None = None,
    tags: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    model_type: str | None = None,
    experiment_id: str | None = None,
) -> LoggedModel:
    """Make a logged model with status PENDING, of the active run unless another is named."""
    run = active_run()
    if source_run_id is None and run is not None:
        source_run_id = run.info.run_id
    if experiment_id is None:
        experiment_id = (
            run.info.experiment_id
            if run is not None
            else chosen_experiment().experiment.experiment_id
        )
    model = client_for().create_logged_model(
        experiment_id,
        name=name,
        source_run_id=source_run_id,
        tags={**source_tags(), **(tags or {})},
        params=params,
        model_type=model_type,
    )
    remember_model(model.model_id)
    return model


def remember_model(model_id: str) -> None:
    """This process logged a model: ``last_logged_model`` is this one now."""
    global _last_model_id
    _last_model_id = model_id


def create_external_model(
    name: str | None = None,
    source_run_id: str | None = None,
    tags: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    model_type: str | None = None,
    experiment_id: str | None = None,
) -> LoggedModel:
    """Make a logged model whose files are kept elsewhere; it is READY at once."""
    model = initialize_logged_model(
        name,
        source_run_id,
        {**(tags or {}), IS_EXTERNAL: "true"},
        params,
        model_type,
        experiment_id,
    )
    return finalize_logged_model(model.model_id, LoggedModelStatus.READY)


def finalize_logged_model(model_id: str, status: str | LoggedModelStatus) -> LoggedModel:
    """Say that the model's files are complete (``READY``) or never will be (``FAILED``)."""
    return client_for().finalize_logged_model(model_id, status)


def get_logged_model(model_id: str) -> LoggedModel:
    """The model. Raises ``LoggedModelNotFound``."""
    return client_for().get_logged_model(model_id)


def last_logged_model() -> LoggedModel | None:
    """The model that this process logged last, as it is now; ``None`` if it logged none."""
    return None if _last_model_id is None else get_logged_model(_last_model_id)


def log_model_params(params: Mapping[str, Any], model_id: str | None = None) -> None:
    """Log params of a model, the active one unless another is named.

    Raises:
        InvalidInput: no model is named and none is active.
    """
    ident = model_id or get_active_model_id()
    if ident is None:
        raise InvalidInput("Name a model, or make one active with assay.set_active_model.")
    client_for().log_model_params(ident, params)


def set_logged_model_tags(model_id: str, tags: Mapping[str, Any]) -> None:
    """Set tags of a model."""
    client_for().set_logged_model_tags(model_id, tags)


def delete_logged_model_tag(model_id: str, key: str) -> None:
    """Delete a tag of a model. Raises ``TagNotFound``."""
    client_for().delete_logged_model_tag(model_id, key)


def delete_logged_model(model_id: str) -> None:
    """Move the model to the bin."""
    client_for().delete_logged_model(model_id)


def search_logged_models(
    experiment_ids: Sequence[str] | None = None,
    filter_string: str | None = None,
    datasets: Sequence[Mapping[str, str]] | None = None,
    max_results: int | None = None,
    order_by: Sequence[Mapping[str, Any]] | None = None,
    output_format: Literal["pandas", "polars", "list"] | None = None,
) -> Any:
    """Models that match, the latest made first unless ordered otherwise.

    Arguments as of ``Client.search_logged_models``; ``output_format`` as of ``search_runs``.
    """
    ids = list(experiment_ids or [chosen_experiment().experiment.experiment_id])
    left = MAX_RESULTS if max_results is None else max_results
    found: list[LoggedModel] = []
    token: str | None = None
    while left > 0:
        page = client_for().search_logged_models(
            ids, filter_string, datasets, min(left, _PAGE), order_by, token
        )
        found.extend(page)
        left, token = left - len(page), page.token
        if token is None:
            break
    if output_format == "list":
        return found
    library: FrameFormat = output_format or installed_frame_library()
    names = LoggedModel.__struct_fields__
    return frame({name: [getattr(model, name) for model in found] for name in names}, library)


def set_active_model(*, name: str | None = None, model_id: str | None = None) -> ActiveModel:
    """Make metrics that this thread logs from now on belong to a model; also a context manager.

    A name that no model of the experiment has makes a new external model.

    Raises:
        InvalidInput: neither name nor id, or an id whose model has another name.
        LoggedModelNotFound: there is no model with this id.
    """
    if model_id is not None:
        model = get_logged_model(model_id)
        if name is not None and model.name != name:
            raise InvalidInput(f"The model {model_id} is named {model.name!r}, not {name!r}.")
    elif name is not None:
        quoted = name.replace("'", "''")
        found = search_logged_models(
            filter_string=f"name = '{quoted}'", max_results=1, output_format="list"
        )
        model = found[0] if found else create_external_model(name)
    else:
        raise InvalidInput("Give the name or the model_id of the model to make active.")
    active = ActiveModel.of(model, here.model_id)
    here.model_id = model.model_id
    return active


def get_active_model_id() -> str | None:
    """The id of the model that metrics of this thread belong to, or the environment's."""
    if here.model_id is not None:
        return here.model_id
    for variable in ACTIVE_MODEL_VARIABLES:
        if ident := os.environ.get(variable):
            return check_model_id(ident)
    return None


def clear_active_model() -> None:
    """Let metrics belong to no model again."""
    here.model_id = None
    for variable in ACTIVE_MODEL_VARIABLES:
        os.environ.pop(variable, None)
