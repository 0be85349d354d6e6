"""``assay reproduce`` and ``assay freeze``: one line for what can't be done."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from assay.cli.main import cli
from assay.client.client import Client


@pytest.fixture
def run_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASSAY_TRACKING_URI", str(tmp_path / ".assay"))
    client = Client(str(tmp_path / ".assay"))
    run = client.create_run("0")
    client.set_terminated(run.info.run_id)
    client.close()
    return run.info.run_id


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["reproduce", "f" * 32], "f" * 32),
        (["reproduce", "gone.zip"], "There is no bundle gone.zip"),
        (["reproduce", "RUN"], "its command line wasn't captured"),
        (["freeze", "RUN", "-o", "b.zip"], "its command line wasn't captured"),
        (["freeze", "RUN", "-o", "b.tar"], "ends in .zip"),
        (["freeze", "RUN", "-o", "there.zip"], "is there already"),
        (["reproduce", "RUN", "--tolerance", "-1"], "--tolerance"),
        (["reproduce", "RUN", "--html", "nowhere/r.html"], "there is no folder nowhere"),
    ],
)
def test_what_can_not_be_done_is_one_line_and_exit_code_2(
    run_id: str, words: list[str], said: str
) -> None:
    Path("there.zip").touch()

    done = CliRunner().invoke(cli, [run_id if word == "RUN" else word for word in words])

    assert done.exit_code == 2, done.output
    assert said in done.output.splitlines()[-1]
    assert not Path("b.zip").exists()
