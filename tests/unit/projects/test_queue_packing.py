"""Packing: what of a folder goes to an agent."""

from __future__ import annotations

import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from assay.errors import InvalidInput
from assay.projects.queue import packing
from assay.projects.sources.archive import unpack


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    write(folder, "MLproject", "name: x\n")
    write(folder, "src/train.py", "print('hi')\n")
    return folder


def write(folder: Path, name: str, text: str = "x") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def packed(folder: Path) -> list[str]:
    archive = folder.parent / f"{folder.name}-{len(os.listdir(folder.parent))}.zip"
    packing.pack(folder, archive)
    with zipfile.ZipFile(archive) as content:
        return sorted(content.namelist())


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@t"]
    subprocess.run(["git", *identity, "-C", str(folder), *words], check=True, capture_output=True)


def test_plain_folder_goes_without_what_programs_leave_behind(project: Path) -> None:
    for name in (".assay/assay.db", "mlruns/0/x", "src/__pycache__/a.pyc", ".venv/bin/python"):
        write(project, name)
    assert packed(project) == ["MLproject", "src/train.py"]


def test_repository_sends_what_it_knows_and_does_not_ignore(project: Path) -> None:
    git(project, "init", "-q")
    write(project, ".gitignore", "data/\n*.log\n")
    write(project, "data/large.bin")
    write(project, "run.log")
    gone = write(project, "gone.py")
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "first")
    gone.unlink()
    write(project, "new.py")
    write(project, ".assay/assay.db")
    assert packed(project) == [".gitignore", "MLproject", "new.py", "src/train.py"]
    assert packed(project / "src") == ["train.py"]


def test_what_is_packed_unpacks_to_the_same(project: Path, tmp_path: Path) -> None:
    script = write(project, "run.sh", "#!/bin/sh\n")
    script.chmod(0o755)
    target = tmp_path / "target"
    target.mkdir()
    packing.pack(project, tmp_path / "a.zip")
    unpack(tmp_path / "a.zip", target)
    assert (target / "src/train.py").read_text() == "print('hi')\n"
    assert os.access(target / "run.sh", os.X_OK)
    packing.pack(project, tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_link_that_leads_out_is_refused(project: Path, tmp_path: Path) -> None:
    secret = write(tmp_path, "secret")
    (project / "link").symlink_to(secret)
    with pytest.raises(InvalidInput, match=r"link in the project .* leads out"):
        packed(project)


def test_link_inside_is_packed_as_the_file(project: Path) -> None:
    (project / "link.py").symlink_to("src/train.py")
    assert "link.py" in packed(project)


def test_name_that_no_agent_could_unpack_is_refused(project: Path) -> None:
    write(project, "a\\b.py")
    with pytest.raises(InvalidInput, match="backslash"):
        packed(project)


def test_project_with_data_in_it_is_refused_and_told_what_is_large(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "MAX_BYTES", 2_000_000)
    with write(project, "data.bin").open("wb") as file:
        file.truncate(3_000_000)
    with pytest.raises(InvalidInput, match=r"data\.bin \(3 MB\)"):
        packed(project)


def test_empty_project_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInput, match="no files"):
        packed(tmp_path / "empty")
