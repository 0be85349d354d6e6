"""Interpreter and variables of a reproduction in this environment."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import pytest

from assay.errors import InvalidInput
from assay.reproduction.environment import Prepared, prepare_environment
from assay.reproduction.recipe import Code, Recipe


def prepared(recipe: Recipe, place: Path) -> Prepared:
    code = place / "code"
    code.mkdir(exist_ok=True)
    return prepare_environment(recipe, manager="local", place=place, code=code)


def test_variables_are_set_as_they_were_and_new_ones_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    monkeypatch.setenv("MKL_CBWR", "AVX2")
    recipe = Recipe(
        run_id="r", environment={"TZ": "UTC", "HF_TOKEN": "***"}, threads={"OMP_NUM_THREADS": "1"}
    )

    found = prepared(recipe, tmp_path)

    assert found.variables["OMP_NUM_THREADS"] == "1"
    assert found.variables["TZ"] == "UTC"
    assert "HF_TOKEN" not in found.variables
    assert any("HF_TOKEN" in note for note in found.notes)
    assert "MKL_CBWR" in found.unset
    assert "OMP_NUM_THREADS" not in found.unset


def test_other_packages_and_python_are_told(tmp_path: Path) -> None:
    packages = {"numpy": "numpy==0.0.1", "nosuch": "nosuch==2  # from file:///x"}
    found = prepared(Recipe(run_id="r", python="3.9.1", packages=packages), tmp_path)
    assert found.python == Path(sys.executable)
    assert found.notes[0] == f"This is Python {platform.python_version()}; the run had 3.9.1."
    assert "nosuch missing (was 2), numpy " in found.notes[1]


def test_package_under_development_comes_from_the_checkout(tmp_path: Path) -> None:
    (tmp_path / "code" / "lib" / "src").mkdir(parents=True)
    line = "mylib==0.3  # from editable file:///old/lib"
    away = "other==1  # from editable file:///old/../../etc"
    recipe = Recipe(run_id="r", code=Code(root="/old"), packages={"mylib": line, "other": away})

    found = prepared(recipe, tmp_path)

    alone, *paths = found.variables["PYTHONPATH"].split(":")
    assert paths[0] == str(tmp_path / "code" / "lib" / "src")
    assert not any("etc" in path for path in paths)
    names = {path.name for path in Path(alone).iterdir()}
    assert names == {"assay", "mylib-0.3.dist-info"}


def test_packages_that_were_not_captured_are_needed_for_an_environment(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="--env-manager local"):
        prepare_environment(Recipe(run_id="r"), manager="uv", place=tmp_path, code=tmp_path)
