"""The folder that an image is built from: the same bytes each time, safe whatever it is told."""

from __future__ import annotations

import hashlib
import json
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import assay
from assay.containers import naming
from assay.containers.builder import Builder, build_image, find_builder
from assay.deployments.image import trial
from assay.deployments.image.closure import closure_of
from assay.deployments.image.context import ImageOptions, write_context
from assay.deployments.image.dockerfile import Recipe, dockerfile
from assay.errors import (
    AlreadyExists,
    EnvironmentFailed,
    InvalidInput,
    InvalidName,
    PredictionsDiffer,
    UntrustedModel,
)
from assay.models import digests, registered_meta
from assay.serving.process.plan import UNKNOWN
from assay.serving.process.targets import Resolver, targets_of

UNLOCKED = ImageOptions(lock=False)


class Doubled(assay.pyfunc.PythonModel):
    def predict(self, context: object, model_input: np.ndarray, params: object = None) -> object:
        return model_input * 2


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "doubled"
    assay.pyfunc.save_model(
        folder,
        python_model=Doubled(),
        input_example=np.ones((2, 2)),
        pip_requirements=["numpy==2.1.0", "cloudpickle==3.1.0"],
    )
    return folder


def fingerprint(folder: Path) -> list[tuple[str, int, int, str]]:
    """Name, mode, time and digest of everything in a folder."""
    return [
        (
            path.relative_to(folder).as_posix(),
            path.stat().st_mode,
            int(path.stat().st_mtime),
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
        )
        for path in sorted(folder.rglob("*"))
    ]


def rewrite(model: Path, name: str, old: str, new: str) -> None:
    """Change a file of a model as its maker could have."""
    file = model / name
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    digests.write(model)


def test_context_of_the_same_model_is_the_same_bytes(model: Path, tmp_path: Path) -> None:
    first = write_context(model, tmp_path / "first", options=UNLOCKED)
    (model / "verification.json").write_text("{}")
    second = write_context(model, tmp_path / "second", options=UNLOCKED)

    assert fingerprint(first.folder) == fingerprint(second.folder)
    modes = {stat.S_IMODE(mode) for _, mode, _, _ in fingerprint(first.folder)}
    assert modes == {0o644, 0o755}
    assert {time for _, _, time, _ in fingerprint(first.folder)} == {315_532_800}


