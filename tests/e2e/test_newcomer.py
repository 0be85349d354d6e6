"""What a newcomer types, as the README and the guide have it: every line does what it says."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from tests.services.environment import clean_environment

ROOT = Path(__file__).parents[2]
PYTHON_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHELL_BLOCK = re.compile(r"^```(?:sh|bash)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PLACES = [None, "./elsewhere", "sqlite:///own.db"]


def python(code: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=clean_environment(**more),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done


def shell(line: str, folder: Path) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", line],
        cwd=folder,
        env=clean_environment(COLUMNS="100"),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stdout


def commands(page: str) -> list[str]:
    """The lines of a page that call ``assay``, end by themselves and need no registered model:
    those of deployments are run where there is one.
    """
    text = "\n".join(SHELL_BLOCK.findall((ROOT / page).read_text()))
    lines = re.findall(r"^assay .*$", text, re.MULTILINE)
    others = re.compile(r"assay (ui|server|serve|deployments|-t )|bash_|zsh|fish")
    return [line for line in lines if not others.search(line)]


@pytest.fixture(scope="module", params=["README.md", "docs/guides/getting-started.md"])
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the Python examples of a page ran; its name is the page's."""
    folder = tmp_path_factory.mktemp("newcomer") / Path(request.param).stem
    folder.mkdir()
    for code in PYTHON_BLOCK.findall((ROOT / request.param).read_text()):
        python(code, folder)
    (folder / "page").write_text(request.param)
    return folder


def test_commands_of_a_page_work_after_its_examples(page: Path) -> None:
    run_id = shell(
        "assay runs list --json | python -c 'import json, sys;"
        ' print(json.load(sys.stdin)[-1]["run_id"])\'',
        page,
    ).strip()
    model_id = shell(
        "assay models list --json | python -c 'import json, sys;"
        ' print("".join(one["model_id"] for one in json.load(sys.stdin)[-1:]))\'',
        page,
    ).strip()
    lines = commands((page / "page").read_text())

    assert len(lines) >= 3
    for line in lines:
        line = line.replace("RUN_ID", run_id).replace("MODEL_URI", f"models:/{model_id}")
        assert shell(line, page).strip(), line


@pytest.fixture
def guide(tmp_path: Path) -> Path:
    """A folder with the runs that the guide of the command line talks about."""
    code = """
import assay
assay.set_experiment("digits")
for run_id in ("3f2a", "91bc"):
    with assay.start_run(run_name=run_id) as run:
        assay.log_params({"model": "svc", "rate": run_id})
        for step in range(1_200):
            assay.log_metric("loss", 1 / (step + 1), step=step)
        assay.log_metric("accuracy", 0.95)
        assay.log_text("{}", "model/MLmodel")
    print(run.info.run_id)
"""
    for name, ident in zip(("3f2a", "91bc"), python(code, tmp_path).stdout.split(), strict=True):
        (tmp_path / name).write_text(ident)
    (tmp_path / "report.pdf").write_bytes(b"%PDF-")
    return tmp_path


def test_commands_of_the_guide_work_in_their_order(guide: Path) -> None:
    lines = commands("docs/guides/cli.md")

    assert len(lines) >= 20
    for line in lines:
        for name in ("3f2a", "91bc"):
            line = re.sub(rf"\b{name}\b", (guide / name).read_text(), line)
        shell(line, guide)


@pytest.fixture(params=PLACES, ids=str)
def logged(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str]:
    """A folder, and what the first run in it said."""
    place = {} if request.param is None else {"ASSAY_TRACKING_URI": request.param}
    code = "import assay\nwith assay.start_run(run_name='first steps'): assay.log_metric('m', 1)"
    return tmp_path, python(code, tmp_path, **place).stderr


@pytest.fixture
def looking(logged: tuple[Path, str]) -> Iterator[str]:
    """The address of what the advice of the first run starts."""
    folder, said = logged
    advice = said.partition("look with: ")[2].strip()
    assert advice.startswith("assay ui"), said
    process = subprocess.Popen(
        [*shlex.split(advice), "--no-browser", "--port", "0"],
        cwd=folder,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found, line
        yield found[0]
        process.send_signal(signal.SIGINT)
        assert process.wait(15) == 0
    finally:
        process.kill()
        process.communicate()


def test_what_the_first_run_advises_shows_that_run(looking: str) -> None:
    assert urllib3.request("GET", f"{looking}/experiments/0", timeout=10).status == 200

    rows = urllib3.request(
        "POST",
        f"{looking}/api/assay/v1/runs/rows",
        json={"experiment_ids": ["0"], "columns": []},
        timeout=10,
    )

    assert rows.json()["runs"]["run_name"] == ["first steps"]
