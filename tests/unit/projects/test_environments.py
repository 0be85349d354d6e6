"""Environments of projects, made by the real uv, venv and pip from the index that this machine is
set up with.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from assay.errors import AssayError, EnvironmentFailed, InvalidInput
from assay.projects.environments import Built, build_environment, manager_for, reason_of
from assay.projects.launch import EnvManager
from assay.projects.loading import load
from assay.version import __version__
from tests.unit.projects.conftest import Make

PYTHON = ".".join(map(str, sys.version_info[:3]))
PYTHON_ENV = f"python: '{PYTHON}'\ndependencies: [-r requirements.txt]\n"
SHOW = "import iniconfig, sys; print(sys.prefix, iniconfig.__file__)"


@pytest.fixture(autouse=True)
def cache(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """uv keeps its own cache, which is where its speed comes from."""
    kept = os.environ.get("UV_CACHE_DIR", str(Path("~/.cache/uv").expanduser()))
    monkeypatch.setenv("UV_CACHE_DIR", kept)


def built(folder: Path, manager: EnvManager | None = None) -> Built:
    spec = load(folder).environment
    return build_environment(spec, folder, manager_for(spec, folder, manager))


def shown(made: Built, program: str = SHOW) -> str:
    """What a program prints in the environment, called as a project's command is."""
    done = subprocess.run(
        ["python", "-c", program],
        env=made.variables(os.environ),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_requirements_are_installed_once_and_found_by_content(project: Make) -> None:
    folder = project({"requirements.txt": "iniconfig==2.1.0\n"})

    first, again = built(folder), built(folder)

    assert first.manager == "uv"
    assert first == again
    assert first.folder is not None
    assert shown(first).startswith(f"{first.folder} {first.folder}")
    assert first.pins() == f"# Python {PYTHON}\niniconfig==2.1.0\n"
    assert first.digest() == again.digest()


@pytest.mark.slow
def test_virtualenv_installs_what_uv_does(project: Make) -> None:
    folder = project(
        {"MLproject": "python_env: e/p.yaml", "requirements.txt": "iniconfig==2.1.0\n"}
        | {"e/p.yaml": PYTHON_ENV}
    )

    made = built(folder, "virtualenv")

    assert made.folder is not None
    assert shown(made).startswith(str(made.folder))
    assert "iniconfig==2.1.0\n" in made.pins()
    assert built(folder, "virtualenv") == made


def test_conda_environment_of_pip_packages_only_is_made_by_uv(project: Make) -> None:
    text = f"dependencies: [python={PYTHON}, pip, {{pip: [iniconfig==2.1.0]}}]\n"

    made = built(project({"conda.yaml": text}))

    assert made.manager == "uv"
    assert "iniconfig==2.1.0\n" in made.pins()


def test_steps_of_uv_are_told_without_a_line_for_each_package(project: Make) -> None:
    folder = project({"requirements.txt": "iniconfig==2.0.0\n"})
    told: list[str] = []

    build_environment(load(folder).environment, folder, "uv", progress=told.append)

    assert any(line.startswith("Installed 1 package") for line in told)
    assert not [line for line in told if "iniconfig==" in line or line.startswith("Activate")]


def test_conda_environment_of_conda_packages_needs_conda(project: Make) -> None:
    folder = project({"conda.yaml": "dependencies: [python=3.11, numpy=1.26]\n"})
    spec = load(folder).environment

    assert manager_for(spec, folder) == "conda"
    with pytest.raises(InvalidInput, match=r"packages of conda.*numpy=1\.26.*--env-manager conda"):
        manager_for(spec, folder, "uv")


PYPROJECT = f"""
[project]
name = "code"
version = "1"
requires-python = "=={PYTHON}"
dependencies = ["iniconfig"]
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
"""


def test_pyproject_without_its_lock_is_refused(project: Make) -> None:
    folder = project({"pyproject.toml": PYPROJECT, "main.py": ""})
    spec = load(folder).environment

    with pytest.raises(InvalidInput, match=r"no uv\.lock.*`uv lock`.*--env-manager local"):
        manager_for(spec, folder)
    assert manager_for(spec, folder, "local") == "local"


@pytest.mark.parametrize("text", ["[tool.ruff]\nline-length = 100\n", "[project]\nname = 'x'\n"])
def test_pyproject_that_asks_for_no_packages_needs_no_lock(project: Make, text: str) -> None:
    folder = project({"pyproject.toml": text})

    assert manager_for(load(folder).environment, folder) == "local"


def test_uv_lock_decides_over_versions_and_own_code_is_found(project: Make) -> None:
    folder = project(
        {"pyproject.toml": PYPROJECT.replace("iniconfig", "iniconfig==2.0.0")}
        | {"src/code_of_mine/__init__.py": ""}
    )
    subprocess.run([sys.executable, "-m", "uv", "lock", "-q", "--project", str(folder)], check=True)
    lock = (folder / "uv.lock").read_text()
    (folder / "uv.lock").write_text(lock.replace('specifier = "==2.0.0"', ""))

    made = built(folder)

    assert made.pins() == f"# Python {PYTHON}\niniconfig==2.0.0\n"
    assert shown(made, "import code_of_mine; print('found')") == "found"


def test_pylock_is_installed_as_it_is(project: Make) -> None:
    folder = project({"in.txt": "iniconfig==2.0.0\n"})
    subprocess.run(
        [sys.executable, "-m", "uv", "pip", "compile", "-q", "in.txt", "-o", "pylock.toml"],
        cwd=folder,
        check=True,
    )

    assert "iniconfig==2.0.0\n" in built(folder).pins()


def test_assay_that_came_from_no_index_is_this_one(project: Make) -> None:
    made = built(project({"requirements.txt": "assay\n"}))

    assert f"assay=={__version__}\n" in made.pins()
    assert shown(made, "import assay; print(assay.__version__)") == __version__


def test_packages_of_the_caller_do_not_leak_in(
    project: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "stray.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    made = built(project({"requirements.txt": "iniconfig==2.1.0\n"}))

    found = "import importlib.util as u; print(u.find_spec('stray'))"

    assert shown(made, found) == "None"


def test_project_without_environment_runs_in_this_python(project: Make) -> None:
    made = built(project({"main.py": ""}))

    assert made.manager == "local"
    assert shown(made, "import sys; print(sys.executable)") == sys.executable


def test_environment_that_cannot_be_made_says_why_in_short(project: Make) -> None:
    folder = project({"requirements.txt": "iniconfig==2.1.0\niniconfig==2.0.0\n"})

    with pytest.raises(EnvironmentFailed) as failed:
        built(folder)

    reason = reason_of(failed.value)
    assert reason.startswith("The environment can't be made")
    assert "No solution found" in reason
    assert "\n" not in reason
    assert len(reason) <= 600


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"requirements.txt": "--trusted-host x\n"}, "isn't accepted"),
        ({"python_env.yaml": "dependencies: [-r ../x.txt]"}, "must stay inside"),
        ({"python_env.yaml": "dependencies: [-r none.txt]"}, "is missing"),
        ({"python_env.yaml": "python: '$(id)'"}, "which is none"),
        ({"uv.lock": "[", "pyproject.toml": "["}, "is no TOML"),
        ({"pixi.lock": ""}, "pixi isn't on PATH"),
    ],
)
def test_files_that_cannot_be_used_are_told(
    project: Make, files: dict[str, str], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    with pytest.raises(AssayError, match=why):
        built(project(files))


def test_environment_without_its_lock_is_refused_where_one_is_asked_for(project: Make) -> None:
    folder = project({"pyproject.toml": PYPROJECT})

    with pytest.raises(InvalidInput, match=r"no uv\.lock"):
        manager_for(load(folder).environment, folder, "uv")


def test_manager_that_does_not_fit_is_refused(project: Make) -> None:
    folder = project({"requirements.txt": ""})

    with pytest.raises(InvalidInput, match="use uv or virtualenv or local"):
        manager_for(load(folder).environment, folder, "conda")
