"""Execute: carries a launch out, here and now: code, environment, command, log, status.

Whatever happens, the run ends as FINISHED, FAILED or KILLED with a reason and its log, and nothing
is left running. As a program (``python -m assay.projects.execute LAUNCH.json``, or ``-`` for
standard input) it exits with 0 or 1, and ``SIGTERM`` makes the run KILLED.
"""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import shlex
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Final

import msgspec

from assay.client.connect import make_home
from assay.client.recorder import Recorder, recorder_for
from assay.client.tracking_uri import current_location
from assay.context.capture import REQUIREMENTS_PATH, wanted_parts
from assay.context.hardware import hardware_tags
from assay.context.source import mask_secrets
from assay.context.variables import variable_tags
from assay.entities import tags
from assay.entities.ids import RunId, check_run_id
from assay.entities.names import artifact_path
from assay.entities.operations import LogParams, SetTags, UpdateRun
from assay.entities.runs import RunStatus
from assay.errors import AssayError, InvalidInput
from assay.fluent.reading import client_for
from assay.projects import command, parameters, plain
from assay.projects.ending import MAX_TAG, record_end
from assay.projects.environments import Built, build_environment, manager_for, reason_of
from assay.projects.fetching_values import fetch_value
from assay.projects.launch import Launch, Outcome
from assay.projects.loading import load
from assay.projects.logs import RunLog
from assay.projects.places import Place, Task
from assay.projects.process import Ended, run_command
from assay.projects.queue.orders import JOB_VARIABLE
from assay.projects.sources.fetching import fetch
from assay.projects.sources.source import Source
from assay.projects.spec import Project
from assay.store.uri import HOME_NAME, Location, resolve_location

_EXPERIMENT_VARIABLES: Final = ("ASSAY_EXPERIMENT_NAME", "MLFLOW_EXPERIMENT_NAME")
"""Would send the command's runs elsewhere than where the launch is."""

_locations: dict[str, Location] = {}
_log = logging.getLogger(__name__)


def execute(
    launch: Launch,
    *,
    echo: bool,
    stop: threading.Event | None = None,
    work: Path | None = None,
    place: Place | None = None,
) -> Outcome:
    """Carry a launch out, and record how it ended.

    Args:
        launch: what to run; its run is in the store.
        echo: show what the command prints here, too.
        stop: when it is set, the command is ended and the run is KILLED.
        work: an existing folder for what is fetched; a temporary one if left out.
        place: where the command runs; here, in an environment of the project, if left out.

    Raises:
        InvalidInput: the launch's tracking URI can't be used, or its run id can't be one.
    """
    location = location_of(launch)
    recorder = recorder_for(location)
    run_id = check_run_id(launch.run_id)
    secrets = [os.environ.get(name, "") for name in launch.secrets]
    log = RunLog(run_id, recorder, echo=echo, secrets=secrets)
    job = _Job(launch, location, recorder, log, stop or threading.Event())
    job.place = place
    recorder.append(UpdateRun(run_id, RunStatus.RUNNING))
    if JOB_VARIABLE not in os.environ:  # else another agent may go on with it
        recorder.holds(run_id)
    try:
        outcome = job.carry_out(work)
    except KeyboardInterrupt:
        outcome = Outcome("KILLED", None, "Ctrl-C.")
    except AssayError as error:
        log.say(error.message)
        outcome = Outcome("FAILED", None, reason_of(error))
    except OSError as error:
        # A full disk, a folder that vanished, too many processes.
        outcome = Outcome(
            "FAILED", None, f"{error.strerror or error} ({error.filename or 'here'})."
        )
        log.say(outcome.reason)
    except Exception as error:  # noqa: BLE001 - no mistake may leave the run RUNNING for ever
        _log.exception("Run %s could not be carried out.", run_id)
        outcome = Outcome("FAILED", None, f"{type(error).__name__}: {error}")
        log.say(outcome.reason)
    if job.is_stopped and outcome.status == "FAILED":
        # Ctrl-C at a terminal ends what makes the environment, too, which then failed.
        outcome = msgspec.structs.replace(outcome, status="KILLED", reason="It was stopped.")
    log.close()
    return record_end(outcome, recorder, run_id, location)


def location_of(launch: Launch) -> Location:
    """Where the launch's run is recorded: with this process's password, if it is the same place."""
    here = current_location()
    if launch.tracking_uri in ("", here.address):
        return here
    return _locations.get(launch.tracking_uri) or resolve_location(launch.tracking_uri)


