"""Targets are found by their URIs: Assay's own, and those of entry points."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import assay
from assay.deployments import targets
from assay.deployments.local import LocalDeployments
from assay.deployments.targets import PluginBroken
from assay.errors import InvalidInput, NotFound

_PLUGIN = '''
class Base:
    """As of a package that brings a client and what it extends."""
    def __init__(self, target_uri): self.target_uri = target_uri
    def create_deployment(self, name, model_uri, flavor=None, config=None): ...
    def update_deployment(self, name, model_uri=None, flavor=None, config=None): ...
    def delete_deployment(self, name): ...
    def list_deployments(self): return [{"name": "far"}]
    def get_deployment(self, name): return {"name": name}
    def predict(self, deployment_name=None, df=None): return {"predictions": [1]}

class Client(Base):
    pass

def run_local(name, model_uri, flavor=None, config=None):
    raise RuntimeError(f"{name} {model_uri} {flavor} {config}")

def target_help():
    return "far away"
'''


def _install(folder: Path, code: str, *, group: str, name: str = "far") -> None:
    """A package as pip would leave it."""
    (folder / f"plugin_{name}.py").write_text(code)
    facts = folder / f"plugin_{name}-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: plugin_{name}\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(f"[{group}]\n{name} = plugin_{name}\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "plugin_far", raising=False)
    return tmp_path


@pytest.mark.parametrize("group", ["assay.deployments", "mlflow.deployments"])
def test_a_plugin_is_a_target(site: Path, group: str) -> None:
    _install(site, _PLUGIN, group=group)

    client = assay.deployments.get_deploy_client("far:/there")

    assert type(client).__name__ == "Client"
    assert client.target_uri == "far:/there"
    assert "far" in targets.target_names()
    assert targets.target_help("far") == "far away"
    with pytest.raises(RuntimeError, match=r"n m None \{'a': '1'\}"):
        targets.run_local("far", "n", "m", None, {"a": "1"})


def test_assays_own_targets_win_over_a_plugin_of_that_name(site: Path) -> None:
    _install(site, _PLUGIN, group="assay.deployments", name="local")

    assert isinstance(targets.get_deploy_client("local"), LocalDeployments)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import nowhere_at_all", "nowhere_at_all"),
        ("raise RuntimeError('bad day')", "bad day"),
        ("def run_local(*a): ...", "no target_help"),
        (_PLUGIN.replace("def predict", "def guess"), "has none"),
        (_PLUGIN + "class Second(Base): ...", "Client, Second"),
    ],
)
def test_a_broken_plugin_is_told(site: Path, code: str, told: str) -> None:
    _install(site, code, group="assay.deployments")

    with pytest.raises(PluginBroken, match=told):
        targets.get_deploy_client("far")


@pytest.mark.parametrize("uri", ["", ":/x", "../x", "a b", "loc\nal", "-t", "local:/\x00"])
def test_what_is_no_target_is_refused(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASSAY_DEPLOYMENTS_TARGET", raising=False)
    with pytest.raises(InvalidInput):
        targets.get_deploy_client(uri)


def test_an_unknown_target_is_told_with_those_that_are_there() -> None:
    with pytest.raises(NotFound, match=r"only .*local"):
        targets.get_deploy_client("nowhere")


def test_the_target_can_be_set_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_DEPLOYMENTS_TARGET", "local")

    assert isinstance(targets.get_deploy_client(), LocalDeployments)
