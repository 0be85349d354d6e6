"""Facts read from recorded runs, the diff of their code, and the page about it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import assay
from assay.client.client import Client
from assay.comparison import code_diff, diff_runs, facts_of
from assay.comparison.facts import CodeFacts
from assay.comparison.html import diff_page
from assay.comparison.patches import MAX_DIFF_BYTES
from assay.context.git import git_state
from assay.entities import tags
from assay.entities.datasets import Dataset, DatasetInput, InputTag
from assay.errors import RunNotFound

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    client = Client(tmp_path / ".assay")
    yield client
    client.close()


def a_run(
    client: Client, known: dict[str, str], files: dict[str, str] | None = None, **params: str
) -> str:
    run_id: str = client.create_run("0", tags=known).info.run_id
    for key, value in params.items():
        client.log_param(run_id, key, value)
    for path, text in (files or {}).items():
        client.log_text(run_id, text, path)
    return run_id


def test_facts_are_read_from_tags_params_inputs_and_files(client: Client) -> None:
    run_id = a_run(
        client,
        {
            tags.GIT_COMMIT: "a" * 40,
            tags.GIT_DIRTY: "true",
            tags.SOURCE_NAME: "/home/ann/code/train.py",
            tags.SOURCE_DIRECTORY: ".",
            tags.COMMAND_LINE: "/opt/env/bin/python3.11 -u /home/ann/code/train.py --lr '0.1 '",
            tags.PYTHON: "cpython 3.11.7",
            tags.CPU: "a processor",
            tags.SEED_PREFIX + "numpy": "3",
            tags.THREADS_PREFIX + "OMP_NUM_THREADS": "2",
            tags.ENVIRONMENT_PREFIX + "PYTHONHASHSEED": "0",
        },
        {"assay/source.patch": "diff", "assay/requirements.txt": "# Python 3.11.7\nnumpy==2.1.0\n"},
        lr="0.1",
    )
    used = DatasetInput(
        Dataset("iris", "d1", "local", "{}"), [InputTag(tags.DATASET_CONTEXT, "training")]
    )
    client.log_inputs(run_id, datasets=[used])
    found = facts_of(client, run_id)
    assert found.code == CodeFacts(
        commit="a" * 40,
        patch=b"diff",
        program="train.py",
        command=["python", "-u", "train.py", "--lr", "0.1 "],
    )
    assert found.parameters == {"lr": "0.1"}
    assert found.packages == {"numpy": "2.1.0"}
    assert (found.python, found.seeds) == ("3.11.7", {"numpy": "3"})
    assert found.threads == {"OMP_NUM_THREADS": "2"}
    assert found.environment == {"PYTHONHASHSEED": "0"}
    assert found.hardware == {"cpu": "a processor"}
    assert [(one.name, one.digest, one.context) for one in found.data] == [
        ("iris", "d1", "training")
    ]


def test_a_run_that_captured_nothing_has_no_facts_and_no_differences(client: Client) -> None:
    one, other = a_run(client, {}), a_run(client, {tags.GIT_COMMIT: "a" * 40})
    assert facts_of(client, one).packages is None
    found = diff_runs(one, other, client=client)
    assert found.differences == []
    assert found.unknown == ["code", "data", "seeds", "packages", "python"]
    with pytest.raises(RunNotFound):
        diff_runs(one, "f" * 32, client=client)


def test_runs_of_a_process_are_compared_where_it_logs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_TRACKING_URI", str(tmp_path / ".assay"))
    monkeypatch.setenv("ASSAY_QUIET", "1")
    monkeypatch.chdir(tmp_path)
    ids = []
    for rate in ("0.1", "0.2"):
        with assay.start_run(capture="packages,process") as run:
            assay.log_param("lr", rate)
            assay.log_metric("acc", float(rate))
        ids.append(run.info.run_id)
    found = diff_runs(*ids)
    assert [(one.dimension, one.sentence) for one in found.differences] == [
        ("parameters", "lr is 0.2 instead of 0.1")
    ]
    assert [one.name for one in found.metrics] == ["acc"]
    assert "packages" not in found.unknown


class Repository:
    """A Git repository with a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git("init", "-q", "-b", "main")
        self.write("seed = 1\nlr = 0.1\n")
        self.git("add", "-A")
        self.commit()

    def git(self, *arguments: str) -> str:
        who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        done = subprocess.run(
            ["git", *who, "-C", str(self.folder), *arguments],
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout

    def write(self, text: str, name: str = "train.py") -> None:
        (self.folder / name).write_text(text)

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-qm", "change")

    def code(self) -> CodeFacts:
        state = git_state(self.folder)
        assert state is not None
        return CodeFacts(commit=state.commit, patch=state.patch)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    folder = tmp_path / "repository"
    folder.mkdir()
    return Repository(folder)


def test_code_is_compared_as_it_ran_commits_and_changes_together(repository: Repository) -> None:
    repository.write("seed = 1\nlr = 0.2\n")  # not committed
    first = repository.code()
    repository.commit()
    repository.write("seed = 1\nlr = 0.3\n")
    repository.commit()
    repository.write("seed = 1\nlr = 0.2\nextra = 1\n")  # not committed
    second = repository.code()
    before = repository.git("count-objects", "-v")
    folder = repository.folder / "below"
    folder.mkdir()
    for place in (repository.folder, folder):
        found = code_diff(first, second, place)
        assert found.is_complete
        assert found.text.startswith("diff --git a/train.py b/train.py")
        # Both had 0.2 when they ran: it isn't in the diff, though the patches differ.
        changed = [line for line in found.text.splitlines() if line[:1] in "+-"]
        assert changed[2:] == ["+extra = 1"]
    assert repository.git("count-objects", "-v") == before
    assert repository.git("status", "--porcelain") == " M train.py\n"


def test_without_the_repository_the_changes_alone_are_compared(
    repository: Repository, tmp_path: Path
) -> None:
    repository.write("seed = 1\nlr = 0.2\n")
    first = repository.code()
    repository.write("seed = 2\nlr = 0.2\n")
    second = repository.code()
    for place in (None, tmp_path):
        found = code_diff(first, second, place)
        assert not found.is_complete
        assert "++seed = 2" in found.text
        assert "lr = 0.1" not in [line[1:] for line in found.text.splitlines() if line[0] in "+-"]
    assert "isn't a repository with both commits" in code_diff(first, second, tmp_path).notes[0]


def test_gaps_in_what_is_known_of_the_code_are_told(repository: Repository) -> None:
    known = repository.code()
    found = code_diff(known, CodeFacts(), repository.folder)
    assert "The commit of the second run wasn't captured." in found.notes
    dirty = CodeFacts(commit=known.commit, patch=None)
    assert code_diff(dirty, known, repository.folder).notes == [
        "The uncommitted changes of the first run weren't kept."
    ]


@pytest.mark.parametrize("commit", ["--output=/tmp/x", "HEAD", "main"])
def test_a_commit_that_is_none_never_reaches_git(repository: Repository, commit: str) -> None:
    found = code_diff(repository.code(), CodeFacts(commit=commit), repository.folder)
    assert not found.is_complete


def test_secrets_are_masked_and_the_length_is_bounded(repository: Repository) -> None:
    first = repository.code()
    repository.write("url = 'https://ann:hunter2@example.org'\n" + "x = 1\n" * 250_000)
    found = code_diff(first, repository.code(), repository.folder)
    assert "hunter2" not in found.text
    assert "https://***@example.org" in found.text
    assert len(found.text) <= MAX_DIFF_BYTES
    assert not found.is_complete


def test_the_page_shows_what_users_logged_as_text(client: Client) -> None:
    one, other = (a_run(client, {}, model=value) for value in ("svc", HOSTILE))
    page = diff_page(diff_runs(one, other, client=client)).decode()
    assert HOSTILE not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "default-src &#x27;none&#x27;" in page
    assert "<script" not in page