def remember(location: Location) -> None:
    """Let launches of this process to ``location`` be recorded with its password."""
    _locations[location.address] = location


class _Job:
    """One launch while it is carried out."""

    def __init__(
        self,
        launch: Launch,
        location: Location,
        recorder: Recorder,
        log: RunLog,
        stop: threading.Event,
    ) -> None:
        self._launch, self._location, self._recorder = launch, location, recorder
        self._log, self._stop = log, stop
        self._run_id = RunId(launch.run_id)
        self.place: Place | None = None
        """Where the command runs, if not here."""

    @property
    def is_stopped(self) -> bool:
        """Whether it was wished to end."""
        return self._stop.is_set()

    def carry_out(self, work: Path | None) -> Outcome:
        self._check_secrets()
        with _work_folder(work, self._location) as place:
            launch = self._launch
            with fetch(launch.project, launch.version, place, location=self._location) as source:
                if source.commit:
                    # A launch that was made without fetching names a branch, or nothing.
                    commit = {tags.GIT_COMMIT: source.commit}
                    self._recorder.append(SetTags(self._run_id, commit))
                return self._in_source(source, place)

    def _in_source(self, source: Source, place: Path) -> Outcome:
        project = load(source.folder)
        if self.place is not None:
            return self._outcome(self._elsewhere(self.place, project, source.folder, place))
        manager = manager_for(project.environment, source.folder, self._launch.env_manager)
        arguments = self._arguments(project, source.folder, place)
        if ready := self._launch.environment_folder:
            paths = self._launch.environment.get("PYTHONPATH", "").split(os.pathsep)
            built = Built(manager="uv", folder=Path(ready), python_path=tuple(filter(None, paths)))
        else:
            built = build_environment(
                project.environment, source.folder, manager, progress=self._log.say
            )
        if self.is_stopped:
            return Outcome("KILLED", None, "It was stopped before its command began.")
        self._note(built, arguments)
        ended = run_command(
            arguments,
            folder=source.folder,
            variables=self._variables(built),
            log=self._log,
            stop=self._stop,
            timeout_s=self._launch.timeout_s,
            if_lost=self._if_lost(place),
        )
        return self._outcome(ended)

    def _if_lost(self, folder: Path) -> list[str]:
        """The program that cleans up when this process is killed."""
        program = [sys.executable, "-P", "-m", "assay.projects.lost"]
        return [*program, self._location.address, self._run_id, str(folder)]

    def _elsewhere(self, where: Place, project: Project, folder: Path, work: Path) -> Ended:
        own = work / "place"
        own.mkdir(mode=0o700)
        task = Task(
            launch=self._launch,
            project=project,
            folder=folder,
            work=own,
            log=self._log,
            stop=self._stop,
            if_lost=self._if_lost(work),
        )
        digest = where.prepare(task)
        arguments = self._arguments(project, folder, work, lambda path: where.seen(path, task))
        variables = {**self._launch.environment, **self._run_variables()}
        variables["MLFLOW_PROJECT_ENV"] = where.manager
        facts = {
            tags.PROJECT_ENV: where.manager,
            tags.COMMAND_LINE: shlex.join(mask_secrets(arguments))[:MAX_TAG],
        }
        if digest:
            facts[tags.PROJECT_ENVIRONMENT] = digest
        self._recorder.append(SetTags(self._run_id, facts))
        if self._stop.is_set():
            return Ended(-signal.SIGTERM, stopped=True)
        return where.run(msgspec.structs.replace(task, arguments=arguments, variables=variables))

    def _check_secrets(self) -> None:
        missing = [name for name in self._launch.secrets if not os.environ.get(name)]
        if missing:
            raise InvalidInput(
                f"The project needs the secret {' and '.join(missing)}, and this machine's"
                f" environment has no variable of that name. Set it where the run is carried out."
            )

    def _arguments(
        self,
        project: Project,
        folder: Path,
        place: Path,
        seen: Callable[[Path], str] = str,
    ) -> list[str]:
        """The command; ``seen`` tells how it sees the files that parameters name."""
        launch = self._launch
        if launch.command is not None:
            return list(launch.command)
        entry = plain.entry_point(project, launch.entry_point, folder)
        checked = parameters.check(entry, launch.parameters)
        defaults = {
            name: value for name, value in checked.values.items() if name not in launch.parameters
        }
        if defaults:
            self._recorder.append(LogParams(self._run_id, defaults))
        caller = Path(launch.caller_folder) if launch.caller_folder else Path.cwd()
        values = parameters.resolved(
            entry, checked, caller=caller, project=folder, work=place, fetch=self._fetch_value
        )
        named = {
            name: seen(Path(value)) if entry.parameters[name].type == "path" else value
            for name, value in values.values.items()
        }
        return command.arguments(entry.command, named, values.extras)

    def _fetch_value(self, uri: str, folder: Path) -> Path:
        self._log.say(f"Fetching {uri}")
        return fetch_value(uri, folder, client_for(self._location))

    def _note(self, built: Built, arguments: list[str]) -> None:
        pins = built.pins()
        self._recorder.append(
            SetTags(
                self._run_id,
                {
                    tags.PROJECT_ENV: built.manager,
                    tags.PROJECT_ENVIRONMENT: built.digest(),
                    tags.COMMAND_LINE: shlex.join(mask_secrets(arguments))[:MAX_TAG],
                    tags.HOST: platform.node(),
                    tags.PYTHON: f"cpython {built.version()}",
                    **hardware_tags(),
                    **variable_tags(self._variables(built)),
                },
            )
        )
        self._recorder.artifact(self._run_id, artifact_path(REQUIREMENTS_PATH), pins.encode())

    def _variables(self, built: Built) -> dict[str, str]:
        launch = self._launch
        left_out = (*_EXPERIMENT_VARIABLES, *launch.unset)
        inherited = {k: v for k, v in os.environ.items() if k not in left_out}
        variables = built.variables({**inherited, **launch.environment})
        variables.setdefault("PYTHONUNBUFFERED", "1")
        variables.update(self._run_variables())
        variables["MLFLOW_PROJECT_ENV"] = built.manager
        return variables

    def _run_variables(self) -> dict[str, str]:
        """What tells a command which run it is."""
        launch = self._launch
        variables = {}
        variables["ASSAY_TRACKING_URI"] = self._location.opening_uri
        variables["MLFLOW_TRACKING_URI"] = self._location.tracking_uri
        for prefix in ("ASSAY", "MLFLOW"):
            variables[f"{prefix}_RUN_ID"] = launch.run_id
            variables[f"{prefix}_EXPERIMENT_ID"] = launch.experiment_id
        # The log is kept here, of all processes of the command.
        parts = sorted(wanted_parts() - {"output"})
        variables["ASSAY_CAPTURE"] = ",".join(parts) or "none"
        return variables

    def _outcome(self, ended: Ended) -> Outcome:
        if ended.stopped:
            return Outcome("KILLED", ended.exit_code, "It was stopped.")
        if ended.timed_out:
            why = f"It took over {self._launch.timeout_s:g} s."
            self._log.say(why)
            return Outcome("KILLED", ended.exit_code, why)
        if ended.exit_code == 0:
            return Outcome("FINISHED", 0)
        if ended.exit_code < 0:
            with contextlib.suppress(ValueError):
                name = signal.Signals(-ended.exit_code).name
                return Outcome("FAILED", ended.exit_code, f"Its command was killed by {name}.")
        return Outcome(
            "FAILED", ended.exit_code, f"Its command ended with exit code {ended.exit_code}."
        )


