from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from assay.client.client import Client
from assay.client.tracking_uri import VARIABLE

Make = Callable[[Mapping[str, str]], Path]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh place to log to, and a cache of its own for sources and environments."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv(VARIABLE, str(folder / ".assay"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("MLFLOW_TRACKING_URI", "ASSAY_RUN_ID", "MLFLOW_RUN_ID", "ASSAY_CAPTURE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def client(home: Path) -> Client:
    return Client(home / ".assay")


@pytest.fixture
def project(tmp_path: Path) -> Make:
    """Makes a folder of the files given."""

    def make(files: Mapping[str, str]) -> Path:
        folder = tmp_path / "project"
        for name, text in files.items():
            place = folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
        return folder

    return make
