"""Environments of models, made by the real uv from the index that this machine is set up with."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from assay.errors import EnvironmentFailed, InvalidModel, MissingExtra
from assay.models.environments import conda_env
from assay.models.environments.environment import Environment
from assay.models.environments.packages import Distributions
from assay.models.environments.uv_env import build, local_python, python_of, uv_binary
from assay.models.environments.uv_settings import uses_no_index, uv_variables

PYTHON = ".".join(map(str, sys.version_info[:3]))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own; uv keeps its own one, which is where its speed comes from."""
    kept = os.environ.get("UV_CACHE_DIR", str(Path.home() / ".cache" / "uv"))
    monkeypatch.setenv("UV_CACHE_DIR", kept)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "assay" / "envs"


def _environment(*requirements: str, python: str = PYTHON) -> Environment:
    return Environment(python=python, requirements=requirements)


def _versions(folder: Path) -> dict[str, str]:
    site = next(folder.glob("lib/python*/site-packages"))
    return {one.name: one.version for one in Distributions([str(site)]).all()}


def _run(python: Path, program: str) -> str:
    done = subprocess.run(
        [str(python), "-I", "-c", program], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_environment_has_what_was_asked_for_and_nothing_else() -> None:
    steps: list[str] = []

    folder = build(_environment("iniconfig==2.1.0"), progress=steps.append)

    assert _versions(folder) == {"iniconfig": "2.1.0"}
    where = _run(python_of(folder), "import iniconfig, sys; print(iniconfig.__file__, sys.prefix)")
    assert where.split()[1] == str(folder)
    assert where.startswith(str(folder))
    assert steps[0] == f"Making an environment with Python {PYTHON}"


def test_same_requirements_give_the_same_environment_without_uv(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps: list[str] = []
    first = build(_environment("iniconfig==2.1.0", "six"))

    again = build(_environment("six  # why", "iniconfig==2.1.0"), progress=steps.append)

    assert again == first
    assert steps == []


@pytest.mark.parametrize(
    "other",
    [_environment("iniconfig"), Environment(python=PYTHON, constraints=("six==1.16.0",))],
    ids=["requirements", "constraints"],
)
def test_other_content_gives_another_environment(other: Environment) -> None:
    assert build(other) != build(_environment())


def test_environments_are_readable_by_their_user_alone(cache: Path) -> None:
    build(_environment())

    assert stat.S_IMODE(cache.stat().st_mode) == 0o700


def test_part_of_a_python_version_takes_the_interpreter_at_hand() -> None:
    folder = build(_environment(python=f"{sys.version_info[0]}.{sys.version_info[1]}"))

    assert _run(python_of(folder), "import platform; print(platform.python_version())") == PYTHON


def test_constraints_bind_what_requirements_leave_open() -> None:
    environment = Environment(
        python=PYTHON, requirements=("six",), constraints=("six==1.16.0", "iniconfig==1")
    )

    assert _versions(build(environment)) == {"six": "1.16.0"}


def test_lock_of_the_model_binds_what_requirements_leave_open(tmp_path: Path) -> None:
    lock = 'lock-version = "1.0"\n[[packages]]\nname = "six"\nversion = "1.16.0"\n'
    (tmp_path / "pylock.toml").write_text(lock)
    environment = _environment("python-dateutil==2.9.0.post0")

    locked = build(environment, tmp_path)
    free = build(environment, tmp_path, with_lock=False)

    assert _versions(locked)["six"] == "1.16.0"
    assert _versions(free)["six"] != "1.16.0"


def test_archive_that_the_model_brings_is_installed(tmp_path: Path) -> None:
    wheel = _wheel(tmp_path / "wheels", "brought")

    folder = build(_environment(f"wheels/{wheel.name}"), tmp_path)

    assert _versions(folder) == {"brought": "1.0"}


def test_archive_outside_of_the_model_is_refused(tmp_path: Path) -> None:
    wheel = _wheel(tmp_path, "outside")
    (tmp_path / "model").mkdir()

    with pytest.raises(InvalidModel, match="inside"):
        build(_environment(f"../{wheel.name}"), tmp_path / "model")


def test_failure_tells_what_uv_says_and_leaves_nothing(cache: Path) -> None:
    with pytest.raises(EnvironmentFailed, match=r"iniconfig==0\.0\.0\.1") as caught:
        build(_environment("iniconfig==0.0.0.1"))

    assert "No solution found" in str(caught.value)
    assert [path.name for path in cache.iterdir()] == [".locks"]


def test_half_built_environment_of_a_killed_process_is_not_used(cache: Path) -> None:
    whole = build(_environment("six==1.16.0"))
    left = whole.with_name(f".{whole.name}.0123")
    whole.rename(left)
    (next(left.glob("lib/python*/site-packages")) / "six.py").unlink()

    folder = build(_environment("six==1.16.0"))

    assert _run(python_of(folder), "import six; print(six.__version__)") == "1.16.0"
    assert not left.exists()


def test_environment_whose_python_is_gone_is_made_anew() -> None:
    folder = build(_environment())
    python_of(folder).unlink()
    python_of(folder).symlink_to("/nowhere/python")

    build(_environment())

    assert _run(python_of(folder), "print(1)") == "1"


def test_processes_that_want_the_same_environment_make_it_once(cache: Path) -> None:
    program = (
        "from assay.models.environments.environment import Environment;"
        "from assay.models.environments.uv_env import build;"
        f"e = Environment(python={PYTHON!r}, requirements=('six==1.16.0', 'iniconfig'));"
        "s = []; print(build(e, progress=s.append)); print('Installing 2 requirements' in s)"
    )

    def one(_: int) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        )
        return done.stdout.split()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(one, range(4)))

    assert len({folder for folder, _ in answers}) == 1
    assert [made for _, made in answers].count("True") == 1
    assert len([path for path in cache.iterdir() if path.name != ".locks"]) == 1


