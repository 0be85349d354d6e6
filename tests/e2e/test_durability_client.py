"""Programs that log and die, fork, or can deliver nowhere: what returned is kept, once."""

from __future__ import annotations

import os
import random
import selectors
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from assay.client.connect import open_run_artifacts, open_store
from assay.client.delivery import Courier
from assay.client.handover import deliver_in_new_process
from assay.client.orphans import deliver_orphans
from assay.client.recorder import Recorder
from assay.client.status import status
from assay.client.sync import sync
from assay.entities.ids import RunId, new_run_id
from assay.entities.metrics import SeriesKey
from assay.entities.names import ArtifactPath
from assay.entities.operations import LogParams, StartRun, UpdateRun
from assay.entities.runs import RunStatus
from assay.errors import RunNotFound, StoreUnavailable
from assay.store.uri import Location, resolve_location

PRELUDE = """
import os, sys, time
from pathlib import Path
from assay.client.recorder import recorder_for
from assay.entities import RunStatus
from assay.entities.operations import LogParams, StartRun, UpdateRun
from assay.store.uri import resolve_location
home, run_id = sys.argv[1:3]
recorder = recorder_for(resolve_location(home, environ={}))
now = lambda: time.time_ns() // 1_000_000
"""


@pytest.fixture
def location(tmp_path: Path) -> Location:
    return resolve_location(tmp_path / ".assay", environ={})


def start(program: str, location: Location, run_id: str, **options: object) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", PRELUDE + program, str(location.home), run_id],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )


def run(program: str, location: Location, run_id: str) -> str:
    process = start(program, location, run_id)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors.decode()
    return errors.decode()


def steps_of(location: Location, run_id: str, key: str = "loss") -> list[int]:
    store = open_store(location)
    try:
        return store.metrics.history(RunId(run_id), SeriesKey(key)).steps.tolist()
    finally:
        store.close()


def run_of(location: Location, run_id: str):
    store = open_store(location)
    try:
        return store.runs.get(RunId(run_id))
    finally:
        store.close()


LOG_UNTIL_KILLED = """
recorder.append(StartRun(run_id, now(), experiment_id="0"))
step = 0
while True:
    recorder.metric(run_id, "loss", step * 0.5, step, now())
    os.write(1, b"%d\\n" % step)
    step += 1
"""


def kill_when_it_said(process: subprocess.Popen, lines: int, seconds: float) -> int:
    """Kill after some lines or some time; returns the last step whose call returned."""
    said = b""
    deadline = time.monotonic() + seconds
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while said.count(b"\n") < lines and (not said or time.monotonic() < deadline):
            if selector.select(30):
                said += os.read(process.stdout.fileno(), 1 << 16)
    process.send_signal(signal.SIGKILL)
    said += process.stdout.read()
    process.wait(30)
    process.stdout.close()
    assert process.stderr is not None
    process.stderr.close()
    return int(said.rpartition(b"\n")[0].rpartition(b"\n")[2])


def test_every_call_that_returned_before_a_kill_is_there_once(location: Location) -> None:
    chance = random.Random(4)
    for lines in (1, 50, 5_000, 60_000, 10**9):
        run_id = new_run_id()
        process = start(LOG_UNTIL_KILLED, location, run_id)
        last = kill_when_it_said(process, lines, seconds=chance.uniform(0.5, 1.5))
        sync(location)
        steps = steps_of(location, run_id)
        # The last call may have been kept without having told us.
        assert steps in (list(range(last + 1)), list(range(last + 2)))
        killed = run_of(location, run_id).info
        assert killed.status is RunStatus.FAILED
        assert killed.end_time >= killed.start_time


LOG_FROM_WORKER = """
recorder.append(LogParams(run_id, {"worker": "1"}))
recorder.metric(run_id, "loss", 0.5, 1, now())
os._exit(0)
"""
START_AND_VANISH = """
recorder.append(StartRun(run_id, now(), experiment_id="0"))
os._exit(0)
"""


def test_a_worker_that_is_ahead_of_the_process_that_started_its_run_loses_nothing(
    location: Location,
) -> None:
    run_id = new_run_id()
    run(LOG_FROM_WORKER, location, run_id)
    with pytest.raises(RunNotFound):
        deliver_orphans(Courier(location))

    run(START_AND_VANISH, location, run_id)
    report = sync(location)

    assert report.refused == 0
    assert report.journals == 2
    assert steps_of(location, run_id) == [1]
    assert run_of(location, run_id).data.params == {"worker": "1"}


