"""Installed packages as exact pins."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from pathlib import Path

import pytest

from assay.context.packages import imported_names, requirements


def test_every_installed_package_is_pinned_as_importlib_says() -> None:
    pins = {}
    for line in requirements().splitlines()[1:]:
        name, _, version = line.partition("  #")[0].partition("==")
        pins[name] = version
    for package in ("numpy", "pytest", "ruff", "typing-extensions"):
        assert pins[package] == importlib.metadata.version(package)
    known = {
        re.sub(r"[-_.]+", "-", found.metadata["Name"]).lower()
        for found in importlib.metadata.distributions()
    }
    assert {name.partition(" @ ")[0] for name in pins} == known


def test_origin_of_packages_is_told_without_secrets(tmp_path: Path) -> None:
    for name, origin in {
        "From_Git-1.0.dist-info": '{"url": "https://u:p@h/r.git", "vcs_info": '
        '{"vcs": "git", "commit_id": "abc", "requested_revision": "main"}}',
        "local-2.0.dist-info": '{"url": "file:///src", "dir_info": {"editable": true}}',
        "broken-3.0.dist-info": "{",
        "old-4.0-py3.11.egg-info": "",
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "direct_url.json").write_text(origin)
    (tmp_path / "no-package.txt").touch()
    lines = requirements([str(tmp_path), str(tmp_path / "missing")]).splitlines()
    assert lines[0].startswith("# Python 3.")
    assert lines[1:] == [
        "broken==3.0",
        "from-git @ git+https://h/r.git@abc",
        "local==2.0  # editable, from file:///src",
        "old==4.0",
    ]


def test_first_folder_of_the_path_wins(tmp_path: Path) -> None:
    for folder, version in (("first", "2.0"), ("second", "1.0")):
        (tmp_path / folder / f"pkg-{version}.dist-info").mkdir(parents=True)
    path = [str(tmp_path / "first"), str(tmp_path / "second")]
    assert requirements(path).splitlines()[1:] == ["pkg==2.0"]


def test_imported_packages_are_named_and_modules_of_the_program_are_not() -> None:
    names = imported_names()

    assert {"msgspec", "pytest"} <= set(names)
    assert not {"assay", "json", "os", "tests", "__main__"} & set(names)
    assert names == sorted(names)


def test_module_that_is_an_object_of_its_own_kind_does_no_harm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Odd:
        @property
        def __spec__(self) -> None:
            raise RuntimeError

    monkeypatch.setitem(sys.modules, "odd", Odd())

    assert "odd" not in imported_names()
