"""Keras 3: archives and exported programs, against the framework and MLflow."""

from __future__ import annotations

import functools
import json
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

from assay.errors import InvalidInput, UntrustedModel
from assay.flavors.base import flavor_named
from assay.flavors.keras_archive import archive_hazards
from assay.models.loading import hazards_of, load_native, load_pyfunc
from assay.models.saving import Extras, save
from tests.frameworks.flavor_checks import Case, FlavorContract, assert_same, told_without

pytestmark = [
    # Keras' own, of NumPy and of models that were never compiled.
    pytest.mark.filterwarnings("ignore:::keras(\\..*)?"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


@functools.cache
def functional() -> Any:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(3, activation="relu", kernel_regularizer="l2")(inputs)
    hidden = keras.layers.Dropout(0.5)(keras.layers.BatchNormalization()(hidden))
    model = keras.Model(inputs, keras.layers.Dense(2)(hidden) * 2.0)
    model.compile("adam", "mse", metrics=["mae"])
    return model


@keras.saving.register_keras_serializable("tests")
class AddOne(keras.layers.Layer):
    """A layer of the user's own."""

    def call(self, inputs: Any) -> Any:
        return inputs + 1


@functools.cache
def custom() -> Any:
    return keras.Sequential([keras.Input((4,)), AddOne(), keras.layers.Rescaling(2.0)])


@functools.cache
def with_lambda() -> Any:
    return keras.Sequential([keras.Input((4,)), keras.layers.Lambda(lambda x: x * 3)])


def rows() -> Any:
    return np.random.default_rng(0).random((3, 4), dtype=np.float32)


def call(model: Any, data: Any) -> Any:
    if hasattr(model, "predict"):
        return model.predict(data, verbose=0)
    return model.serve(data).numpy()


def _signed() -> Any:
    from mlflow.models import infer_signature

    return infer_signature(rows(), rows()[:, :2])


CASES = [
    Case("archive", "keras", functional, rows, call),
    Case("own layer", "keras", custom, rows, call, runs_code=True),
    Case("exported", "keras", functional, rows, call, options={"save_exported_model": True},
         runs_code=True, mlflow_options={"save_exported_model": True, "signature": _signed()}),
    Case("lambda", "keras", with_lambda, rows, call, runs_code=True, mlflow_pyfunc=False,
         mlflow_saves=False, mlflow_native=False),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
class TestKeras(FlavorContract):
    pass


def saved(model: Any, folder: Path, **options: Any) -> Path:
    extras = Extras(pip_requirements=["numpy"])
    save(model, flavor_named("keras"), folder, extras=extras, options=options)
    return folder


def test_frame_is_answered_as_frame(tmp_path: Path) -> None:
    frame = pd.DataFrame(rows(), index=[3, 5, 7])
    saved(functional(), tmp_path / "m")

    answer = load_pyfunc(tmp_path / "m", trust=False).predict(frame)

    assert list(answer.index) == [3, 5, 7]
    assert_same(answer.to_numpy(), call(functional(), rows()))


def test_class_that_is_registered_nowhere_is_kept_too(tmp_path: Path) -> None:
    class Local(keras.layers.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs - 1

    model = keras.Sequential([keras.Input((4,)), Local()])
    saved(model, tmp_path / "m")

    assert "custom_objects.cloudpickle is a pickle" in hazards_of(tmp_path / "m")
    assert_same(call(load_native(tmp_path / "m"), rows()), rows() - 1)


def test_lambda_loads_in_mlflow_once_it_is_told_to_trust(tmp_path: Path) -> None:
    import mlflow

    saved(with_lambda(), tmp_path / "m")

    native = mlflow.keras.load_model(str(tmp_path / "m"), load_model_kwargs={"safe_mode": False})

    assert_same(call(native, rows()), rows() * 3)


def test_what_is_no_keras_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no model of Keras 3, but dict"):
        saved({}, tmp_path / "m")


def _replace(entry: Any, **facts: Any) -> None:
    layer = entry["config"]["layers"][1]
    layer.update(facts)


HOSTILE = {
    "function of a module": {"module": "os", "class_name": "function", "config": "system"},
    "class of a module": {"module": "subprocess", "class_name": "Popen"},
    "function of keras": {"module": "keras.utils", "class_name": "get_file"},
    "function among models": {"module": "keras.models", "class_name": "load_model"},
    "saved model": {"module": "keras.layers", "class_name": "TFSMLayer"},
    "torch pickle": {"module": "keras.layers", "class_name": "TorchModuleWrapper"},
    "lambda": {"class_name": "__lambda__", "module": "builtins"},
    "unknown value": {"class_name": "__typespec__", "module": None},
}


@pytest.mark.parametrize("facts", HOSTILE.values(), ids=HOSTILE.keys())
def test_archive_that_names_other_things_asks_for_trust(
    facts: dict[str, Any], tmp_path: Path
) -> None:
    saved(functional(), tmp_path / "m")
    path = tmp_path / "m" / "data" / "model.keras"
    with zipfile.ZipFile(path) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(records["config.json"])
    _replace(config, **facts)
    records["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in records.items():
            archive.writestr(name, content)
    (tmp_path / "m" / "digests.json").unlink()

    with pytest.raises(UntrustedModel):
        load_native(tmp_path / "m")


@pytest.mark.parametrize("name", ["../evil.py", "assets/../../evil", "weights.pkl"])
def test_archive_with_other_files_asks_for_trust(name: str, tmp_path: Path) -> None:
    saved(functional(), tmp_path / "m")
    path = tmp_path / "m" / "data" / "model.keras"
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, b"")

    assert archive_hazards(path)


def test_missing_framework_is_named(tmp_path: Path) -> None:
    saved(functional(), tmp_path / "m")

    said = told_without({"keras"}, tmp_path / "m")

    assert len(said) == 2
    assert all(f"keras=={keras.__version__}" in line for line in said)
