"""TensorFlow: modules as programs, and Keras models in the layout of ``mlflow.tensorflow``."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from assay.errors import InvalidInput
from assay.flavors.base import flavor_named
from assay.models.loading import hazards_of, load_native, load_pyfunc
from assay.models.saving import Extras, save
from tests.frameworks.flavor_checks import Case, FlavorContract, assert_same, told_without

pytestmark = [
    pytest.mark.filterwarnings("ignore:::(keras|tensorflow)(\\..*)?"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


class Scaled(tf.Module):
    """A module that is traced for float32."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = tf.Variable([[1.0], [2.0], [3.0], [4.0]])

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32)])
    def __call__(self, x: Any) -> Any:
        return x @ self.weight


class Writing(tf.Module):
    """A program that writes a file, as any may."""

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32)])
    def __call__(self, x: Any) -> Any:
        tf.io.write_file("mark", "ran")
        return x


@functools.cache
def module() -> Any:
    return Scaled()


@functools.cache
def dense() -> Any:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, activation="relu")])
    model.compile("adam", "mse")
    return model


@functools.cache
def untrained() -> Any:
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, activation="relu")])


@keras.saving.register_keras_serializable("tests_tf")
class Doubled(keras.layers.Layer):
    """A layer of the user's own."""

    def call(self, inputs: Any) -> Any:
        return inputs * 2


@functools.cache
def custom() -> Any:
    return keras.Sequential([keras.Input((4,)), Doubled()])


def rows() -> Any:
    return np.random.default_rng(0).random((3, 4), dtype=np.float32)


def call(model: Any, data: Any) -> Any:
    return model.predict(data, verbose=0) if hasattr(model, "predict") else model(data).numpy()


_H5 = {"keras_model_kwargs": {"save_format": "h5"}}
CASES = [
    Case("module", "tensorflow", module, rows, call, runs_code=True),
    Case("keras", "tensorflow", dense, rows, call),
    Case("own layer", "tensorflow", custom, rows, call, runs_code=True),
    Case("h5", "tensorflow", untrained, rows, call, runs_code=True, options=_H5),
]


@pytest.mark.parametrize("case", CASES, ids=str)
class TestTensorflow(FlavorContract):
    def test_flavor_knows_its_models_without_importing_the_framework(self, case: Case) -> None:
        # Keras models have a flavor of their own, although this one keeps them as well.
        assert flavor_named("tensorflow").accepts(case.model()) is (case.name == "module")


def saved(model: Any, folder: Path, **options: Any) -> Path:
    extras = Extras(pip_requirements=["numpy"])
    save(model, flavor_named("tensorflow"), folder, extras=extras, options=options)
    return folder


def test_keras_models_go_to_their_own_flavor() -> None:
    assert not flavor_named("tensorflow").accepts(dense())
    assert flavor_named("keras").accepts(dense())
    assert not flavor_named("keras").accepts(module())


@pytest.mark.parametrize("make", [lambda: pd.DataFrame(rows()), lambda: rows().astype("f8")])
def test_frames_and_double_precision_fit_a_module_of_float32(make: Any, tmp_path: Path) -> None:
    saved(module(), tmp_path / "m")

    answer = load_pyfunc(tmp_path / "m").predict(make())

    assert_same(answer, call(module(), rows()))


def test_compiled_model_in_hdf5_loads(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    saved(dense(), tmp_path / "m", **_H5)

    assert_same(call(load_native(tmp_path / "m"), rows()), call(dense(), rows()))
    assert "without what it was compiled with" in caplog.text


def test_ops_that_touch_files_are_named(tmp_path: Path) -> None:
    saved(Writing(), tmp_path / "m")

    assert hazards_of(tmp_path / "m") == [
        "tf2model/ is a TensorFlow program, which can read and write files: it holds the ops"
        " WriteFile"
    ]


def test_estimator_kept_by_older_mlflow_loads(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    double = tf.function(lambda x: {"y": x * 2}, input_signature=[tf.TensorSpec([None], name="x")])
    holder = tf.Module()
    tf.saved_model.save(
        holder, str(folder / "model"), signatures={"predict": double.get_concrete_function()}
    )
    (folder / "MLmodel").write_text(
        "flavors:\n"
        "  tensorflow:\n"
        "    saved_model_dir: model\n"
        "    meta_graph_tags: [serve]\n"
        "    signature_def_key: predict\n"
        "  python_function:\n"
        "    loader_module: mlflow.tensorflow\n"
        "    python_version: 3.8.0\n"
    )

    native = load_native(folder, trust=True)
    answer = load_pyfunc(folder, trust=True).predict(pd.DataFrame({"x": np.array([1.5, 2], "f4")}))

    assert_same(native(x=tf.constant([4.0]))["y"].numpy(), np.array([8.0], "f4"))
    assert answer["y"].tolist() == [3.0, 4.0]


def test_what_is_no_module_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"no tf\.Module or Keras model, but dict"):
        saved({}, tmp_path / "m")


def test_missing_framework_is_named(tmp_path: Path) -> None:
    saved(module(), tmp_path / "m")

    said = told_without({"tensorflow"}, tmp_path / "m")

    assert len(said) == 2
    assert all(f"tensorflow=={tf.__version__}" in line for line in said)