def test_what_is_logged_to_a_run_that_nobody_starts_is_set_aside_by_a_sync(
    location: Location,
) -> None:
    run(LOG_FROM_WORKER, location, new_run_id())

    report = sync(location)

    assert report.refused == 2
    assert len(status(location).refused) == 2


def test_syncing_twice_changes_nothing(location: Location) -> None:
    run_id = new_run_id()
    process = start(LOG_UNTIL_KILLED, location, run_id)
    kill_when_it_said(process, 3_000, seconds=20)
    sync(location)
    before = steps_of(location, run_id)
    report = sync(location)
    assert (report.journals, report.points, report.operations) == (0, 0, 0)
    assert steps_of(location, run_id) == before
    assert status(location).is_clear


def test_a_journal_of_a_killed_process_is_delivered_by_the_next_one(location: Location) -> None:
    run_id = new_run_id()
    last = kill_when_it_said(start(LOG_UNTIL_KILLED, location, run_id), 2_000, seconds=20)
    other = Recorder(location)
    other.append(StartRun(new_run_id(), 1_000, experiment_id="0"))
    other.flush()
    other.close()
    assert len(steps_of(location, run_id)) >= last + 1
    assert run_of(location, run_id).info.status is RunStatus.FAILED


def test_exit_without_ceremony_keeps_what_was_logged(location: Location) -> None:
    run_id = new_run_id()
    run(
        """
recorder.append(StartRun(run_id, now(), experiment_id="0"))
for step in range(1000):
    recorder.metric(run_id, "loss", 1.0, step, now())
recorder.append(UpdateRun(run_id, status=RunStatus.FINISHED, end_time=now()))
os._exit(0)
""",
        location,
        run_id,
    )
    sync(location)
    assert steps_of(location, run_id) == list(range(1_000))
    assert run_of(location, run_id).info.status is RunStatus.FINISHED


def test_the_end_of_a_program_brings_everything_over(location: Location) -> None:
    run_id = new_run_id()
    run(
        """
recorder.append(StartRun(run_id, now(), experiment_id="0"))
for step in range(1000):
    recorder.metrics(run_id, {"loss": 1.0, "acc": 2.0}, step, now())
recorder.artifact(run_id, "notes/a.txt", b"hello")
raise SystemExit(0)
""",
        location,
        run_id,
    )
    assert status(location).journals == []
    assert steps_of(location, run_id, "acc") == list(range(1_000))
    store = open_store(location)
    artifacts = open_run_artifacts(location, store, store.runs.get(RunId(run_id)).info.artifact_uri)
    assert b"".join(artifacts.read(ArtifactPath("notes/a.txt"))) == b"hello"
    store.close()


def test_a_forked_child_doubles_and_loses_nothing(location: Location) -> None:
    run_id = new_run_id()
    run(
        """
recorder.append(StartRun(run_id, now(), experiment_id="0"))
for step in range(100):
    recorder.metric(run_id, "parent", 1.0, step, now())
child = os.fork()
if child == 0:
    for step in range(500):
        recorder.metric(run_id, "child", 1.0, step, now())
    os._exit(0)
for step in range(100, 200):
    recorder.metric(run_id, "parent", 1.0, step, now())
assert os.waitpid(child, 0)[1] == 0
""",
        location,
        run_id,
    )
    assert steps_of(location, run_id, "parent") == list(range(200))
    assert steps_of(location, run_id, "child") == list(range(500))


def test_workers_of_multiprocessing_keep_what_they_logged(location: Location) -> None:
    run_id = new_run_id()
    run(
        """
import multiprocessing
def work(worker):
    for step in range(300):
        recorder.metric(run_id, f"w{worker}", 1.0, step, now())
recorder.append(StartRun(run_id, now(), experiment_id="0"))
recorder.flush()
workers = [multiprocessing.get_context("fork").Process(target=work, args=(n,)) for n in range(3)]
for w in workers: w.start()
for w in workers: w.join()
recorder.flush()
""",
        location,
        run_id,
    )
    for worker in range(3):
        assert steps_of(location, run_id, f"w{worker}") == list(range(300))