@contextlib.contextmanager
def _work_folder(work: Path | None, location: Location) -> Iterator[Path]:
    """A folder for what is fetched, from which the command finds the caller's ``.assay``: what it
    couldn't deliver must outlive the folder.
    """
    place = Path(tempfile.mkdtemp(prefix="assay-run-", dir=work))
    try:
        make_home(location)
        (place / HOME_NAME).symlink_to(location.home)
        yield place
    finally:
        (place / HOME_NAME).unlink(missing_ok=True)
        shutil.rmtree(place, ignore_errors=True)


def main(argv: list[str]) -> int:
    """Carry out the launch of a file, or of standard input; 0 if it finished well."""
    echo = "--echo" in argv
    words = [word for word in argv if word != "--echo"]
    if len(words) != 1:
        sys.stderr.write("usage: python -m assay.projects.execute [--echo] LAUNCH.json|-\n")
        return 2
    try:
        content = sys.stdin.buffer.read() if words[0] == "-" else Path(words[0]).read_bytes()
        launch = msgspec.json.decode(content, type=Launch)
    except (OSError, msgspec.DecodeError) as error:
        sys.stderr.write(f"The launch {words[0]} can't be read: {error}\n")
        return 2
    stop = threading.Event()

    def ask(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)
    try:
        outcome = execute(launch, echo=echo, stop=stop)
    except AssayError as error:
        sys.stderr.write(f"{error.message}\n")
        return 2
    return 0 if outcome.status == "FINISHED" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
