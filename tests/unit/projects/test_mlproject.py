from __future__ import annotations

from pathlib import Path

import pytest

from assay.errors import InvalidInput, NotFound
from assay.projects import plain
from assay.projects.launch import Resources
from assay.projects.loading import load
from tests.unit.projects.conftest import Make

WINE = """
name: wine

python_env: python_env.yaml

entry_points:
  main:
    parameters:
      alpha: {type: float, default: 0.5}
      l1_ratio: {type: float, default: 0.1}
    command: "python train.py {alpha} {l1_ratio}"
"""


def test_mlflows_fields_mean_what_they_do_in_mlflow(project: Make) -> None:
    found = load(project({"MLproject": WINE, "python_env.yaml": "python: '3.11'\n"}))

    main = found.entry_points["main"]
    assert found.name == "wine"
    assert (found.environment.kind, found.environment.file) == ("python_env", "python_env.yaml")
    assert main.command == "python train.py {alpha} {l1_ratio}"
    assert main.parameters["alpha"].type == "float"
    assert main.parameters["alpha"].default == "0.5"


def test_file_is_found_in_any_case(project: Make) -> None:
    assert load(project({"mlProject": "name: x\n"})).name == "x"


def test_our_fields_are_read(project: Make) -> None:
    text = """
name: x
description: fits things
resources: {cpu: 2, memory: 4Gi, gpu: 1}
secrets: [API_KEY]
variables: {OMP_NUM_THREADS: 1}
timeout_s: 60
entry_points:
  main:
    description: fits
    secrets: [OTHER]
    resources: {memory: 512Mi}
    parameters:
      kind: {choices: [a, b], default: a, help: which one}
      lr: {type: float, min: 0, max: 1, required: true}
      note: {type: string, required: false}
      size: integer
    command: python x.py {kind} {lr} {note} {size}
"""
    found = load(project({"MLproject": text}))

    main = found.entry_points["main"]
    assert found.resources == Resources(cpu=2, memory_mb=4096, gpu=1)
    assert main.resources == Resources(memory_mb=512)
    assert (found.secrets, main.secrets) == (["API_KEY"], ["OTHER"])
    assert found.variables == {"OMP_NUM_THREADS": "1"}
    assert main.parameters["kind"].type == "enum"
    assert main.parameters["lr"].max == 1
    assert main.parameters["size"].type == "int"
    assert not main.parameters["note"].required


def test_docker_env_is_read(project: Make) -> None:
    text = """
docker_env:
  image: python:3.11-slim
  volumes: ["/data:/data:ro"]
  environment: [["MODE", "fast"], "HOME"]
"""
    docker = load(project({"MLproject": text})).environment.docker

    assert docker is not None
    assert docker.image == "python:3.11-slim"
    assert docker.volumes == ["/data:/data:ro"]
    assert docker.environment == [("MODE", "fast"), "HOME"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: [", "is no YAML"),
        ("- a", "must hold fields"),
        ("", "must hold fields"),
        ("nmae: x", r"unknown field 'nmae'\. Is 'name' meant"),
        ("entry_points: [a]", "entry_points must hold fields by name, not a list"),
        ("entry_points: {main: python x.py}", "must have a command"),
        ("entry_points: {main: {comand: x}}", "Is 'command' meant"),
        ("entry_points: {main: {parameters: {}}}", "empty command"),
        ("entry_points: {main: {command: 'x {a}'}}", "'a', and there is no such parameter"),
        ("entry_points: {main: {command: x, parameters: {a: flaot}}}", "Is 'float' meant"),
        ("entry_points: {main: {command: x, parameters: {a: {typ: int}}}}", "Is 'type' meant"),
        ("entry_points: {main: {command: x, parameters: {a: {type: enum}}}}", "needs choices"),
        (
            "entry_points: {main: {command: x, parameters: {a: {type: int, min: 1, default: 0}}}}",
            "default doesn't fit",
        ),
        (
            "entry_points: {main: {command: x, parameters: {a: {type: path, key_dir: ../x}}}}",
            "key_dir must be the name of one folder",
        ),
        ("python_env: a.yaml\nconda_env: b.yaml", "choose one environment"),
        ("python_env: ../a.yaml", "must be a path inside of the project"),
        ("python_env: /etc/passwd", "must be a path inside of the project"),
        ("python_env: none.yaml", "the project has no such file"),
        ("docker_env: {volumes: []}", "needs an image"),
        ("docker_env: {image: --privileged}", "needs an image"),
        ("docker_env: {image: a, volumes: ['--x:/y']}", "a volume is"),
        ("docker_env: {image: a, environment: ['A=1']}", "must list names"),
        ("secrets: ['a=b']", "named by its environment variable"),
        ("resources: {memory: lots}", "memory must be as in"),
        ("resources: {cpus: 2}", "Is 'cpu' meant"),
        ("a: &a [*a]", "unknown field"),
        ("name: !!python/object/apply:os.system [id]", "is no YAML"),
        ("x" * ((1 << 20) + 1), "over 1 MB"),
    ],
)
def test_file_that_cannot_be_used_says_where_and_why(project: Make, text: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        load(project({"MLproject": text}))


def test_link_out_of_the_project_is_not_followed(project: Make, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("password: x")
    folder = project({"train.py": ""})
    (folder / "MLproject").symlink_to(tmp_path / "secret")

    with pytest.raises(InvalidInput, match="leads out of the project"):
        load(folder)


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        (["uv.lock", "pyproject.toml", "requirements.txt"], "uv_lock"),
        (["pylock.toml", "requirements.txt"], "pylock"),
        (["pixi.lock"], "pixi"),
        (["requirements.txt"], "requirements"),
        (["conda.yaml"], "conda_env"),
        (["python_env.yaml", "conda.yaml"], "python_env"),
        (["pyproject.toml"], "none"),
        (["uv.lock"], "none"),
    ],
)
def test_plain_project_has_the_environment_of_its_files(
    project: Make, files: list[str], kind: str
) -> None:
    assert load(project(dict.fromkeys(files, ""))).environment.kind == kind


def test_scripts_are_entry_points(project: Make) -> None:
    folder = project({"fit it.py": "", "sub/clean.sh": "", "main.py": ""})
    found = load(folder)

    assert plain.entry_point(found, "fit it.py", folder).command == "python 'fit it.py'"
    assert plain.entry_point(found, "sub/clean.sh", folder).command == "bash sub/clean.sh"
    assert plain.entry_point(found, "main", folder).command == "python main.py"


@pytest.mark.parametrize("name", ["../x.py", "/etc/x.py", "a/../../x.py", "~/x.py", "a\n.py"])
def test_entry_point_outside_of_the_project_is_refused(project: Make, name: str) -> None:
    folder = project({"main.py": ""})

    with pytest.raises(InvalidInput, match="inside of the project"):
        plain.entry_point(load(folder), name, folder)


def test_unknown_entry_point_is_told_with_those_there_are(project: Make) -> None:
    folder = project({"MLproject": WINE.replace("python_env: python_env.yaml", ""), "fit.py": ""})

    with pytest.raises(NotFound, match=r"Is 'main' meant\? It has 'main', 'fit\.py'"):
        plain.entry_point(load(folder), "mian", folder)
