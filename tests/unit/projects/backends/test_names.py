"""Backends by name: our own, and those of other packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.errors import InvalidInput
from assay.projects.backends import backend, names


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package that offers backends, of which one works."""
    (tmp_path / "farm.py").write_text(
        "class Farm:\n    name = 'farm'\n    def submit(self, launch, config, *, echo): ...\n"
        "def nothing(): return 5\n"
        "def broken(): raise RuntimeError('no licence')\n"
    )
    info = tmp_path / "farm_backend-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: farm-backend\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[assay.project_backend]\nfarm = farm:Farm\nempty = farm:nothing\nbroken = farm:broken\n"
        "absent = farm:Absent\nlocal = farm:Farm\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.parametrize(
    "name", ["local", "docker", "podman", "kubernetes", "ray", "dask", "slurm", "queue"]
)
def test_our_own_backends_need_nothing_to_be_named(name: str) -> None:
    assert backend(name).name == name
    assert name in names()


def test_name_that_isnt_there_is_refused_with_the_one_that_was_meant() -> None:
    with pytest.raises(InvalidInput, match=r"no backend 'kubernets'\. Is 'kubernetes' meant"):
        backend("kubernets")


@pytest.mark.usefixtures("plugins")
def test_backend_of_another_package_is_found_and_ours_stay_ours() -> None:
    assert type(backend("farm")).__name__ == "Farm"
    assert type(backend("local")).__name__ == "LocalBackend"
    assert names()[-4:] == ["absent", "broken", "empty", "farm"]


@pytest.mark.usefixtures("plugins")
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("broken", "of farm-backend .* RuntimeError: no licence"),
        ("absent", "of farm-backend .* can't be loaded"),
        ("empty", "gave int"),
    ],
)
def test_backend_that_cant_be_loaded_is_told_with_its_package(name: str, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        backend(name)
