"""Requirements of saved models, inferred by loading them in a process of their own."""

from __future__ import annotations

import importlib.metadata
import os
import select
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sortedcontainers import SortedDict  # type: ignore[import-untyped]

from assay.flavors.base import flavor_named
from assay.models.environments import requirements_cache
from assay.models.environments.import_report import Edge, Report
from assay.models.environments.import_roots import required
from assay.models.environments.packages import Distributions
from assay.models.environments.requirements import infer_requirements
from assay.models.saving import Extras, save

FRAME = pd.DataFrame({"a": [0.0, 1.0, 2.0], "b": [3.0, 1.0, 0.0]})
UNSEEN = 0.001
"""Seconds in which no process gets as far as an answer."""


@pytest.fixture(autouse=True)
def _clean_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")


def version(name: str) -> str:
    return f"{name}=={importlib.metadata.version(name)}"


def names(pins: list[str]) -> set[str]:
    return {pin.partition("==")[0].partition(" ")[0] for pin in pins}


def save_sklearn(path: Path, model: Any = None, example: Any = FRAME, **options: Any) -> Path:
    fitted = LinearRegression().fit(FRAME, [1, 2, 3]) if model is None else model
    extras = Extras(input_example=example, pip_requirements=["x"])
    save(fitted, flavor_named("sklearn"), path, extras=extras, options=options)
    return path


def save_code(path: Path, text: str, **extras: Any) -> Path:
    """A model from code, whose ``predict`` is what ``text`` defines."""
    file = path.with_suffix(".source") / "model.py"
    file.parent.mkdir()
    file.write_text(
        text + "\n\nfrom assay.models.python_model import set_model\nset_model(predict)\n"
    )
    given = Extras(pip_requirements=["x"], **extras)
    save(str(file), flavor_named("python_function"), path, extras=given)
    return path


def pickled(code: str) -> Callable[..., Any]:
    """A function as a notebook would have it: pickled with its code."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(code, namespace)
    function: Callable[..., Any] = namespace["predict"]
    return function


def _ends(pid: int) -> bool:
    """Whether a process that was killed ends, within the time that the kernel may take."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        # Readable when it has ended, whether or not somebody has waited for it.
        return bool(select.select([process], [], [], 10)[0])
    finally:
        os.close(process)


@pytest.mark.parametrize("serialization", ["skops", "cloudpickle", "joblib"])
def test_model_gets_exact_pins_of_what_it_uses(tmp_path: Path, serialization: str) -> None:
    folder = save_sklearn(tmp_path / "m", serialization_format=serialization)

    pins = infer_requirements(folder)

    for name in ("scikit-learn", "numpy", "scipy", "joblib", "threadpoolctl", "pandas"):
        assert version(name) in pins
    assert ("skops" in names(pins)) == (serialization == "skops")
    assert pins == sorted(pins)


def test_what_libraries_merely_try_to_import_stays_out(tmp_path: Path) -> None:
    # joblib tries psutil, scikit-learn tries pytest and polars; all of them are installed here.
    folder = save_sklearn(tmp_path / "m", serialization_format="cloudpickle")

    found = names(infer_requirements(folder))

    assert not found & {"psutil", "pytest", "polars", "rich", "matplotlib", "hypothesis"}
    assert not found & {"assay", "pip", "setuptools", "msgspec", "pyyaml", "mlflow"}


def test_model_that_needs_no_frames_gets_none(tmp_path: Path) -> None:
    model = LinearRegression().fit(FRAME.to_numpy(), [1, 2, 3])
    folder = save_sklearn(tmp_path / "m", model, FRAME.to_numpy())

    assert "pandas" not in names(infer_requirements(folder))


def test_types_inside_a_pickle_count(tmp_path: Path) -> None:
    step = FunctionTransformer(np.asarray, kw_args=None)
    step.kept = SortedDict(a=1)
    model = make_pipeline(step, LinearRegression()).fit(FRAME, [1, 2, 3])
    folder = save_sklearn(tmp_path / "m", model, serialization_format="cloudpickle")

    assert version("sortedcontainers") in infer_requirements(folder)


def test_package_imported_only_while_predicting_is_caught(tmp_path: Path) -> None:
    text = "def predict(rows):\n    import sortedcontainers\n    return rows"
    folder = save_code(tmp_path / "m", text, input_example=[1])

    assert version("sortedcontainers") in infer_requirements(folder)


def test_package_imported_by_a_pickled_function_is_caught(tmp_path: Path) -> None:
    function = pickled("def predict(rows):\n    import sortedcontainers\n    return rows")
    extras = Extras(input_example=[1], pip_requirements=["x"])
    save(function, flavor_named("python_function"), tmp_path / "m", extras=extras)

    assert {"sortedcontainers", "cloudpickle"} <= names(infer_requirements(tmp_path / "m"))


