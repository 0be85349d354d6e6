"""The console script as people run it: processes, pipes, a server, offline runs."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
from pathlib import Path

import urllib3

ASSAY = str(Path(sys.executable).with_name("assay"))
TRAIN = """
import assay
with assay.start_run(run_name="offline") as run:
    assay.log_param("lr", 0.1)
    for step in range(100):
        assay.log_metric("loss", 1 / (step + 1), step=step)
print(run.info.run_id)
"""


def environment(**more: str) -> dict[str, str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("ASSAY_", "MLFLOW_"))}
    return {**clean, **more}


def assay(*arguments: str, cwd: Path, code: int = 0, **more: str) -> str:
    done = subprocess.run(
        [ASSAY, *arguments],
        cwd=cwd,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


class Server:
    """``assay server`` on a free port."""

    def __init__(self, cwd: Path, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [ASSAY, *arguments, "--port", "0"],
            cwd=cwd,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found, line + (self.process.stdout.read() if self.process.poll() else "")
        self.url = found[0]

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        try:
            return self.process.wait(10)
        finally:
            self.process.kill()
            self.process.communicate()


def train(cwd: Path, uri: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", TRAIN],
        cwd=cwd,
        env=environment(ASSAY_TRACKING_URI=uri, ASSAY_HTTP_MAX_RETRIES="0"),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[-1]


def test_help_answers_at_once_without_loading_a_store(tmp_path: Path) -> None:
    code = "import sys, assay.cli.main as m; m.cli(['--help'], standalone_mode=False);" + (
        "print([n for n in ('numpy', 'sqlalchemy', 'rich', 'urllib3', 'uvicorn')"
        " if n in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert "Usage:" in done.stdout
    assert done.stderr.strip() == "[]"


def test_a_server_serves_what_the_command_line_then_reads(tmp_path: Path) -> None:
    server = Server(tmp_path, "server")
    try:
        run_id = train(tmp_path, server.url)
        listed = json.loads(assay("-t", server.url, "runs", "list", "--json", cwd=tmp_path))
        assert [run["run_id"] for run in listed] == [run_id]
        assert "100 points" in assay(
            "-t", server.url, "metrics", "show", run_id[:6], "loss", cwd=tmp_path
        )
        (tmp_path / "a.txt").write_text("one")
        assay("-t", server.url, "artifacts", "put", run_id[:6], "a.txt", cwd=tmp_path)
        assay("-t", server.url, "artifacts", "get", run_id[:6], "a.txt", "-o", "got", cwd=tmp_path)
        assert (tmp_path / "got" / "a.txt").read_text() == "one"
        found = {
            row["what"]: row
            for row in json.loads(assay("-t", server.url, "doctor", "--json", cwd=tmp_path))
        }
        assert found["server"]["found"].startswith("Assay ")
        assert found["clock"]["mark"] == "ok"
        assert "is a server" in assay("-t", server.url, "gc", cwd=tmp_path, code=2)
    finally:
        assert server.stop() == 0
    # The very same store, without the server.
    assert run_id in assay("runs", "list", cwd=tmp_path)


def test_the_ui_serves_its_page_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    server = Server(tmp_path, "ui", "--no-browser")
    try:
        page = urllib3.request("GET", server.url + "/", timeout=10)
        assert page.status == 200
        assert page.headers["content-type"].startswith("text/html")
    finally:
        assert server.stop(signal.SIGINT) == 0


def test_a_server_beyond_this_machine_must_be_asked_for(tmp_path: Path) -> None:
    assert "--insecure" in assay("server", "--host", "0.0.0.0", cwd=tmp_path, code=2)


def test_a_run_made_offline_is_delivered_by_sync(tmp_path: Path) -> None:
    first = Server(tmp_path, "server")
    url = first.url
    first.stop()
    run_id = train(tmp_path, url)
    waiting = json.loads(assay("-t", url, "status", "--json", cwd=tmp_path))
    assert sum(journal["points"] for journal in waiting["journals"]) == 100
    assert "can't be reached" in assay(
        "-t", url, "sync", cwd=tmp_path, code=2, ASSAY_HTTP_MAX_RETRIES="0"
    )
    port = url.rpartition(":")[2]
    again = subprocess.Popen(
        [ASSAY, "server", "--port", port],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert again.stdout is not None
        assert url in again.stdout.readline()
        for expected in ("100 points", "Nothing waited"):
            assert expected in assay("-t", url, "sync", cwd=tmp_path)
        figures = json.loads(assay("-t", url, "metrics", "list", run_id, "--json", cwd=tmp_path))
        assert [(one["key"], one["points"]) for one in figures] == [("loss", 100)]
        assert json.loads(assay("-t", url, "status", "--json", cwd=tmp_path))["journals"] == []
    finally:
        again.terminate()
        again.communicate(timeout=20)


def test_a_closed_pipe_ends_quietly(tmp_path: Path) -> None:
    done = subprocess.run(
        f"{ASSAY} --help | head -1",
        shell=True,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stdout.startswith("Usage:")
    assert done.stderr == ""


def test_a_terminal_gets_a_drawn_table(tmp_path: Path) -> None:
    assay("experiments", "create", "[bold]not markup[/bold]", cwd=tmp_path)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [ASSAY, "experiments", "list"],
        cwd=tmp_path,
        env=environment(TERM="xterm", COLUMNS="120"),
        stdout=theirs,
    )
    os.close(theirs)
    shown = b""
    while select.select([ours], [], [], 30)[0]:
        try:
            chunk = os.read(ours, 65_536)
        except OSError:
            break  # Linux reports the closed other end as an error.
        if not chunk:
            break
        shown += chunk
    os.close(ours)
    assert process.wait(30) == 0
    assert "[bold]not markup[/bold]" in shown.decode()
    assert "┃" in shown.decode()
