"""The package as it is built: it carries the web UI, and installing it needs no Node."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from assay.server.ui import STATIC

ROOT = Path(__file__).parents[2]


def pip(*arguments: str, path: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments],
        env={**os.environ, "PATH": path, **variables},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture
def bare_path(tmp_path: Path) -> str:
    """A PATH on which there is no Node."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "env", "uname"):
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    assert shutil.which("node", path=str(folder)) is None
    return str(folder)


def sources_of_the_package(folder: Path) -> Path:
    """A checkout with the built UI, without Node's packages."""
    files = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    for name in files:
        belongs = name.startswith(("src/", "web/")) or "/" not in name
        if belongs and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    shutil.copytree(STATIC, folder / STATIC.relative_to(ROOT))
    return folder


@pytest.mark.slow
def test_a_wheel_from_current_files_needs_no_node_and_carries_the_ui(
    tmp_path: Path, bare_path: str
) -> None:
    sources = sources_of_the_package(tmp_path / "sources")

    built = pip("wheel", "--no-deps", "-w", str(tmp_path), str(sources), path=bare_path)

    assert built.returncode == 0, built.stderr
    assert "nodejs" not in built.stdout
    (wheel,) = tmp_path.glob("assay-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    shipped = {path.relative_to(ROOT / "src").as_posix() for path in STATIC.rglob("*.*")}
    assert shipped <= names
    assert not any("node_modules" in name or name.endswith(".tsx") for name in names)


@pytest.mark.slow
def test_without_the_ui_the_package_is_built_too_and_says_so(
    tmp_path: Path, bare_path: str
) -> None:
    sources = sources_of_the_package(tmp_path / "sources")
    shutil.rmtree(sources / STATIC.relative_to(ROOT))

    built = pip(
        "wheel", "--no-deps", "-w", str(tmp_path), str(sources), path=bare_path, ASSAY_SKIP_UI="1"
    )

    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("assay-*.whl")
    with zipfile.ZipFile(wheel) as content:
        assert not any("server/static" in name for name in content.namelist())
        content.extractall(tmp_path / "installed")
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            "from assay.server.ui import WebUi;"
            "from types import SimpleNamespace as N;"
            "print(WebUi().show(N(path='/'), None).body.decode())",
        ],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "installed")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "installed without its web pages" in said


@pytest.mark.slow
def test_a_build_that_reaches_no_registry_says_what_to_do(tmp_path: Path) -> None:
    sources = sources_of_the_package(tmp_path / "sources")
    shutil.rmtree(sources / STATIC.relative_to(ROOT))
    npmrc = sources / "web" / ".npmrc"
    npmrc.write_text(
        npmrc.read_text() + "registry=http://127.0.0.1:9/\nfetch-retries=0\n"
        f"cache={tmp_path / 'npm-cache'}\n"
    )

    done = subprocess.run(
        [sys.executable, "web/bundle.py"],
        cwd=sources,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.startswith("The web UI can't be built: ")
    assert "ASSAY_SKIP_UI=1" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_sdist_holds_the_built_ui_and_its_sources(tmp_path: Path) -> None:
    sources = sources_of_the_package(tmp_path / "sources")
    script = "from hatchling.build import build_sdist; import sys; print(build_sdist(sys.argv[1]))"
    environment = tmp_path / "build-environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    python = str(environment / "bin" / "python")
    installed = subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "hatchling"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert installed.returncode == 0, installed.stderr
    made = subprocess.run(
        [python, "-c", script, str(tmp_path)],
        cwd=sources,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    with tarfile.open(tmp_path / made.stdout.split()[-1]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert "src/assay/server/static/index.html" in names
    assert "src/assay/server/static/sources.sha256" in names
    assert {"web/package-lock.json", "web/src/main.tsx", "hatch_build.py"} <= names