def test_missing_uv_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The package is hidden as if it weren't installed.
    monkeypatch.setitem(sys.modules, "uv", None)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(MissingExtra, match=r"assay\[env\]"):
        uv_binary()


def test_uv_on_the_path_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = uv_binary()
    (tmp_path / "uv").symlink_to(real)
    monkeypatch.setitem(sys.modules, "uv", None)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert uv_binary() == str(tmp_path / "uv")


def test_local_environment_is_this_interpreter() -> None:
    assert local_python() == Path(sys.executable)


def test_conda_is_used_only_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(EnvironmentFailed, match="micromamba, mamba and conda"):
        conda_env.build_conda(_environment())


def test_packages_come_from_where_pip_is_told_to_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _wheel(tmp_path / "mirror", "only-there")
    for name in list(os.environ):
        if name.startswith(("PIP_", "UV_")) and name != "UV_CACHE_DIR":
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "mirror"))

    assert _versions(build(_environment("only-there"))) == {"only-there": "1.0"}


def test_settings_of_pip_are_translated(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text(
        "[global]\nfind-links =\n  /a\n  /b\nindex-url = https://i.example/s\n"
        "[install]\nextra_index_url = https://e.example/s\n"
    )
    environ = {
        "HOME": str(tmp_path),
        "PIP_CONFIG_FILE": str(tmp_path / "pip.conf"),
        "PIP_INDEX_URL": "https://env.example/s",
        "PIP_CERT": "/cert.pem",
        "PYTHONPATH": "/leak",
        "VIRTUAL_ENV": "/other",
        "OTHER": "kept",
    }

    variables = uv_variables(environ)

    assert variables["UV_FIND_LINKS"] == "/a,/b"
    assert variables["UV_DEFAULT_INDEX"] == "https://env.example/s"
    assert variables["UV_INDEX"] == "https://e.example/s"
    assert variables["UV_INDEX_STRATEGY"] == "unsafe-best-match"
    assert variables["SSL_CERT_FILE"] == "/cert.pem"
    assert variables["OTHER"] == "kept"
    assert not {"PYTHONPATH", "VIRTUAL_ENV"} & set(variables)


def test_settings_of_uv_itself_count_first(tmp_path: Path) -> None:
    environ = {
        "HOME": str(tmp_path),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "https://pip.example/s",
        "PIP_FIND_LINKS": "/pip",
        "UV_INDEX_URL": "https://uv.example/s",
        "UV_FIND_LINKS": "/uv",
    }

    variables = uv_variables(environ)

    assert variables["UV_FIND_LINKS"] == "/uv"
    assert variables["UV_INDEX_URL"] == "https://uv.example/s"
    assert "UV_DEFAULT_INDEX" not in variables


def test_configuration_file_of_uv_leaves_pip_out(tmp_path: Path) -> None:
    (tmp_path / "uv").mkdir()
    (tmp_path / "uv" / "uv.toml").touch()
    environ = {"XDG_CONFIG_HOME": str(tmp_path), "PIP_INDEX_URL": "https://pip.example/s"}

    assert "UV_DEFAULT_INDEX" not in uv_variables(environ)


def test_no_index_of_pip_is_seen() -> None:
    assert uses_no_index({"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "true"})
    assert not uses_no_index({"PIP_CONFIG_FILE": os.devnull})


def _wheel(folder: Path, name: str) -> Path:
    """A wheel with an empty module, written by hand."""
    import zipfile

    folder.mkdir(parents=True, exist_ok=True)
    plain = name.replace("-", "_")
    path = folder / f"{plain}-1.0-py3-none-any.whl"
    info = f"{plain}-1.0.dist-info"
    files = {
        f"{plain}.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(file, text)
    return path
