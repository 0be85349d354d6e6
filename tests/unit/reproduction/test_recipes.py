"""Recipes of runs: what is read, and what is refused before anything is run."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.client.client import Client
from assay.entities import tags
from assay.errors import InvalidInput, InvalidName
from assay.reproduction import commands
from assay.reproduction.checkout import check_out
from assay.reproduction.recipe import Code, Recipe
from assay.reproduction.recipes import check_repeatable, packages_of, recipe_of
from assay.reproduction.rerun import Where, rerun
from assay.reproduction.results import results_of

COMMIT = "a" * 40
FACTS = {
    tags.COMMAND_LINE: "python train.py --name 'a b'",
    tags.GIT_COMMIT: COMMIT,
    tags.GIT_DIRTY: "false",
    tags.SOURCE_DIRECTORY: "project",
    tags.PYTHON: "cpython 3.11.7",
    tags.SEED_PREFIX + "numpy": "7",
    tags.THREADS_PREFIX + "OMP_NUM_THREADS": "2",
    tags.RUN_NUMBER: "3",
}


@pytest.fixture
def client(tmp_path: Path) -> Client:
    return Client(str(tmp_path / ".assay"))


def recipe(client: Client, **changed: str | None) -> Recipe:
    facts = {**FACTS, **{key.replace("__", "."): value for key, value in changed.items()}}
    known = {key: value for key, value in facts.items() if value is not None}
    run = client.create_run("0", tags=known)
    found = recipe_of(client, run)
    check_repeatable(found, run)
    return found


def test_recipe_has_what_the_run_tells(client: Client) -> None:
    found = recipe(client)
    assert found.command == ["python", "train.py", "--name", "a b"]
    assert (found.code.commit, found.code.directory) == (COMMIT, "project")
    assert (found.python, found.run_number) == ("3.11.7", 3)
    assert (found.seeds, found.threads) == ({"numpy": "7"}, {"OMP_NUM_THREADS": "2"})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({tags.SOURCE_TYPE: "NOTEBOOK"}, "made in a notebook"),
        ({tags.COMMAND_LINE: None}, "its command line wasn't captured"),
        ({tags.GIT_COMMIT: None}, "its code wasn't captured"),
        ({tags.GIT_DIRTY: "true"}, "uncommitted changes that weren't kept"),
        ({tags.COMMAND_LINE: "python t.py --token '***'"}, "had a secret, which was masked"),
        ({tags.PARENT_RUN_ID: "f" * 32}, "Reproduce that one"),
        ({tags.GIT_COMMIT: "--upload-pack=x"}, "which is no commit"),
        ({tags.RUN_NUMBER: "-1"}, "which is no number"),
    ],
)
def test_what_was_not_captured_is_told(
    client: Client, changed: dict[str, str | None], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        recipe(client, **changed)


@pytest.mark.parametrize("folder", ["../..", "/etc", "a/../../b", "a\\b"])
def test_folder_that_leads_out_of_the_code_is_refused(client: Client, folder: str) -> None:
    with pytest.raises(InvalidName):
        recipe(client, **{tags.SOURCE_DIRECTORY: folder})


def test_pins_are_read_and_other_lines_refused() -> None:
    text = "# Python 3.11.7\nNumPy==2.1.0\nmine==0.1  # editable, from file:///src/mine\n"
    assert packages_of(text) == {
        "numpy": "NumPy==2.1.0",
        "mine": "mine==0.1  # from editable file:///src/mine",
    }
    with pytest.raises(InvalidInput, match="isn't accepted"):
        packages_of("numpy==1 --global-option=x")


def test_command_is_said_with_the_new_interpreter_and_the_new_folder(tmp_path: Path) -> None:
    python = tmp_path / "env" / "bin" / "python"
    python.parent.mkdir(parents=True)
    (python.parent / "mytool").touch()
    code = tmp_path / "code"
    code.mkdir()
    (code / "train.py").touch()
    words = ["/old/.venv/bin/python3.11", "/old/.venv/bin/mytool", "/old/train.py"]
    words += ["--out=/old/gone", "--script=/old/train.py", "/older/train.py"]
    old = Recipe(run_id="r", code=Code(root="/old"), command=words)
    assert commands.here(old, python=python, code=code) == [
        str(python),
        str(python.parent / "mytool"),
        str(code / "train.py"),
        "--out=/old/gone",
        f"--script={code / 'train.py'}",
        "/older/train.py",
    ]


@pytest.mark.parametrize("name", ["../escaped", "/tmp/escaped", ".git/hooks/post-checkout"])
def test_patch_that_leads_out_of_the_code_is_refused(tmp_path: Path, name: str) -> None:
    patch = (
        f"diff --git a/{name} b/{name}\nnew file mode 100755\n--- /dev/null\n+++ b/{name}\n"
        "@@ -0,0 +1 @@\n+x\n"
    )
    empty = b"PK\x05\x06" + bytes(18)
    with pytest.raises(InvalidInput, match="don't fit its commit"):
        check_out(Code(commit=COMMIT, archive=empty, patch=patch.encode()), tmp_path)
    assert not (tmp_path / "escaped").exists()


def test_code_that_is_nowhere_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="names no repository"):
        check_out(Code(commit=COMMIT), tmp_path)
    with pytest.raises(InvalidInput, match="can't be had"):
        check_out(Code(commit=COMMIT, repository="ext::sh -c touch% /tmp/x"), tmp_path)


def test_model_that_is_a_folder_of_the_run_is_told_by_its_files(client: Client) -> None:
    run = client.create_run("0")
    for name in ("model/MLmodel", "model/model.bin", "model/requirements.txt", "modelling.txt"):
        client.log_text(run.info.run_id, name, name)

    found = results_of(client, client.get_run(run.info.run_id))

    assert list(found.artifacts) == ["modelling.txt"]
    assert list(found.models["model"].files) == ["model.bin"]


def test_series_are_told_by_model_and_data_set_and_system_metrics_left_out(client: Client) -> None:
    run = client.create_run("0").info.run_id
    client.log_metric(run, "acc", 0.5, step=1)
    client.log_metric(run, "acc", 0.7, step=1, dataset_name="test", dataset_digest="d1")
    client.log_metric(run, "acc", 0.8, step=1, dataset_name="test", dataset_digest="d2")
    client.log_metric(run, "system/cpu", 99.0)

    found = results_of(client, client.get_run(run))

    assert sorted(found.metrics) == ["acc", "acc on test", "acc on test #2"]


@pytest.mark.parametrize(("name", "why"), [("full", "isn't empty"), ("file", "can't be used")])
def test_folder_that_can_not_be_used_is_told(
    client: Client, tmp_path: Path, name: str, why: str
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    (tmp_path / "file").touch()
    with pytest.raises(InvalidInput, match=why):
        rerun(recipe(client), client=client, where=Where(keep=tmp_path / name))