def test_source_date_epoch_is_the_time_of_all_files(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    made = write_context(model, tmp_path / "made", options=UNLOCKED)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")

    assert {time for _, _, time, _ in fingerprint(made.folder)} == {1_700_000_000}
    with pytest.raises(InvalidInput, match="SOURCE_DATE_EPOCH"):
        write_context(model, tmp_path / "other", options=UNLOCKED)
    assert not (tmp_path / "other").exists()


@pytest.fixture
def registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A version of a registered model, of which the first was replaced."""
    monkeypatch.setenv("ASSAY_TRACKING_URI", f"sqlite:///{tmp_path}/assay.db")
    monkeypatch.setenv("ASSAY_QUIET", "1")
    for _ in range(2):
        assay.pyfunc.log_model(
            name="model",
            python_model=Doubled(),
            input_example=np.ones((2, 2)),
            pip_requirements=["numpy==2.1.0", "cloudpickle==3.1.0"],
            registered_model_name="Two words",
        )
    return "models:/Two words/latest"


def test_context_names_the_registered_version_for_labels_and_for_answers(
    registered: str, model: Path, tmp_path: Path
) -> None:
    made = write_context(registered, tmp_path / "made", options=UNLOCKED)
    unregistered = write_context(model, tmp_path / "other", options=UNLOCKED)

    text = (made.folder / "Dockerfile").read_text()
    assert 'assay.model.name="Two words" ' in text
    assert 'assay.model.version="2"' in text
    for folder, name, label in (
        (made.folder, "Two words", "2"),
        (unregistered.folder, "m", UNKNOWN),
    ):
        (version,) = Resolver(targets_of([f"m={folder / 'model'}"])).plan().versions
        assert (version.name, version.label, version.version) == (name, label, None)
    assert "assay.model.version" not in (unregistered.folder / "Dockerfile").read_text()


@pytest.mark.parametrize(
    "text",
    [
        "model_name: digits\nmodel_version: latest\n",
        "model_name: [digits]\nmodel_version: 3\n",
        "model_name: digits\nmodel_version: ٣\n",
        "model_name: digits\nmodel_version: true\n",
        'model_name: "a\\r\\nset-cookie: x"\nmodel_version: 3\n',
        "model_name: digits\n",
        "[digits, 3]",
        "!!python/object/apply:os.getpid []",
        "{" * 1_000,
        "x" * 9_000,
        "\0",
    ],
)
def test_note_of_a_version_that_cannot_be_one_says_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / registered_meta.FILE).write_text(text)

    assert registered_meta.read(tmp_path) is None


def test_note_is_that_of_mlflows_clients(tmp_path: Path) -> None:
    (tmp_path / registered_meta.FILE).write_text("model_name: digits\nmodel_version: 3\n")
    meta = registered_meta.RegisteredMeta("digits", "3")
    assert registered_meta.read(tmp_path) == meta

    registered_meta.write(tmp_path, meta)

    assert registered_meta.read(tmp_path) == meta


def test_dockerfile_passes_hadolint(model: Path, tmp_path: Path) -> None:
    made = write_context(
        model, tmp_path / "made", options=ImageOptions(lock=False, install_java=True)
    )

    done = subprocess.run(
        [Path(sys.executable).with_name("hadolint"), "--no-color", made.folder / "Dockerfile"],
        capture_output=True,
        text=True,
    )

    assert (done.returncode, done.stdout) == (0, "")


def test_packages_are_the_models_and_what_serving_takes(model: Path) -> None:
    closure = closure_of(model, lock=False)

    versions = dict(closure.packages)
    assert (versions["numpy"], versions["cloudpickle"]) == ("2.1.0", "3.1.0")
    assert {"uvicorn", "msgspec", "click"} <= versions.keys()
    assert not {"assay", "sqlalchemy", "alembic"} & versions.keys()


def test_mlflow_is_left_out_where_assay_reads_the_model(model: Path) -> None:
    rewrite(model, "requirements.txt", "numpy==2.1.0", "numpy==2.1.0\nmlflow==3.17.2")
    kept = dict(closure_of(model, lock=False).packages)
    rewrite(model, "MLmodel", "mlflow.pyfunc.model", "mlflow.sklearn")
    dropped = dict(closure_of(model, lock=False).packages)

    # Code of a user may import it.
    assert "mlflow" in kept
    assert "mlflow" not in dropped


def test_closure_is_resolved_to_one_version_of_each_package(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    for name in ("leaf-1.0", "leaf-2.0"):
        _wheel(wheels, *name.split("-"))
    for name in ("click", "h11", "httptools", "msgspec", "pyyaml", "rich", "uvicorn", "uvloop"):
        _wheel(wheels, name, "1.0", requires="leaf<2" if name == "rich" else "")
    for name, version in (("numpy", "2.1.0"), ("cloudpickle", "3.1.0")):
        _wheel(wheels, name, version)
    monkeypatch.setattr("assay.deployments.image.closure.pins", list)

    closure = closure_of(model, wheels=wheels)

    assert dict(closure.packages)["leaf"] == "1.0"
    assert all("--hash=sha256:" in line for line in closure.requirements)


def test_package_that_the_wheels_lack_is_told(model: Path, tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()

    with pytest.raises(EnvironmentFailed, match="not found in the provided package locations"):
        closure_of(model, wheels=tmp_path / "wheels")
    with pytest.raises(InvalidInput, match="none of"):
        write_context(
            model,
            tmp_path / "made",
            options=ImageOptions(lock=False, wheels=tmp_path / "wheels"),
        )
    assert not (tmp_path / "made").exists()


def test_constraints_of_an_open_environment_are_kept(model: Path, tmp_path: Path) -> None:
    (model / "constraints.txt").write_text("rich<15")
    rewrite(model, "requirements.txt", "numpy==2.1.0", "numpy==2.1.0\n-c constraints.txt")

    made = write_context(model, tmp_path / "made", options=UNLOCKED)

    assert (made.folder / "constraints.txt").read_text() == "rich<15\n"
    assert '"-c", "constraints.txt"' in (made.folder / "Dockerfile").read_text()


def test_python_that_assay_does_not_run_on_is_refused(model: Path) -> None:
    rewrite(model, "python_env.yaml", "python: 3", "python: 3.8.1\nwas: 3")

    with pytest.raises(InvalidInput, match=r"asks for Python 3\.8\.1"):
        closure_of(model, lock=False)


def test_packages_of_conda_are_refused_by_name(model: Path) -> None:
    rewrite(model, "conda.yaml", "dependencies:\n", "dependencies:\n- gdal=3.8\n")

    with pytest.raises(InvalidInput, match="gdal"):
        closure_of(model, lock=False)


def test_sbom_lists_model_packages_and_base_image(model: Path, tmp_path: Path) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    made = write_context(model, tmp_path / "made", options=UNLOCKED)
    text = (made.folder / "sbom.cdx.json").read_text()
    content = json.loads(text)

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    parts = {one["bom-ref"]: one for one in content["components"]}
    assert parts["model"]["hashes"][0]["content"] == made.subject.digest
    assert parts["base-image"]["name"] == made.base_image
    assert parts["pkg:pypi/numpy@2.1.0"]["version"] == "2.1.0"


def test_wheel_of_assay_runs_the_command(model: Path, tmp_path: Path) -> None:
    made = write_context(model, tmp_path / "made", options=UNLOCKED)
    (wheel,) = made.folder.glob("assay-*.whl")

    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        assert archive.testzip() is None
    done = subprocess.run(
        [sys.executable, "-c", "import assay; print(assay.__file__)"],
        env={"PYTHONPATH": str(wheel)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert str(wheel) in done.stdout
    assert "assay/serving/process/worker.py" in names
    assert not [name for name in names if "__pycache__" in name or "/static/" in name]


@pytest.mark.parametrize(
    "name",
    [
        "python\nRUN evil",
        "python AS build",
        "--platform=x",
        "Python:3.11",
        "python:3.11 # x",
        "python@sha256:12",
        "",
        "a" * 600,
        "a//b",
    ],
)
def test_base_image_that_is_no_reference_is_refused(name: str, model: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidName):
        write_context(model, tmp_path / "made", options=ImageOptions(lock=False, base_image=name))


@pytest.mark.parametrize(
    "name",
    [
        "python:3.11-slim",
        "hub.example.org:5000/team/python:3.11",
        f"python@sha256:{'0' * 64}",
        f"python:3.11-slim@sha256:{'a' * 64}",
        "localhost/x_y/z--a:V1.0_b",
    ],
)
def test_reference_of_an_image_is_accepted(name: str) -> None:
    assert naming.image_reference(name) == name


HOSTILE = '"\nRUN ["rm", "-rf", "/"]\nLABEL x="$(id) ${HOME} `id` \\ \r\x85\u2028 ü'


def test_hostile_labels_and_names_stay_in_their_line() -> None:
    recipe = Recipe(
        base_image="python:3.11-slim",
        python="3.11",
        wheel="assay-1-py3-none-any.whl",
        labels={"assay.model.uri": HOSTILE},
        name=HOSTILE,
        runs_code=False,
        is_locked=True,
    )
    harmless = Recipe(
        base_image="python:3.11-slim",
        python="3.11",
        wheel="assay-1-py3-none-any.whl",
        labels={"assay.model.uri": "x"},
        name="x",
        runs_code=False,
        is_locked=True,
    )

    lines = dockerfile(recipe).splitlines()

    usual = dockerfile(harmless).splitlines()
    assert [line.split(" ")[0] for line in lines] == [line.split(" ")[0] for line in usual]
    label = next(line for line in lines if line.startswith("LABEL"))
    assert label.count('"') == 2
    assert not set("$\\`") & set(label)
    assert json.loads(lines[-1].removeprefix("ENTRYPOINT "))[4] == f"{HOSTILE}=/opt/ml/model"


def test_hostile_file_names_of_a_model_are_only_files(model: Path, tmp_path: Path) -> None:
    plain = write_context(model, tmp_path / "made", options=UNLOCKED)
    before = (plain.folder / ".dockerignore").read_text()
    for name in ("$(id)", "Dockerfile", ".dockerignore", "-rf", "!x"):
        (model / name).write_text("x")
    digests.write(model)

    made = write_context(model, tmp_path / "made", options=UNLOCKED)

    assert (made.folder / ".dockerignore").read_text() == before
    assert (made.folder / "model" / "-rf").is_file()
    (model / "a\nRUN evil").write_text("x")
    digests.write(model)
    with pytest.raises(InvalidInput, match="control characters"):
        write_context(model, tmp_path / "made", options=UNLOCKED)


def test_requirement_that_brings_a_second_line_or_option_is_refused(model: Path) -> None:
    rewrite(model, "requirements.txt", "numpy==2.1.0", "numpy==2.1.0 --target /etc")

    with pytest.raises(InvalidInput, match="isn't accepted"):
        closure_of(model, lock=False)


def test_link_out_of_the_model_is_not_followed(model: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("key")
    (model / "extra").symlink_to(tmp_path / "secret")
    digests.write(model)

    with pytest.raises(InvalidInput, match="leads out"):
        write_context(model, tmp_path / "made", options=UNLOCKED)
    assert not (tmp_path / "made").exists()


def test_model_of_somebody_else_needs_trust(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_ORIGIN_KEY", str(tmp_path / "another-key"))

    with pytest.raises(UntrustedModel):
        write_context(model, tmp_path / "made", options=UNLOCKED)
    made = write_context(model, tmp_path / "made", options=ImageOptions(lock=False, trust=True))

    assert '"--trust"]' in (made.folder / "Dockerfile").read_text()


def test_folder_of_somebody_else_is_left_alone_and_ones_own_is_replaced(
    model: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("years")
    made = write_context(model, tmp_path / "made", options=UNLOCKED)
    (made.folder / "model" / "stale").write_text("x")

    with pytest.raises(AlreadyExists):
        write_context(model, other, options=UNLOCKED)
    write_context(model, tmp_path / "made", options=UNLOCKED)

    assert [one.name for one in other.iterdir()] == ["thesis.txt"]
    assert not (made.folder / "model" / "stale").exists()
    assert not list(tmp_path.glob(".made.*"))


def test_trial_of_a_model_that_answers_otherwise_fails(model: Path) -> None:
    assert "golden predictions are the same" in trial.try_model(model)
    golden = model / "golden.json"
    content = json.loads(golden.read_text())
    content["output"]["$array"]["base64"] = "AAAA" * 10 + "AAA="
    golden.write_text(json.dumps(content))
    digests.write(model)

    with pytest.raises(PredictionsDiffer):
        trial.try_model(model)
    assert trial.main([str(model)]) == 1


def test_builder_that_doesnt_answer_gives_way_to_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    _program(tmp_path / "docker", "echo 'Cannot connect to the daemon' >&2; exit 1")
    with pytest.raises(EnvironmentFailed, match="docker: Cannot connect to the daemon; podman:"):
        find_builder()
    _program(tmp_path / "buildah", "exit 0")

    assert find_builder() == Builder("buildah", str(tmp_path / "buildah"))
    with pytest.raises(EnvironmentFailed, match="podman: it isn't installed"):
        find_builder(to_run=True)
    with pytest.raises(InvalidInput, match="must be one of"):
        find_builder("kaniko")


_BUILDKIT = """\
#8 [stage-1 5/7] COPY model /opt/ml/model
#8 DONE 0.1s

#9 [stage-1 7/7] RUN ["python", "-m", "trial"]
#9 0.532 The model raises ValueError: no such luck
#9 ERROR: process "python -m trial" did not complete successfully: exit code: 1
------
 > [stage-1 7/7] RUN ["python", "-m", "trial"]:
0.532 The model raises ValueError: no such luck
------
Dockerfile:30
--------------------
  30 | >>> RUN ["python", "-m", "trial"]
--------------------
ERROR: failed to solve: process "python -m trial" did not complete successfully: exit code: 1
"""


def test_step_that_fails_with_docker_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "said").write_text(_BUILDKIT)
    _program(tmp_path / "docker", f'echo "$@" > {tmp_path}/asked; cat {tmp_path}/said; exit 1')
    (tmp_path / "Dockerfile").write_text("FROM x\nARG UV_INDEX\n")
    monkeypatch.setenv("UV_INDEX", "secret")
    builder = Builder("docker", str(tmp_path / "docker"))

    with pytest.raises(EnvironmentFailed) as failure:
        build_image(tmp_path, "digits:1", builder=builder)

    assert failure.value.message == (
        'The image \'digits:1\' can\'t be made: the step \'RUN ["python", "-m", "trial"]\''
        " failed: The model raises ValueError: no such luck"
    )
    asked = (tmp_path / "asked").read_text().strip()
    assert asked == f"build --tag digits:1 --build-arg UV_INDEX {tmp_path}"


def _program(path: Path, script: str) -> None:
    path.write_text(f"#!{shutil.which('sh', path='/bin')}\n{script}\n")
    path.chmod(0o755)


def _wheel(folder: Path, name: str, version: str, requires: str = "") -> None:
    info = f"{name}-{version}.dist-info"
    needs = f"Requires-Dist: {requires}\n" if requires else ""
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