def test_package_imported_by_the_code_of_a_model_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cwd" / "brought.py").write_text("import sortedcontainers\n")
    monkeypatch.syspath_prepend(str(tmp_path / "cwd"))
    text = "import brought\ndef predict(rows):\n    return rows"
    folder = save_code(tmp_path / "m", text, code_paths=[tmp_path / "cwd" / "brought.py"])
    sys.modules.pop("brought", None)

    pins = infer_requirements(folder)

    assert version("sortedcontainers") in pins
    assert not list(folder.rglob("__pycache__"))


def test_assay_counts_where_the_model_itself_uses_it(tmp_path: Path) -> None:
    text = "import assay\ndef predict(rows):\n    return rows"

    assert "assay" in names(infer_requirements(save_code(tmp_path / "m", text)))


def test_second_model_of_the_same_kind_costs_no_process(tmp_path: Path) -> None:
    first = infer_requirements(save_sklearn(tmp_path / "a"))
    other = LinearRegression().fit(FRAME, [3, 1, 2])

    again = infer_requirements(save_sklearn(tmp_path / "b", other), timeout_s=UNSEEN)

    assert again == first
    kept = list((Path(os.environ["XDG_CACHE_HOME"]) / "assay" / "requirements").iterdir())
    assert [stat.S_IMODE(file.stat().st_mode) for file in kept] == [0o600]
    assert stat.S_IMODE(kept[0].parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("serialization", ["skops", "cloudpickle", "joblib"])
def test_model_with_another_step_is_not_mistaken_for_the_first(
    tmp_path: Path, serialization: str
) -> None:
    one = save_sklearn(tmp_path / "a", serialization_format=serialization)
    model = make_pipeline(LinearRegression()).fit(FRAME, [1, 2, 3])
    other = save_sklearn(tmp_path / "b", model, serialization_format=serialization)
    index = Distributions()

    keys = [requirements_cache.key_of(folder, index) for folder in (one, other)]

    assert None not in keys
    assert keys[0] != keys[1]


def test_models_with_code_are_never_answered_from_the_cache(tmp_path: Path) -> None:
    code = save_code(tmp_path / "a", "def predict(rows):\n    return rows")
    extras = Extras(pip_requirements=["x"])
    function = pickled("def predict(rows):\n    return rows")
    save(function, flavor_named("python_function"), tmp_path / "b", extras=extras)
    step = make_pipeline(FunctionTransformer(function), LinearRegression())
    pickle = save_sklearn(
        tmp_path / "c", step.fit(FRAME, [1, 2, 3]), serialization_format="cloudpickle"
    )
    index = Distributions()

    for folder in (code, tmp_path / "b", pickle):
        assert requirements_cache.key_of(folder, index) is None


def test_compressed_pickle_has_no_key(tmp_path: Path) -> None:
    import joblib

    folder = save_sklearn(tmp_path / "m", serialization_format="joblib")
    joblib.dump(LinearRegression(), folder / "model.joblib", compress=3)

    assert requirements_cache.key_of(folder, Distributions()) is None


def test_cache_that_can_not_be_written_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))

    assert version("scikit-learn") in infer_requirements(save_sklearn(tmp_path / "m"))


def test_damaged_answer_in_the_cache_is_not_used(tmp_path: Path) -> None:
    folder = save_sklearn(tmp_path / "m")
    first = infer_requirements(folder)
    for file in (Path(os.environ["XDG_CACHE_HOME"]) / "assay" / "requirements").iterdir():
        file.write_text('{"not": "a list"}')

    assert infer_requirements(folder) == first


def test_model_that_can_not_be_loaded_gets_the_fallback_with_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = save_sklearn(tmp_path / "m", serialization_format="cloudpickle")
    (folder / "model.pkl").write_bytes(b"\x80no pickle")
    (folder / "digests.json").unlink()

    pins = infer_requirements(folder, fallback=("scikit-learn", "numpy>=1", "not-there"))

    assert pins == ["not-there", "numpy>=1", version("scikit-learn")]
    (record,) = caplog.records
    assert "can't be loaded" in record.getMessage()
    assert "model.pkl" in record.getMessage()


