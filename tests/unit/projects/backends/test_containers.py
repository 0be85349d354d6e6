"""Settings of containers; what needs an engine is in tests/e2e/test_project_containers.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from assay.errors import AssayError, InvalidInput
from assay.projects.backends import backend
from assay.projects.launching import prepare

_DOCKER = "name: p\ndocker_env: {image: 'base:1'}\nentry_points: {main: {command: python x.py}}\n"


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"docker_arg": {}}, "Did you mean 'docker_args'"),
        ({"docker_args": {"--privileged": True}}, "can't be the name of an option"),
        ({"docker_args": {"a b": "c"}}, "can't be the name of an option"),
        ({"docker_args": "x"}, "'docker_args'"),
        ({"docker_auth": {"user": "x"}}, "'docker_auth'"),
    ],
)
@pytest.mark.usefixtures("home")
def test_setting_that_cant_be_is_refused(
    project: Callable[[Mapping[str, str]], Path], config: dict[str, Any], told: str
) -> None:
    folder = project({"MLproject": _DOCKER, "x.py": ""})
    launch = prepare(str(folder), backend="docker")

    with pytest.raises(InvalidInput, match=told):
        backend("docker").submit(launch, config, echo=False)


@pytest.mark.usefixtures("home")
def test_project_with_another_environment_is_refused(
    project: Callable[[Mapping[str, str]], Path],
) -> None:
    folder = project({"main.py": ""})
    launch = prepare(str(folder), backend="podman", env_manager="local")

    with pytest.raises(InvalidInput, match="has its environment made by local"):
        backend("podman").submit(launch, {}, echo=False)


@pytest.mark.usefixtures("home")
def test_machine_without_an_engine_is_told(
    project: Callable[[Mapping[str, str]], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = project({"MLproject": _DOCKER, "x.py": ""})
    launch = prepare(str(folder), backend="podman")
    monkeypatch.setenv("PATH", "")

    with pytest.raises(AssayError, match="podman: it isn't installed"):
        backend("podman").submit(launch, {}, echo=False)
