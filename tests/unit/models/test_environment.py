"""Environment files of models: written as MLflow lays them out, read from anyone, vetted."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import pytest
import yaml

from assay.errors import ArtifactNotFound, InvalidInput, InvalidModel
from assay.models.environments.environment import Environment
from assay.models.environments.lockfiles import locked_versions, project_lock
from assay.models.environments.requirement_lines import merged, read_lines

PYTHON = platform.python_version()


@pytest.fixture(autouse=True)
def _no_project_around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cwd" / ".git").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "cwd")


def test_files_are_laid_out_as_mlflow_does(tmp_path: Path) -> None:
    environment = Environment(
        python="3.11.7",
        requirements=("numpy==2.4.6", "scikit-learn==1.9.1"),
        build=("pip==23.2.1", "setuptools==65.5.0", "wheel"),
    )

    names = environment.write(tmp_path)

    assert sorted(names) == ["conda.yaml", "python_env.yaml", "requirements.txt"]
    assert (tmp_path / "requirements.txt").read_text() == "numpy==2.4.6\nscikit-learn==1.9.1"
    assert (tmp_path / "python_env.yaml").read_text() == (
        "python: 3.11.7\n"
        "build_dependencies:\n- pip==23.2.1\n- setuptools==65.5.0\n- wheel\n"
        "dependencies:\n- -r requirements.txt\n"
    )
    assert (tmp_path / "conda.yaml").read_text() == (
        "channels:\n- conda-forge\n"
        "dependencies:\n- python=3.11.7\n- pip<=23.2.1\n"
        "- pip:\n  - numpy==2.4.6\n  - scikit-learn==1.9.1\n"
        "name: mlflow-env\n"
    )


def test_constraints_are_a_file_that_the_requirements_name(tmp_path: Path) -> None:
    (tmp_path / "bounds.txt").write_text("numpy<3\nscipy<2\n")

    Environment.from_pip(["pandas", f"-c {tmp_path / 'bounds.txt'}"]).write(tmp_path)

    assert (tmp_path / "requirements.txt").read_text() == "pandas\n-c constraints.txt"
    assert (tmp_path / "constraints.txt").read_text() == "numpy<3\nscipy<2"
    pip = yaml.safe_load((tmp_path / "conda.yaml").read_text())["dependencies"][-1]["pip"]
    assert pip == ["pandas", "-c constraints.txt"]


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    (tmp_path / "bounds.txt").write_text("numpy<3\n")
    requirements = [
        "a==1",
        "b[x,y]>=2; python_version < '4'",
        "--extra-index-url https://mirror.example/simple",
        "c @ git+https://host.example/c.git@abc",
        f"-c {tmp_path / 'bounds.txt'}",
    ]
    environment = Environment.from_pip(requirements, python="3.12.1")

    environment.write(tmp_path)
    found = Environment.read(tmp_path)

    assert found.python == "3.12.1"
    assert found.requirements == environment.requirements
    assert found.constraints == ("numpy<3",)
    assert found.build == environment.build
    assert found.conda_env() == environment.conda_env()


def test_environment_is_of_this_python_with_its_build_tools() -> None:
    environment = Environment.from_pip(["a"])

    assert environment.python == PYTHON
    assert [dep.partition("==")[0] for dep in environment.build] == ["pip", "setuptools", "wheel"]


def test_requirements_file_is_followed_into_others(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "main.txt").write_bytes(
        b"\xef\xbb\xbf# comment\r\na==1  # why\r\n\r\n-r sub/more.txt\r\nlong-\\\r\nname==2\r\n"
    )
    (tmp_path / "sub" / "more.txt").write_text(
        "b\n--constraint=bounds.txt\n-i https://x.example/s\n"
    )
    (tmp_path / "sub" / "bounds.txt").write_text("c<2\n")

    lines = read_lines(str(tmp_path / "main.txt"))

    assert lines.requirements == ("a==1", "b", "--index-url https://x.example/s", "long-name==2")
    assert lines.constraints == ("c<2",)


def test_extra_requirement_counts_over_an_inferred_one() -> None:
    environment = Environment.from_pip(["numpy==1", "Pandas==2"], extra=["pandas>=3", "polars"])

    assert environment.requirements == ("numpy==1", "pandas>=3", "polars")


def test_merging_keeps_options_of_both() -> None:
    assert merged(["--pre", "a"], ["--pre", "A[x]"]) == ("--pre", "A[x]")


@pytest.mark.parametrize(
    "line",
    [
        "numpy",
        "numpy==1.0.*",
        "a[b, c] >=1,<2 ; python_version < '3.12' and os_name == 'posix'",
        "a (>=1)",
        "a~=1.4",
        "a===weird",
        "a @ https://host.example/a-1.whl",
        "git+https://host.example/a.git@main#egg=a",
        "git+ssh://git@host.example/a.git",
        "a==1 --hash=sha256:00ff --hash=sha256:11ee",
        "wheels/a-1.0-py3-none-any.whl",
        "--find-links https://host.example/wheels",
        "--extra-index-url https://${USER}:${TOKEN}@host.example/simple",
        "--no-index",
        "--only-binary :all:",
    ],
)
def test_ordinary_line_is_accepted(line: str) -> None:
    assert read_lines([line]).requirements == (line,)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("a\n--index-url https://evil.example", "control character"),
        ("a\r-e .", "control character"),
        ("a\x00", "control character"),
        ("a\u2028b", "control character"),
        ("-e .", "code_paths"),
        ("--trusted-host evil.example", "of options only"),
        ("--config-settings=x=y", "of options only"),
        ("--index-url", "takes one value"),
        ("--index-url https://a.example --pre", "takes one value"),
        ("--pre yes", "takes no value"),
        ("a --global-option=build", "only --hash"),
        ("a==1 -e .", "only --hash"),
        ("a; rm -rf /", "only --hash"),
        ("../somewhere", "expected a name"),
        ("$(touch x)", "expected a name"),
        ("a" * 5000, "over 4096"),
        ("--index-url https://me:pw@host.example/s", "user name or password"),
        ("--index-url https://token@host.example/s", "user name or password"),
        ("a @ git+https://me:pw@host.example/a.git", "user name or password"),
    ],
)
def test_hostile_line_is_refused(line: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        read_lines([line])


def test_password_is_not_shown_by_the_refusal() -> None:
    with pytest.raises(InvalidInput) as caught:
        read_lines(["--index-url https://me:hunter2@host.example/s"])

    assert "hunter2" not in str(caught.value)
    assert "netrc" in str(caught.value)


def test_files_that_name_each_other_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("-r b.txt\n")
    (tmp_path / "b.txt").write_text("-r a.txt\n")

    with pytest.raises(InvalidInput, match="name each other"):
        read_lines(tmp_path / "a.txt")


@pytest.mark.parametrize("wrong", [3, [1], {"a"}])
def test_requirements_of_another_kind_are_refused(wrong: object) -> None:
    with pytest.raises(InvalidInput, match="list of lines or the path"):
        read_lines(wrong)  # type: ignore[arg-type]


def test_missing_requirements_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtifactNotFound, match=r"nowhere\.txt"):
        Environment.from_pip(str(tmp_path / "nowhere.txt"))


@pytest.mark.parametrize("line", ["-r /etc/passwd", "-r ../secret.txt", "-c link.txt"])
def test_model_can_not_name_files_outside_of_itself(tmp_path: Path, line: str) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (tmp_path / "secret.txt").write_text("a\n")
    (model / "link.txt").symlink_to(tmp_path / "secret.txt")
    (model / "python_env.yaml").write_text(f"python: 3.11.7\ndependencies:\n- {line}\n")

    with pytest.raises(InvalidModel, match=r"inside|out of the folder"):
        Environment.read(model)


def test_conda_environment_of_a_user_is_kept(tmp_path: Path) -> None:
    content = {
        "name": "mine",
        "channels": ["nvidia", "conda-forge"],
        "dependencies": [
            "python=3.10.4",
            "pip=23.1",
            "cudatoolkit=11.8",
            "nvidia::cudnn",
            {"pip": ["torch==2.0", "numpy<2"]},
        ],
    }
    (tmp_path / "env.yaml").write_text(yaml.safe_dump(content))

    environment = Environment.from_conda_env(tmp_path / "env.yaml")
    environment.write(tmp_path)

    assert environment == Environment.from_conda_env(content)
    assert yaml.safe_load((tmp_path / "conda.yaml").read_text()) == content
    assert environment.python == "3.10.4"
    assert environment.build == ("pip==23.1",)
    assert (tmp_path / "requirements.txt").read_text() == "torch==2.0\nnumpy<2"


@pytest.mark.parametrize(
    "content",
    [
        {"dependencies": [{"pip": ["a\n-e ."]}]},
        {"dependencies": [3]},
        {"dependencies": [{"npm": ["a"]}]},
        {"dependencies": ["python=$(id)"]},
        {"dependencies": ["a; rm"]},
    ],
)
def test_odd_conda_environment_is_refused(content: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        Environment.from_conda_env(content)


def test_environment_of_old_mlflow_models_is_read_from_conda_alone(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text(
        "flavors:\n  python_function:\n    env: my_conda.yaml\n    loader_module: mlflow.sklearn\n"
    )
    (tmp_path / "my_conda.yaml").write_text(
        "name: x\nchannels: [defaults]\n"
        "dependencies:\n- python=3.8\n- pip\n- pip: [scikit-learn==1]\n"
    )

    environment = Environment.read(tmp_path)

    assert environment.python == "3.8"
    assert environment.requirements == ("scikit-learn==1",)
    assert environment.channels == ("defaults",)


def test_python_version_like_a_number_keeps_its_zero(tmp_path: Path) -> None:
    (tmp_path / "python_env.yaml").write_text("python: 3.10\n")

    assert Environment.read(tmp_path).python == "3.10"


def test_requirements_alone_are_an_environment(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("a\n")

    environment = Environment.read(tmp_path)

    assert environment.requirements == ("a",)
    assert environment.python == PYTHON


@pytest.mark.parametrize(
    "text", ["- a\n", "python: [", "python: {a: b}\n", "python: 3.11\ndependencies: x\n", "\xff"]
)
def test_damaged_file_is_one_clear_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "python_env.yaml").write_text(text, encoding="latin-1")

    with pytest.raises(InvalidInput):
        Environment.read(tmp_path)


def test_folder_without_environment_says_so(tmp_path: Path) -> None:
    with pytest.raises(ArtifactNotFound, match=r"python_env\.yaml"):
        Environment.read(tmp_path)


UV_LOCK = """\
version = 1
[[package]]
name = "numpy"
version = "2.1.0"
source = { registry = "https://index.example/simple" }
[[package]]
name = "torch"
version = "2.0.0+cpu"
source = { registry = "https://index.example/simple" }
[[package]]
name = "forked"
version = "1"
source = { registry = "https://index.example/simple" }
[[package]]
name = "forked"
version = "2"
source = { registry = "https://index.example/simple" }
[[package]]
name = "project"
version = "0.1"
source = { editable = "." }
"""


def test_lock_of_the_project_is_taken_along(tmp_path: Path) -> None:
    project, model = tmp_path / "cwd", tmp_path / "model"
    model.mkdir()
    (project / "uv.lock").write_text(UV_LOCK)
    (project / "pyproject.toml").write_text("[project]\nname = 'project'\n")

    names = Environment.from_pip(["a"]).write(model)

    assert {"uv.lock", "pyproject.toml"} <= set(names)
    assert locked_versions(model) == {"numpy": "2.1.0", "torch": "2.0.0"}


def test_lock_is_left_where_nobody_wants_it(tmp_path: Path) -> None:
    (tmp_path / "cwd" / "pylock.toml").write_text('lock-version = "1.0"\n')
    (tmp_path / "model").mkdir()

    names = Environment.from_pip(["a"]).write(tmp_path / "model", lock=False)

    assert "pylock.toml" not in names


def test_pylock_is_understood(tmp_path: Path) -> None:
    (tmp_path / "pylock.toml").write_text(
        'lock-version = "1.0"\n[[packages]]\nname = "numpy"\nversion = "2.1.0"\n'
        '[[packages]]\nname = "own"\nversion = "1"\ndirectory = { path = "." }\n'
    )

    assert locked_versions(tmp_path) == {"numpy": "2.1.0"}


def test_lock_is_looked_for_no_further_than_the_repository(tmp_path: Path) -> None:
    (tmp_path / "pylock.toml").write_text("")
    below = tmp_path / "cwd" / "deep" / "er"
    below.mkdir(parents=True)
    assert project_lock(below) is None

    (tmp_path / "cwd" / "pylock.toml").write_text("")

    assert project_lock(below) == tmp_path / "cwd" / "pylock.toml"


def test_lock_with_a_password_stays_at_home(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    project, model = tmp_path / "cwd", tmp_path / "model"
    model.mkdir()
    (project / "uv.lock").write_text(UV_LOCK)
    (project / "pyproject.toml").write_text('url = "https://me:hunter2@host.example/simple"\n')

    names = Environment.from_pip(["a"]).write(model)

    assert not {"uv.lock", "pyproject.toml"} & set(names)
    assert "password" in caplog.text
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize("text", ["[[package]", "package = 3\n", "[[package]]\nname = 1\n"])
def test_damaged_lock_binds_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "uv.lock").write_text(text)

    assert locked_versions(tmp_path) == {}


def test_reading_environments_costs_no_heavy_import() -> None:
    import subprocess

    program = (
        "import sys, assay.models.environments.environment;"
        " print({'numpy', 'pandas', 'yaml'} & {*sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "set()"