def test_model_that_dies_while_loading_gets_the_fallback(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = save_code(tmp_path / "m", "def predict(rows):\n    return rows")
    (folder / "model.py").write_text("import os\nprint('last words', flush=True)\nos._exit(3)\n")
    (folder / "digests.json").unlink()

    assert infer_requirements(folder, fallback=["cloudpickle==1"]) == ["cloudpickle==1"]
    assert "last words" in caplog.text


def test_model_that_takes_too_long_is_ended_with_all_that_it_started(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = save_code(tmp_path / "m", "def predict(rows):\n    return rows")
    pid = tmp_path / "pid"
    (folder / "model.py").write_text(
        "import pathlib, subprocess, time\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        f"pathlib.Path({str(pid)!r}).write_text(str(child.pid))\n"
        "child.wait()\n"
    )
    (folder / "digests.json").unlink()

    assert infer_requirements(folder, fallback=["a"], timeout_s=8) == ["a"]

    assert "over 8 s" in caplog.text
    assert _ends(int(pid.read_text()))


def test_model_that_can_not_predict_its_example_gets_what_loading_shows(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = "import sortedcontainers\ndef predict(rows):\n    raise ValueError('no prediction')"
    folder = save_code(tmp_path / "m", text, input_example=[1])
    caplog.clear()

    pins = infer_requirements(folder, fallback=["numpy"])

    assert {"sortedcontainers", "numpy"} <= names(pins)
    (record,) = caplog.records
    assert "no prediction" in record.getMessage()


def test_modules_beside_the_running_script_are_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "features.py").write_text(
        "import sortedcontainers\ndef double(rows):\n    return rows * 2\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path / "scripts"))
    double = __import__("features").double
    model = make_pipeline(FunctionTransformer(double), LinearRegression()).fit(FRAME, [1, 2, 3])
    folder = save_sklearn(tmp_path / "m", model, serialization_format="cloudpickle")

    assert {"sortedcontainers", "scikit-learn"} <= names(infer_requirements(folder))
    # The user's own module may change: nothing was kept.
    assert "sortedcontainers" not in names(infer_requirements(folder, timeout_s=UNSEEN))


def _installed(site: Path, **requires: list[str]) -> dict[str, str | None]:
    """Distributions with a module of the same name each; returns the modules as if loaded."""
    for name, needs in requires.items():
        info = site / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        lines = "".join(f"Requires-Dist: {need}\n" for need in needs)
        (info / "METADATA").write_text(f"Name: {name}\nVersion: 1.0\n{lines}\nbody\n")
        (info / "RECORD").write_text(f"{name}/__init__.py,,\n{name}/sub.py,,\n")
    return {name: str(site / name / "__init__.py") for name in requires}


def test_extras_are_followed_and_kept_where_a_requirement_names_them(tmp_path: Path) -> None:
    files = _installed(
        tmp_path,
        flavor=["middle[fast]>=1"],
        middle=['quick; extra == "fast"', 'slow; extra == "other"'],
        quick=[],
        slow=[],
    )
    report = Report(files=files, packages=["flavor"])

    found = required(report, Distributions([str(tmp_path)]))

    assert found.pins == ["flavor==1.0", "middle[fast]==1.0", "quick==1.0"]


def test_requirement_that_was_not_loaded_is_left_out(tmp_path: Path) -> None:
    files = _installed(tmp_path, flavor=["loaded", "idle"], loaded=[], idle=[])
    del files["idle"]

    found = required(Report(files=files, packages=["flavor"]), Distributions([str(tmp_path)]))

    assert found.pins == ["flavor==1.0", "loaded==1.0"]


def test_setuptools_counts_only_where_the_user_imports_it(tmp_path: Path) -> None:
    files = _installed(tmp_path / "site", flavor=["setuptools"], setuptools=[])
    user = str(tmp_path / "mine.py")
    index = Distributions([str(tmp_path / "site")])
    report = Report(files={**files, "mine": user}, packages=["flavor"])
    assert required(report, index).pins == ["flavor==1.0"]

    report.edges = [Edge("mine", user, False, "setuptools")]

    assert required(report, index).pins == ["flavor==1.0", "setuptools==1.0"]
    assert required(report, index).local_modules == ["mine"]


def test_flavor_package_under_another_name_is_found_by_its_module(tmp_path: Path) -> None:
    files = _installed(tmp_path, xgboost=[])
    (tmp_path / "xgboost-1.0.dist-info").rename(tmp_path / "xgboost_cpu-1.0.dist-info")

    found = required(Report(files=files, packages=["xgboost"]), Distributions([str(tmp_path)]))

    assert found.pins == ["xgboost-cpu==1.0"]


def test_modules_made_at_run_time_belong_to_their_package(tmp_path: Path) -> None:
    files = _installed(tmp_path, torch=[])
    files |= {"torch.ops": "_ops.py", "torch.moves": None}

    found = required(Report(files=files, packages=["torch"]), Distributions([str(tmp_path)]))

    assert found.pins == ["torch==1.0"]
    assert not found.has_user_code


def test_package_of_the_predictions_counts_though_nobody_declares_it(tmp_path: Path) -> None:
    files = _installed(tmp_path, torch=[], numpy=[])
    report = Report(files=files, packages=["torch"], outputs=["numpy", "builtins"])

    assert required(report, Distributions([str(tmp_path)])).pins == ["numpy==1.0", "torch==1.0"]


def test_backend_that_keras_uses_counts_though_it_declares_none(tmp_path: Path) -> None:
    files = _installed(tmp_path, keras=[], jax=[], torch=[])
    report = Report(files=files, packages=["keras"])
    report.edges = [
        Edge("keras.src.backend.jax.core", None, False, "jax.numpy"),
        Edge("keras.src.utils", str(tmp_path / "keras" / "sub.py"), True, "torch"),
    ]

    assert required(report, Distributions([str(tmp_path)])).pins == ["jax==1.0", "keras==1.0"]