def test_threads_share_a_run_without_losing_points(location: Location) -> None:
    run_id = new_run_id()
    run(
        """
import threading
sys.setswitchinterval(1e-5)
recorder.append(StartRun(run_id, now(), experiment_id="0"))
def work(thread):
    for step in range(15_000):
        recorder.metric(run_id, f"t{thread}", float(step), step, 1)
        recorder.metrics(run_id, {"shared": float(thread)}, step, 1)
threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
for t in threads: t.start()
for t in threads: t.join()
""",
        location,
        run_id,
    )
    for thread in range(6):
        assert steps_of(location, run_id, f"t{thread}") == list(range(15_000))
    assert len(steps_of(location, run_id, "shared")) == 6 * 15_000


def test_eight_processes_on_one_run_and_one_fresh_store(location: Location) -> None:
    run_id = new_run_id()
    program = """
recorder.append(StartRun(run_id, 1_000, experiment_id="0"))
for step in range(2_000):
    recorder.metric(run_id, f"rank{sys.argv[-1]}", 1.0, step, 1)
recorder.append(LogParams(run_id, {f"rank{sys.argv[-1]}": "x"}))
"""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PRELUDE + program, str(location.home), run_id, str(rank)],
            stderr=subprocess.PIPE,
        )
        for rank in range(8)
    ]
    said = [process.communicate(timeout=120)[1].decode() for process in processes]
    assert [p.returncode for p in processes] == [0] * 8, said
    assert not any("locked" in text for text in said), said
    sync(location)
    for rank in range(8):
        assert steps_of(location, run_id, f"rank{rank}") == list(range(2_000))
    assert len(run_of(location, run_id).data.params) == 8


def test_a_killed_process_does_not_end_a_run_that_another_has_open(location: Location) -> None:
    run_id = new_run_id()
    kill_when_it_said(start(LOG_UNTIL_KILLED, location, run_id), 100, seconds=20)
    resumed = Recorder(location)
    resumed.append(StartRun(run_id, 1_000, experiment_id="0"))
    sync(location)
    resumed.flush()
    assert run_of(location, run_id).info.status is RunStatus.RUNNING
    resumed.close()


def test_a_server_that_is_away_never_holds_up_a_call_and_loses_nothing(tmp_path: Path) -> None:
    location = resolve_location("http://127.0.0.1:9", cwd=tmp_path, environ={})
    run_id = new_run_id()
    errors = run(
        """
from assay.client.recorder import recorder_for
recorder = recorder_for(resolve_location("http://127.0.0.1:9", cwd=Path(home).parent, environ={}))
recorder.append(StartRun(run_id, now(), experiment_id="0"))
slow, longest = 0, 0.0
begin = time.monotonic()
step = 0
while time.monotonic() < begin + 2:
    t = time.perf_counter()
    recorder.metric(run_id, "loss", 1.0, step, now())
    took = time.perf_counter() - t
    slow, longest = slow + (took > 0.05), max(longest, took)
    step += 1
# On a busy machine the scheduler alone may take a thread away for longer, now and then.
assert slow < step / 10_000, (slow, step)
assert longest < 1, longest
""",
        location,
        run_id,
    )
    assert "assay sync" in errors
    (journal,) = status(location).journals
    assert journal.points > 1_000
    assert not journal.alive
    with pytest.raises(StoreUnavailable):
        sync(location)
    assert status(location).journals[0].points == journal.points


def test_a_process_of_its_own_delivers_what_an_ending_program_could_not(
    location: Location,
) -> None:
    run_id = new_run_id()
    kill_when_it_said(start(LOG_UNTIL_KILLED, location, run_id), 100, seconds=20)
    assert deliver_in_new_process(location, timeout_s=60)
    assert len(steps_of(location, run_id)) >= 100
    assert status(location).is_clear


def test_a_param_changed_by_another_process_is_set_aside_and_shown(location: Location) -> None:
    run_id = new_run_id()
    first, second = Recorder(location), Recorder(location)
    first.append(StartRun(run_id, 1_000, experiment_id="0"))
    first.append(LogParams(run_id, {"lr": "1"}))
    first.flush()
    second.append(LogParams(run_id, {"lr": "2"}))
    second.metric(run_id, "loss", 1.0, 0, 1)
    second.append(UpdateRun(run_id, status=RunStatus.FINISHED, end_time=2_000))
    second.flush()
    first.close()
    second.close()
    assert run_of(location, run_id).data.params == {"lr": "1"}
    assert run_of(location, run_id).info.status is RunStatus.FINISHED
    assert steps_of(location, run_id) == [0]
    (refused,) = status(location).refused
    assert "lr" in refused.message
