"""Runs of projects, with real commands in real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

import assay
from assay.client.client import Client
from assay.entities import tags
from assay.errors import ExecutionFailed, InvalidInput, NotFound
from assay.projects.backends.background import ProcessRun
from assay.projects.backends.local import LocalBackend
from assay.projects.execute import execute
from assay.projects.kept_launch import KeptLaunch
from assay.projects.launch import Launch
from assay.projects.launching import LAUNCH_PATH, prepare, run
from assay.projects.spec import Parameter
from tests.services.git import commit_all
from tests.unit.projects.conftest import Make

MAIN = """
name: demo
entry_points:
  main:
    parameters:
      alpha: {type: float, default: 0.5}
      text: string
    command: python train.py {alpha} {text}
"""
TRAIN = """
import json, sys
print(json.dumps(sys.argv[1:]))
print("to stderr", file=sys.stderr)
"""
LIMIT_S = 120.0


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)


def log_of(client: Client, run_id: str) -> str:
    return client.read_artifact(run_id, "assay/output.log").decode()


def test_run_records_params_source_command_environment_and_log(
    client: Client, project: Make, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = project({"MLproject": MAIN, "train.py": TRAIN})

    done = run(str(folder), parameters={"text": "a 'b'\n$(id)"}, experiment_name="e")

    found = client.get_run(done.run_id)
    facts = found.data.tags
    assert (done.get_status(), found.info.status) == ("FINISHED", "FINISHED")
    assert found.data.params == {"alpha": "0.5", "text": "a 'b'\n$(id)"}
    assert facts["mlflow.source.type"] == "PROJECT"
    assert facts["mlflow.source.name"] == str(folder)
    assert facts["mlflow.project.entryPoint"] == "main"
    assert facts["mlflow.project.backend"] == "local"
    assert facts["mlflow.project.env"] == "local"
    assert facts[tags.PROJECT_ENVIRONMENT].startswith("sha256:")
    assert facts[tags.EXIT_CODE] == "0"
    assert facts[tags.COMMAND_LINE].startswith("python train.py 0.5 ")
    assert client.get_experiment(found.info.experiment_id).name == "e"
    out = capfd.readouterr()
    assert json.loads(out.out) == ["0.5", "a 'b'\n$(id)"]
    assert "to stderr" in out.err
    log = log_of(client, done.run_id)
    assert json.dumps(["0.5", "a 'b'\n$(id)"]) in log
    assert "to stderr" in log
    assert b"\terr\n" in client.read_artifact(done.run_id, "assay/output.marks.tsv")
    assert b"msgspec==" in client.read_artifact(done.run_id, "assay/requirements.txt")


def test_launch_is_kept_so_that_it_can_be_carried_out_again(client: Client, project: Make) -> None:
    folder = project({"MLproject": MAIN, "train.py": TRAIN})

    done = run(str(folder), parameters={"text": "x"}, echo=False)

    kept = msgspec.json.decode(client.read_artifact(done.run_id, "assay/launch.json"), type=Launch)
    assert kept.project == str(folder)
    assert kept.parameters == {"alpha": "0.5", "text": "x"}


def test_prepare_keeps_what_the_entry_point_declares_and_queues_do_not(
    client: Client, project: Make
) -> None:
    rate = "{type: float, default: 0.5, min: 0, max: 1, help: how fast}"
    kind = "{choices: [a, b], default: a}"
    main = f"{{parameters: {{rate: {rate}, text: string, kind: {kind}}}, command: 'true'}}"
    folder = project({"MLproject": f"entry_points: {{main: {main}}}"})

    launch = prepare(str(folder), parameters={"text": "x", "more": "1"})
    bare = prepare(str(folder), command=["true"])

    content = client.read_artifact(launch.run_id, LAUNCH_PATH)
    assert msgspec.json.decode(content, type=Launch) == launch
    assert msgspec.json.decode(content, type=KeptLaunch).declared == (
        Parameter(
            name="rate", type="float", default="0.5", required=False, help="how fast", min=0, max=1
        ),
        Parameter(name="text"),
        Parameter(name="kind", type="enum", default="a", required=False, choices=["a", "b"]),
    )
    assert b"declared" not in msgspec.json.encode(launch)
    assert b"declared" not in client.read_artifact(bare.run_id, LAUNCH_PATH)


def test_prepare_leaves_out_declarations_that_are_too_large_to_keep(
    client: Client, project: Make
) -> None:
    parameters = ", ".join(f"p{n}: {{default: 1, help: {'x' * 3_000}}}" for n in range(100))
    folder = project(
        {"MLproject": f"entry_points: {{main: {{parameters: {{{parameters}}}, command: 'true'}}}}"}
    )

    launch = prepare(str(folder))

    content = client.read_artifact(launch.run_id, LAUNCH_PATH)
    assert content == msgspec.json.encode(launch)


@pytest.mark.parametrize("library", ["assay"])
def test_command_logs_to_the_run_of_its_launch(client: Client, project: Make, library: str) -> None:
    folder = project(
        {"main.py": f"import {library} as t\nwith t.start_run(): t.log_metric('m', 3)\nprint('x')"}
    )

    done = run(str(folder), echo=False)

    found = client.get_run(done.run_id)
    assert found.data.metrics == {"m": 3.0}
    assert found.info.status == "FINISHED"
    assert log_of(client, done.run_id).endswith("x\n")
    assert len(client.search_runs([found.info.experiment_id])) == 1


def test_run_within_an_active_run_is_its_child(client: Client, project: Make) -> None:
    folder = project({"main.py": "import assay\nassay.log_metric('m', 1)"})

    with assay.start_run(capture="none") as outer:
        done = assay.projects.run(str(folder), echo=False)

    assert client.get_run(done.run_id).data.tags[tags.PARENT_RUN_ID] == outer.info.run_id


def test_failure_of_the_command_is_told_with_its_exit_code(client: Client, project: Make) -> None:
    folder = project({"main.py": "print('so far'); raise SystemExit(3)"})

    with pytest.raises(ExecutionFailed, match="exit code 3") as failed:
        run(str(folder), echo=False)

    found = client.get_run(failed.value.run_id)
    assert found.info.status == "FAILED"
    assert found.data.tags[tags.EXIT_CODE] == "3"
    assert found.data.tags[tags.PROJECT_REASON] == "Its command ended with exit code 3."
    assert log_of(client, failed.value.run_id) == "so far\n"


def test_command_that_ends_its_run_as_failed_has_the_last_word(
    client: Client, project: Make
) -> None:
    folder = project({"main.py": "import assay\nassay.start_run()\nassay.end_run('FAILED')"})

    with pytest.raises(ExecutionFailed, match="ended the run as FAILED"):
        run(str(folder), echo=False)


def test_program_that_is_missing_fails_the_run_with_a_reason(client: Client, project: Make) -> None:
    folder = project({"MLproject": "entry_points: {main: {command: no-such-program x}}"})

    with pytest.raises(ExecutionFailed, match="no program 'no-such-program'"):
        run(str(folder), echo=False)


@pytest.mark.parametrize(
    ("arguments", "error", "why"),
    [
        ({}, InvalidInput, "'text' .string. has no default"),
        ({"parameters": {"text": "x", "alpha": "y"}}, InvalidInput, "must be a number"),
        ({"entry_point": "nope"}, NotFound, "no entry point 'nope'"),
        ({"env_manager": "poetry"}, InvalidInput, "no environment manager 'poetry'"),
        ({"backend": "moon"}, InvalidInput, "no backend 'moon'"),
        ({"backend_config": {"x": 1}, "parameters": {"text": ""}}, InvalidInput, "no setting 'x'"),
        ({"backend_config": "{"}, InvalidInput, "can't be read as a JSON object"),
        ({"backend_config": "none.json"}, InvalidInput, "neither JSON nor a file"),
        ({"experiment_name": "a", "experiment_id": "1"}, InvalidInput, "not both"),
        ({"experiment_id": "77", "parameters": {"text": ""}}, NotFound, "77"),
        ({"version": "v1"}, InvalidInput, "is no Git repository"),
    ],
)
def test_bad_input_is_refused_before_anything_is_run(
    client: Client, project: Make, arguments: dict[str, object], error: type[Exception], why: str
) -> None:
    folder = project({"MLproject": MAIN, "train.py": TRAIN})

    with pytest.raises(error, match=why):
        run(str(folder), **{"parameters": {}, "echo": False, **arguments})  # type: ignore[arg-type]

    statuses = {found.info.status for found in client.search_runs(["0"])}
    assert statuses <= {"FAILED"}


def test_state_of_the_code_is_recorded(client: Client, project: Make) -> None:
    folder = project({"main.py": "print(1)\n"})
    commit = commit_all(folder)
    (folder / "main.py").write_text("print(2)\n")

    done = run(str(folder), echo=False)

    facts = client.get_run(done.run_id).data.tags
    assert facts["mlflow.source.git.commit"] == commit
    assert facts["assay.source.git.dirty"] == "true"
    assert b"+print(2)" in client.read_artifact(done.run_id, "assay/source.patch")


def test_git_project_runs_at_its_commit(client: Client, project: Make) -> None:
    folder = project({"sub/main.py": "print('one')\n"})
    commit = commit_all(folder)
    (folder / "sub" / "main.py").write_text("print('two')\n")

    done = run(f"{folder.as_uri()}#sub", echo=False)

    facts = client.get_run(done.run_id).data.tags
    assert log_of(client, done.run_id) == "one\n"
    assert facts["mlflow.source.git.commit"] == commit
    assert facts["mlflow.source.git.repoURL"] == folder.as_uri()
    assert facts["mlflow.gitRepoURL"] == folder.as_uri()
    assert facts["mlflow.source.git.branch"] == "main"


def test_secret_reaches_the_command_and_not_the_log(
    client: Client, project: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "secrets: [API_KEY]\nentry_points: {main: {command: 'echo key=$API_KEY'}}"
    folder = project({"MLproject": text})

    with pytest.raises(ExecutionFailed, match="needs the secret API_KEY"):
        run(str(folder), echo=False)
    monkeypatch.setenv("API_KEY", "correct-horse")
    done = run(str(folder), echo=False)

    assert log_of(client, done.run_id) == "key=***\n"
    assert b"correct-horse" not in client.read_artifact(done.run_id, "assay/launch.json")


def test_command_that_takes_too_long_is_killed_with_all_it_started(
    client: Client, project: Make, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    folder = project(
        {"MLproject": "timeout_s: 0.5\nentry_points: {main: {command: bash x.sh}}"}
        | {"x.sh": f"echo said\nsleep 300 & echo $! > {pids}\nsleep 300\n"}
    )

    with pytest.raises(ExecutionFailed, match=r"KILLED: It took over 0\.5 s"):
        run(str(folder), echo=False)

    assert not _alive(int(pids.read_text()))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows variables")
def test_process_that_left_the_commands_session_ends_with_it(client: Client, project: Make) -> None:
    folder = project(
        {
            "main.py": "import subprocess\n"
            "left = subprocess.Popen(['sleep', '300'], start_new_session=True)\n"
            "open('pid', 'w').write(str(left.pid))\n"
        }
    )
    begun = time.monotonic()

    assert run(str(folder), echo=False).get_status() == "FINISHED"

    wait_for(lambda: not _alive(_pid(folder)))
    assert time.monotonic() - begun < 5, "its open streams were waited for"


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


SLEEPER = "import os, sys, time\nopen('pid', 'w').write(str(os.getpid()))\ntime.sleep(300)\n"


def _pid(folder: Path) -> int:
    file = folder / "pid"
    wait_for(lambda: file.exists() and file.read_text())
    return int(file.read_text())


def test_run_in_this_process_can_be_cancelled(client: Client, project: Make) -> None:
    folder = project({"main.py": SLEEPER})
    going = run(str(folder), synchronous=False)
    pid = _pid(folder)

    going.cancel()

    assert going.wait() is False
    assert client.get_run(going.run_id).info.status == "KILLED"
    assert not _alive(pid)


def test_background_run_is_ended_by_another_process(client: Client, project: Make) -> None:
    folder = project({"main.py": SLEEPER})
    going = run(str(folder), backend_config={"background": True}, synchronous=False)
    pid = _pid(folder)

    other = LocalBackend().attach(client.get_run(going.run_id), client)
    wait_for(lambda: other.get_status() == "RUNNING")
    other.cancel()

    assert client.get_run(going.run_id).info.status == "KILLED"
    assert not _alive(pid)
    assert going.wait() is False


def test_killed_carrier_leaves_no_command_behind_and_is_found_out(
    client: Client, project: Make
) -> None:
    folder = project({"main.py": SLEEPER})
    going = run(str(folder), backend_config={"background": True}, synchronous=False)
    pid = _pid(folder)
    assert isinstance(going, ProcessRun)
    carrier = int(client.get_run(going.run_id).data.tags[tags.PROJECT_PROCESS].split()[1])

    os.kill(carrier, signal.SIGKILL)

    wait_for(lambda: not _alive(pid))
    assert going.wait() is False
    found = client.get_run(going.run_id)
    assert found.info.status == "FAILED"
    assert "was killed" in found.data.tags[tags.PROJECT_REASON]


def test_program_carries_out_a_launch_of_standard_input(client: Client, project: Make) -> None:
    launch = prepare(str(project({"main.py": "print('hi')"})))
    assert client.get_run(launch.run_id).info.status == "SCHEDULED"

    done = subprocess.run(
        [sys.executable, "-m", "assay.projects.execute", "--echo", "-"],
        input=msgspec.json.encode(launch),
        capture_output=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, b"hi\n")
    assert client.get_run(launch.run_id).info.status == "FINISHED"


def test_stop_before_the_command_begins_kills_the_run(client: Client, project: Make) -> None:
    launch = prepare(str(project({"main.py": "print('hi')"})))
    stop = threading.Event()
    stop.set()

    assert execute(launch, echo=False, stop=stop).status == "KILLED"
    assert client.get_run(launch.run_id).info.status == "KILLED"


def test_what_a_launch_leaves_open_is_recorded_when_it_is_carried_out(
    client: Client, project: Make
) -> None:
    folder = project({"MLproject": MAIN, "train.py": TRAIN})
    commit_all(folder)
    run_id = client.create_run("0").info.run_id
    launch = Launch(
        run_id=run_id,
        experiment_id="0",
        tracking_uri="",
        project=folder.as_uri(),
        version="main",
        parameters={"text": "hi"},
        env_manager="local",
    )

    assert execute(launch, echo=False).status == "FINISHED"

    found = client.get_run(run_id).data
    head = (folder / ".git/refs/heads/main").read_text().strip()
    assert (found.params, found.tags[tags.GIT_COMMIT]) == ({"alpha": "0.5"}, head)


def test_command_may_be_given_instead_of_an_entry_point(client: Client, project: Make) -> None:
    folder = project({"x.py": "import sys; print(sys.argv[1:])"})

    launch = prepare(str(folder), command=["python", "x.py", "a b"], parameters={"lr": 0.1})

    assert execute(launch, echo=False).status == "FINISHED"
    assert log_of(client, launch.run_id) == "['a b']\n"
    assert client.get_run(launch.run_id).data.params == {"lr": "0.1"}


def test_folder_that_cannot_be_written_fails_the_run_with_the_reason(
    client: Client, project: Make, tmp_path: Path
) -> None:
    launch = prepare(project({"main.py": "print('hi')"}).as_posix())
    not_a_folder = tmp_path / "file"
    not_a_folder.touch()

    outcome = execute(launch, echo=False, work=not_a_folder)

    assert outcome.status == "FAILED"
    assert "Not a directory" in outcome.reason
    assert client.get_run(launch.run_id).info.status == "FAILED"


def test_path_parameters_start_at_the_callers_folder(
    client: Client, project: Make, home: Path
) -> None:
    text = "entry_points: {main: {command: 'cat {data}', parameters: {data: path}}}"
    (home / "d.csv").write_text("1,2\n")

    done = run(str(project({"MLproject": text})), parameters={"data": "d.csv"}, echo=False)

    assert log_of(client, done.run_id) == "1,2\n"
    assert client.get_run(done.run_id).data.params == {"data": "d.csv"}


def test_terminated_foreground_run_ends_its_command_and_is_killed(
    client: Client, project: Make
) -> None:
    folder = project({"main.py": SLEEPER})
    process = subprocess.Popen(
        [sys.executable, "-m", "assay", "run", str(folder)], stderr=subprocess.PIPE, text=True
    )
    pid = _pid(folder)

    process.terminate()
    _, said = process.communicate(timeout=LIMIT_S)

    assert process.returncode == 1
    assert "KILLED" in said.splitlines()[-1]
    assert not _alive(pid)


def test_signal_that_another_thread_got_ends_the_run(client: Client, project: Make) -> None:
    folder = project({"main.py": SLEEPER})
    going = run(str(folder), synchronous=False)
    pid = _pid(folder)
    heard = threading.Event()

    def signalled() -> None:
        wait_for(lambda: signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL)
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
        heard.set()

    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=signalled).start()
    try:
        assert going.wait() is False
    finally:
        signal.signal(signal.SIGTERM, before)

    assert heard.is_set()
    assert client.get_run(going.run_id).info.status == "KILLED"
    assert not _alive(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows variables")
def test_killed_foreground_run_fails_with_the_reason_and_leaves_nothing(
    client: Client, project: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    folder = project(
        {"main.py": SLEEPER, "outer.sh": "setsid python main.py & wait"}
        | {"MLproject": "entry_points: {main: {command: bash outer.sh}}"}
    )
    launch = prepare(str(folder))
    process = subprocess.Popen(
        [sys.executable, "-m", "assay.projects.execute", "-"], stdin=subprocess.PIPE
    )
    assert process.stdin is not None
    process.stdin.write(msgspec.json.encode(launch))
    process.stdin.close()
    pid = _pid(folder)

    process.kill()
    process.wait(LIMIT_S)

    wait_for(lambda: tags.PROJECT_REASON in client.get_run(launch.run_id).data.tags)
    found = client.get_run(launch.run_id)
    assert found.info.status == "FAILED"
    assert found.data.tags[tags.PROJECT_REASON] == "The process that carried it out was killed."
    assert not _alive(pid)
    assert not list((tmp_path / "tmp").glob("assay-run-*"))


@pytest.mark.parametrize("folder_name", [".assay", "elsewhere"])
def test_command_keeps_its_artifacts_where_its_launch_is_recorded(
    client: Client, project: Make, tmp_path: Path, folder_name: str
) -> None:
    home = tmp_path / folder_name
    folder = project(
        {
            "main.py": "import assay\n"
            "with assay.start_run():\n    assay.log_text('kept', 'said.txt')\n"
        }
    )
    launch = prepare(str(folder), tracking_uri=str(home), env_manager="local")

    assert execute(launch, echo=False).status == "FINISHED"

    assert Client(home).read_artifact(launch.run_id, "said.txt") == b"kept"
    assert not (home / ".assay").exists()
