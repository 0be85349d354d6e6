"""Launching: from a project's address to a run of it: checked, recorded, handed to a backend."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from assay.client.client import Client
from assay.client.tracking_uri import current_location
from assay.context.capture import PATCH_PATH
from assay.context.git import GitState, git_state
from assay.context.source import strip_url_secrets, user_name
from assay.entities import tags as tag_keys
from assay.entities.ids import DEFAULT_EXPERIMENT_ID, ExperimentId, check_run_id, new_run_id
from assay.entities.names import check_key, check_value
from assay.entities.params import Param
from assay.entities.runs import NewRun, RunStatus
from assay.entities.tags import Tag
from assay.errors import AssayError, ExecutionFailed, InactiveResource, InvalidInput
from assay.fluent.experiments import chosen_experiment
from assay.fluent.reading import client_for
from assay.fluent.runs import active_run
from assay.projects import parameters as parameter_rules
from assay.projects import plain
from assay.projects.backend_config import read_config
from assay.projects.backends import backend as backend_named
from assay.projects.backends.base import Backend, SubmittedRun
from assay.projects.environments import manager_for
from assay.projects.execute import location_of, remember
from assay.projects.kept_launch import kept
from assay.projects.launch import ENV_MANAGERS, EnvManager, Launch, Resources
from assay.projects.loading import load
from assay.projects.sources.fetching import fetch
from assay.projects.sources.source import Source
from assay.projects.spec import EntryPoint, Project
from assay.store.uri import resolve_location

LAUNCH_PATH: Final = "assay/launch.json"
"""The artifact that keeps the launch with its run."""
_FRESH_S: Final = 30.0
"""A sweep launches hundreds of runs of one folder: within this time they share one look at git."""
_git_looks: dict[Path, tuple[float, GitState | None]] = {}

_log = logging.getLogger(__name__)


def prepare(
    uri: str,
    *,
    entry_point: str = "main",
    version: str | None = None,
    parameters: Mapping[str, object] | None = None,
    experiment_name: str | None = None,
    experiment_id: str | None = None,
    run_name: str | None = None,
    run_id: str | None = None,
    env_manager: EnvManager | None = None,
    backend: str = "local",
    parent_run_id: str | None = None,
    tags: Mapping[str, str] | None = None,
    tracking_uri: str | None = None,
    timeout_s: float = 0,
    command: Sequence[str] | None = None,
) -> Launch:
    """Check all that can be checked, and record the run that is to be.

    Args:
        uri: the project, as ``assay.projects.sources`` takes it.
        entry_point: of the project, or the path of a script in it.
        version: commit, tag or branch of a Git repository.
        parameters: values by name; what the entry point doesn't declare is added to the command.
        experiment_name: where the run belongs; made if it isn't there.
        experiment_id: the same, by id.
        run_name: left out, a name is made up.
        run_id: use this run, which exists, instead of a new one.
        env_manager: what makes the environment; what suits the project's files if left out.
        backend: noted with the run.
        parent_run_id: the run around it; else the active run of this thread.
        tags: set on the run.
        tracking_uri: where it is recorded; where this process logs if left out.
        timeout_s: seconds after which it is killed; 0: what the project says, else never.
        command: run this in the project's folder instead of an entry point.

    Returns:
        The launch. Its run has status SCHEDULED, with its params, tags and code.

    Raises:
        InvalidInput: the project, a parameter or a name can't be used; nothing was recorded.
        NotFound: there is no such entry point, experiment or run; nothing was recorded.
        StoreUnavailable: the project or the store can't be reached.
    """
    _check_choices(env_manager, timeout_s, experiment_name, experiment_id)
    location = resolve_location(tracking_uri) if tracking_uri else current_location()
    client = client_for(location)
    remember(location)
    with fetch(uri, version, location=location) as source:
        project = load(source.folder)
        manager = env_manager
        if project.environment.kind != "docker_env" or env_manager is not None:
            manager_for(project.environment, source.folder, env_manager)
        else:
            manager = "docker"
        entry, checked = _checked(project, source, entry_point, parameters, command)
        state = _git_of(source)
        experiment = _experiment(client, experiment_name, experiment_id)
        facts = {
            **_facts(source, state, entry_point if command is None else None, backend),
            **_parent(parent_run_id, run_id, client),
            **{check_key("tag", k): check_value("tag", str(v)) for k, v in (tags or {}).items()},
        }
        if manager is not None:
            facts[tag_keys.PROJECT_ENV] = manager
        logged = [
            Param(check_key("param", name), check_value("param", value))
            for name, value in checked.items()
        ]
        ident = _recorded_run(
            client, experiment, facts, run_id=run_id, run_name=run_name, logged=logged
        )
    launch = Launch(
        run_id=ident,
        experiment_id=client.get_run(ident).info.experiment_id if run_id else experiment,
        tracking_uri=location.address,
        project=source.full_uri,
        version=source.commit,
        entry_point=entry_point,
        parameters=checked,
        command=None if command is None else list(command),
        env_manager=manager,
        environment=project.variables,
        secrets=list(dict.fromkeys([*project.secrets, *(entry.secrets if entry else ())])),
        resources=_resources(project, entry),
        timeout_s=timeout_s or project.timeout_s,
        caller_folder=str(Path.cwd()),
    )
    client.log_content(ident, kept(launch, entry), LAUNCH_PATH)
    if state is not None and state.patch:
        client.log_content(ident, state.patch, PATCH_PATH)
    return launch


def run(  # noqa: PLR0917  # MLflow's names in MLflow's order
    uri: str,
    entry_point: str = "main",
    version: str | None = None,
    parameters: Mapping[str, object] | None = None,
    docker_args: Mapping[str, Any] | None = None,
    experiment_name: str | None = None,
    experiment_id: str | None = None,
    backend: str = "local",
    backend_config: Mapping[str, Any] | str | Path | None = None,
    storage_dir: str | Path | None = None,
    synchronous: bool = True,
    run_id: str | None = None,
    run_name: str | None = None,
    env_manager: EnvManager | None = None,
    build_image: bool = False,
    docker_auth: Mapping[str, str] | None = None,
    *,
    echo: bool = True,
) -> SubmittedRun:
    """Run a project, as ``mlflow.projects.run``.

    Args:
        uri: a folder, a Git repository (``#subfolder``), or a ZIP archive.
        entry_point: of the project, or the path of a script in it.
        version: commit, tag or branch of a Git repository.
        parameters: values by name.
        docker_args: options of the container, for the backends ``docker`` and ``podman``.
        experiment_name: where the run belongs; made if it isn't there.
        experiment_id: the same, by id.
        backend: where it runs: ``local``, ``docker``, ``kubernetes``, ``queue`` …
        backend_config: the backend's own settings, or the path of a JSON file with them.
        storage_dir: an existing folder for what is fetched; a temporary one if left out.
        synchronous: wait for the end. Otherwise the program goes on; it ends when the run has.
        run_id: use this run, which exists, instead of a new one.
        run_name: left out, a name is made up.
        env_manager: what makes the environment; what suits the project's files if left out.
        build_image: build the image anew, for backends of containers.
        docker_auth: how to sign in to a registry, for backends of containers.
        echo: show what the command prints, while it is waited for.

    Returns:
        The run, as MLflow's ``SubmittedRun``.

    Raises:
        InvalidInput: something can't be used; nothing was run.
        ExecutionFailed: it was waited for and didn't end well.
    """
    config = dict(read_config(backend_config))
    given = {
        "docker_args": docker_args,
        "storage_dir": None if storage_dir is None else str(storage_dir),
        "build_image": build_image or None,
        "docker_auth": docker_auth,
    }
    config.update({name: value for name, value in given.items() if value is not None})
    chosen = backend_named(backend)
    launch = prepare(
        uri,
        entry_point=entry_point,
        version=version,
        parameters=parameters,
        experiment_name=experiment_name,
        experiment_id=experiment_id,
        run_name=run_name,
        run_id=run_id,
        env_manager=env_manager,
        backend=backend,
    )
    chosen = launch_backend(chosen, launch)
    submitted = submit(chosen, launch, config, echo=echo and synchronous)
    if synchronous and not submitted.wait():
        ended = client_for(location_of(launch)).get_run(launch.run_id)
        reason = ended.data.tags.get(tag_keys.PROJECT_REASON, "")
        raise ExecutionFailed(launch.run_id, submitted.get_status(), reason)
    return submitted


def launch_backend(backend: Backend, launch: Launch) -> Backend:
    """``backend``, or ``docker`` for a project of an image that is to run here, as in MLflow."""
    if launch.env_manager == "docker" and backend.name == "local":
        return backend_named("docker")
    return backend


def submit(
    backend: Backend, launch: Launch, config: Mapping[str, Any], *, echo: bool
) -> SubmittedRun:
    """Hand a launch to a backend; its run is FAILED if the backend doesn't take it.

    Raises:
        AssayError: the backend doesn't take it; the message says why.
    """
    try:
        return backend.submit(launch, config, echo=echo)
    except BaseException as error:
        client = client_for(location_of(launch))
        why = error.message if isinstance(error, AssayError) else type(error).__name__
        try:
            client.set_tag(launch.run_id, tag_keys.PROJECT_REASON, why[:2_000])
            client.set_terminated(launch.run_id, RunStatus.FAILED)
        except AssayError as second:
            _log.warning("Run %s stays SCHEDULED: %s", launch.run_id, second.message)
        raise


def _check_choices(
    env_manager: str | None,
    timeout_s: float,
    experiment_name: str | None,
    experiment_id: str | None,
) -> None:
    if env_manager is not None and env_manager not in ENV_MANAGERS:
        raise InvalidInput(
            f"There is no environment manager {env_manager!r}; use {', '.join(ENV_MANAGERS)}."
        )
    if not 0 <= timeout_s < 1e9:
        raise InvalidInput(f"A time limit is a number of seconds from 0, not {timeout_s!r}.")
    if experiment_name is not None and experiment_id is not None:
        raise InvalidInput("Give the experiment by name or by id, not both.")


def _checked(
    project: Project,
    source: Source,
    entry_point: str,
    given: Mapping[str, object] | None,
    command: Sequence[str] | None,
) -> tuple[EntryPoint | None, dict[str, str]]:
    if command is not None:
        if not command or any("\0" in word for word in command):
            raise InvalidInput("A command is a list of words, the program first.")
        return None, {k: parameter_rules.as_text(v) for k, v in (given or {}).items()}
    entry = plain.entry_point(project, entry_point, source.folder)
    return entry, parameter_rules.check(entry, given).all()


def _resources(project: Project, entry: EntryPoint | None) -> Resources:
    if entry is None:
        return project.resources
    own, shared = entry.resources, project.resources
    return Resources(
        cpu=own.cpu or shared.cpu,
        memory_mb=own.memory_mb or shared.memory_mb,
        gpu=own.gpu or shared.gpu,
    )


def _git_of(source: Source) -> GitState | None:
    now = time.monotonic()
    when, state = _git_looks.get(source.folder, (0.0, None))
    if source.is_temporary or when == 0.0 or now - when > _FRESH_S:
        state = git_state(source.folder, with_patch=not source.is_temporary)
        if not source.is_temporary:
            _git_looks[source.folder] = (now, state)
    return state


def _facts(
    source: Source, state: GitState | None, entry_point: str | None, backend: str
) -> dict[str, str]:
    facts = {
        tag_keys.USER: user_name(),
        tag_keys.SOURCE_NAME: source.full_uri,
        tag_keys.SOURCE_TYPE: "PROJECT",
        tag_keys.PROJECT_BACKEND: backend,
    }
    if entry_point is not None:
        facts[tag_keys.PROJECT_ENTRY_POINT] = entry_point
    if state is not None:
        facts.update(state.tags())
    if source.commit:
        facts[tag_keys.GIT_COMMIT] = source.commit
    repository = source.repository or (state.remote if state is not None else "")
    branch = source.branch or (state.branch if state is not None else "")
    if repository:
        facts[tag_keys.GIT_REMOTE] = facts[tag_keys.OLD_GIT_REMOTE] = strip_url_secrets(repository)
    if branch:
        facts[tag_keys.GIT_BRANCH] = facts[tag_keys.OLD_GIT_BRANCH] = branch
    return facts


def _parent(parent_run_id: str | None, run_id: str | None, client: Client) -> dict[str, str]:
    if parent_run_id is not None:
        return {tag_keys.PARENT_RUN_ID: client.get_run(parent_run_id).info.run_id}
    active = active_run()
    if run_id is not None or active is None or active.location != client.location:
        return {}
    return {tag_keys.PARENT_RUN_ID: active.info.run_id}


def _experiment(client: Client, name: str | None, ident: str | None) -> str:
    if name is not None:
        found = client.get_experiment_by_name(name)
        if found is None:
            return client.create_experiment(name)
    elif ident is not None:
        found = client.get_experiment(str(ident))
    elif client.location == current_location():
        return chosen_experiment().experiment.experiment_id
    else:
        return DEFAULT_EXPERIMENT_ID
    if found.lifecycle_stage != "active":
        raise InactiveResource("experiment", found.name)
    return found.experiment_id


def _recorded_run(
    client: Client,
    experiment: str,
    facts: dict[str, str],
    *,
    run_id: str | None,
    run_name: str | None,
    logged: list[Param],
) -> str:
    if run_id is not None:
        ident = check_run_id(run_id)
        client.get_run(ident)
        client.log_batch(ident, params=logged, tags=[Tag(k, v) for k, v in facts.items()])
    else:
        ident = new_run_id()
        client.store.runs.create(
            NewRun(
                run_id=ident,
                experiment_id=ExperimentId(experiment),
                start_time=time.time_ns() // 1_000_000,
                run_name=run_name or "",
                user_id=facts[tag_keys.USER],
                tags=facts,
            )
        )
        if logged:
            client.log_batch(ident, params=logged)
    client.update_run(ident, RunStatus.SCHEDULED, run_name if run_id is not None else None)
    return ident
