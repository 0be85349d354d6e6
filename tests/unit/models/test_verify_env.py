"""Models tried in environments that are made from their files alone, by the real uv."""

from __future__ import annotations

import importlib.metadata
import json
import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from assay.errors import ArtifactNotFound, UntrustedModel
from assay.flavors.base import flavor_named
from assay.models import digests
from assay.models.environments.verifying import verify_environment
from assay.models.saving import Extras, save

FRAME = pd.DataFrame({"a": [0.0, 1.0, 2.0], "b": [3.0, 1.0, 0.0]})


@pytest.fixture(autouse=True)
def _uv_keeps_its_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "UV_CACHE_DIR", os.environ.get("UV_CACHE_DIR", str(Path.home() / ".cache/uv"))
    )
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")


def save_code(path: Path, predict: str, *, pip: tuple[str, ...] = (), **extras: Any) -> Path:
    """A model from code, whose ``predict`` has the given body."""
    file = path.with_suffix(".source") / "model.py"
    file.parent.mkdir()
    file.write_text(
        f"def predict(rows):\n    {predict}\n\n"
        "from assay.models.python_model import set_model\nset_model(predict)\n"
    )
    # Without a signature, whose columns would need pandas.
    given = Extras(input_example=[1, 2], signature=False, pip_requirements=list(pip), **extras)
    save(str(file), flavor_named("python_function"), path, extras=given)
    return path


def test_model_is_proved_to_work_from_its_files_alone(tmp_path: Path) -> None:
    model = LinearRegression().fit(FRAME, [1, 2, 3])
    save(model, flavor_named("sklearn"), tmp_path / "m", extras=Extras(input_example=FRAME))
    before = sorted(tmp_path.rglob("*"))

    report = verify_environment(tmp_path / "m")

    assert report.error is None
    assert report.ok
    assert report.checked == "golden"
    assert f"scikit-learn=={importlib.metadata.version('scikit-learn')}" in report.installed
    assert not [pin for pin in report.installed if pin.startswith(("mlflow", "assay", "pytest"))]
    assert report.seconds_build > 0
    assert report.seconds_replay > 0
    assert sorted(tmp_path.rglob("*")) == before


def test_missing_requirement_is_found(tmp_path: Path) -> None:
    folder = save_code(tmp_path / "m", "import sortedcontainers; return rows")

    report = verify_environment(folder)

    assert not report.ok
    assert report.checked == "load"
    assert "No module named 'sortedcontainers'" in str(report.error)
    assert "model.py" in str(report.traceback)


def test_requirement_that_is_listed_is_there(tmp_path: Path) -> None:
    folder = save_code(
        tmp_path / "m", "import sortedcontainers; return rows", pip=("sortedcontainers",)
    )

    report = verify_environment(folder)

    assert report.ok, report.error
    assert [pin.partition("==")[0] for pin in report.installed] == ["sortedcontainers"]


def test_other_predictions_than_the_golden_ones_are_shown(tmp_path: Path) -> None:
    folder = save_code(tmp_path / "m", "return [row * 2 for row in rows]")
    golden = json.loads((folder / "golden.json").read_text())
    golden["output"][1] = 5
    (folder / "golden.json").write_text(json.dumps(golden))
    digests.write(folder)

    report = verify_environment(folder)

    assert not report.ok
    assert [str(one) for one in report.differences] == ["output[1]: expected 5, got 4"]
    assert report.error is None


def test_nothing_of_the_caller_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_TOKEN", "secret")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "leak.py").touch()
    predict = (
        "import importlib.util as u, os; there = [m for m in ('leak', 'numpy', 'sqlalchemy')"
        " if u.find_spec(m)]; return [there, os.environ.get('SOME_TOKEN'), os.listdir(),"
        f" os.path.expanduser('~') == {str(Path.home())!r}]"
    )
    folder = save_code(tmp_path / "m", predict)

    report = verify_environment(folder)

    got = {one.where: one.got for one in report.differences}
    assert got["[1]"] == "null"
    assert got["[3]"] == "false"
    assert got.get("[0]") == "[]"
    assert "[2]" not in got, "the current folder is empty there as it is here"


def test_code_of_the_model_is_found_and_its_folder_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "brought.py").write_text("def twice(rows):\n    return rows * 2\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    folder = save_code(
        tmp_path / "m",
        "import brought; return brought.twice(rows)",
        code_paths=[tmp_path / "brought.py"],
    )

    report = verify_environment(folder)

    assert report.ok, report.error
    assert not list(folder.rglob("__pycache__"))


def test_model_that_uses_assay_itself_is_tried_with_this_one(tmp_path: Path) -> None:
    folder = save_code(
        tmp_path / "m",
        "import assay.metrics; return rows",
        pip=("assay==0.1.0  # from a local file",),
    )

    report = verify_environment(folder)

    assert report.ok, report.error
    assert "numpy" in {pin.partition("==")[0] for pin in report.installed}


def test_environment_that_can_not_be_made_is_reported(tmp_path: Path) -> None:
    folder = save_code(tmp_path / "m", "return rows", pip=("sortedcontainers==0.0.0.1",))

    report = verify_environment(folder)

    assert not report.ok
    assert "sortedcontainers==0.0.0.1" in str(report.error)
    assert report.checked == ""


def test_model_that_ends_its_process_is_reported(tmp_path: Path) -> None:
    folder = save_code(tmp_path / "m", "return rows")
    text = (folder / "model.py").read_text()
    (folder / "model.py").write_text(
        f"print('last words', flush=True)\nimport os\nos._exit(1)\n{text}"
    )
    digests.write(folder)

    report = verify_environment(folder)

    assert not report.ok
    assert "last words" in str(report.error)


def test_model_that_takes_too_long_is_reported(tmp_path: Path) -> None:
    folder = save_code(tmp_path / "m", "return rows")
    verify_environment(folder)

    report = verify_environment(folder, timeout_s=0.01)

    assert not report.ok
    assert "over 0.01 s" in str(report.error)


def test_model_of_somebody_else_needs_trust(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save_code(tmp_path / "m", "return rows", pip=("iniconfig",))
    monkeypatch.setenv("ASSAY_ORIGIN_KEY", str(tmp_path / "another user"))

    with pytest.raises(UntrustedModel, match="environment"):
        verify_environment(folder)

    assert verify_environment(folder, trust=True).ok


def test_python_too_old_for_assay_is_said(tmp_path: Path) -> None:
    folder = save_code(tmp_path / "m", "return rows")

    report = verify_environment(folder, python="3.9")

    assert not report.ok
    assert "asks for Python 3.9" in str(report.error)


def test_folder_without_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactNotFound):
        verify_environment(tmp_path)
