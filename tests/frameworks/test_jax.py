"""JAX and Flax: functions and modules as programs of ``jax.export``."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from flax import linen, nnx

from assay.errors import InvalidInput, UntrustedModel
from assay.flavors.base import flavor_named
from assay.models.loading import hazards_of, load_native, load_pyfunc
from assay.models.saving import Extras, save
from tests.frameworks.flavor_checks import Case, FlavorContract, assert_same, told_without

pytestmark = [
    pytest.mark.filterwarnings("ignore:::(jax|flax)(\\..*)?"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


def softmax(params: Any, x: Any) -> Any:
    return jax.nn.softmax(x @ params["w"] + params["b"])


class Mlp(linen.Module):
    """A module of Linen."""

    @linen.compact
    def __call__(self, x: Any) -> Any:
        return linen.Dense(2)(linen.relu(linen.Dense(8)(x)))


class Nnx(nnx.Module):
    """A module of NNX, with dropout, which keeps random keys."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.first = nnx.Linear(4, 8, rngs=rngs)
        self.dropout = nnx.Dropout(0.5, rngs=rngs)
        self.second = nnx.Linear(8, 2, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        return self.second(self.dropout(self.first(x)))


def params() -> dict[str, Any]:
    return {"w": jnp.arange(12.0).reshape(4, 3) / 10, "b": jnp.ones(3)}


@functools.cache
def function() -> Any:
    return functools.partial(softmax, params())


@functools.cache
def linen_module() -> Any:
    model = Mlp()
    return model.bind(model.init(jax.random.key(0), jnp.ones((1, 4))))


@functools.cache
def nnx_module() -> Any:
    model = Nnx(nnx.Rngs(0))
    model.eval()
    return model


@functools.cache
def exported() -> Any:
    shape = jax.ShapeDtypeStruct(jax.export.symbolic_shape("b, 4"), jnp.float32)
    return jax.export.export(jax.jit(jnp.tanh))(shape)


def rows() -> Any:
    return np.random.default_rng(0).random((3, 4), dtype=np.float32)


def call(model: Any, data: Any) -> Any:
    return np.asarray(model.call(data) if hasattr(model, "call") else model(data))


_OPTIONS = {"example_inputs": rows()}
_PLAIN: dict[str, Any] = {"mlflow_native": False, "mlflow_saves": False}
CASES = [
    Case("function", "jax", function, rows, call, options=_OPTIONS, **_PLAIN),
    Case("linen", "jax", linen_module, rows, call, options=_OPTIONS, **_PLAIN),
    Case("nnx", "jax", nnx_module, rows, call, options=_OPTIONS, **_PLAIN),
    Case("exported", "jax", exported, rows, call, **_PLAIN),
]


@pytest.mark.parametrize("case", CASES, ids=str)
class TestJax(FlavorContract):
    pass


def saved(model: Any, folder: Path, **options: Any) -> Path:
    extras = Extras(pip_requirements=["numpy"])
    save(model, flavor_named("jax"), folder, extras=extras, options=options)
    return folder


@pytest.mark.parametrize("count", [1, 5])
def test_number_of_rows_is_free(count: int, tmp_path: Path) -> None:
    saved(function(), tmp_path / "m", example_inputs=rows())
    data = np.ones((count, 4), np.float32)

    answer = load_pyfunc(tmp_path / "m", trust=False).predict(data)

    assert_same(answer, call(function(), data))


def test_function_that_fixes_the_number_of_rows_is_kept_so(tmp_path: Path) -> None:
    saved(jax.jit(lambda x: x + jnp.ones((3, 4))), tmp_path / "m", example_inputs=rows())

    assert_same(load_pyfunc(tmp_path / "m", trust=False).predict(rows()), rows() + 1)


def test_frame_and_double_precision_become_what_the_program_takes(tmp_path: Path) -> None:
    frame = pd.DataFrame(rows().astype("f8"), columns=list("abcd"), index=[3, 5, 7])
    saved(function(), tmp_path / "m", example_inputs=frame)
    model = load_pyfunc(tmp_path / "m", trust=False)

    assert list(model.predict(frame).index) == [3, 5, 7]
    assert_same(model.predict(frame.to_numpy()), call(function(), rows()))


def test_dict_of_arrays_is_one_input(tmp_path: Path) -> None:
    data = {"left": rows(), "right": rows() * 2}
    add = functools.partial(lambda w, x: {"sum": w * x["left"] + x["right"]}, jnp.float32(3))
    saved(add, tmp_path / "m", example_inputs=data)

    answer = load_pyfunc(tmp_path / "m", trust=False).predict(data)

    assert_same(answer, {"sum": rows() * 5})


def test_module_in_training_is_exported_for_prediction_and_stays_in_training(
    tmp_path: Path,
) -> None:
    model = Nnx(nnx.Rngs(0))
    model.train()
    saved(model, tmp_path / "m", example_inputs=rows())

    loaded = load_native(tmp_path / "m", trust=False)

    assert_same(call(loaded, rows()), call(nnx_module(), rows()))
    assert not model.dropout.deterministic


def test_loaded_model_has_its_variables_by_path(tmp_path: Path) -> None:
    saved(linen_module(), tmp_path / "m", example_inputs=rows())

    loaded = load_native(tmp_path / "m", trust=False)

    assert loaded.variables["['params']['Dense_0']['kernel']"].shape == (8, 2)


def test_half_precision_variables_are_kept(tmp_path: Path) -> None:
    half = functools.partial(lambda w, x: x.astype(w.dtype) * w, jnp.full(4, 0.5, jnp.bfloat16))
    saved(half, tmp_path / "m", example_inputs=rows())

    loaded = load_native(tmp_path / "m", trust=False)

    assert loaded(rows()).dtype == jnp.bfloat16


def test_unbound_module_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"module\.bind"):
        saved(Mlp(), tmp_path / "m", example_inputs=rows())


def test_missing_example_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="input_example"):
        saved(function(), tmp_path / "m")


def test_function_that_python_must_run_is_refused(tmp_path: Path) -> None:
    def back(x: Any) -> Any:
        return jax.pure_callback(np.tanh, jax.ShapeDtypeStruct(x.shape, x.dtype), x)

    with pytest.raises(InvalidInput, match=r"jax\.export can't keep"):
        saved(jax.jit(back), tmp_path / "m", example_inputs=rows())


def test_program_that_calls_other_code_asks_for_trust(tmp_path: Path) -> None:
    shape = jax.ShapeDtypeStruct((3, 4), jnp.float32)
    other = jax.jit(jax.ffi.ffi_call("evil_target", shape))
    allowed = [jax.export.DisabledSafetyCheck.custom_call("evil_target")]
    program = jax.export.export(other, platforms=["cpu"], disabled_checks=allowed)(shape)
    saved(program, tmp_path / "m")

    assert hazards_of(tmp_path / "m") == ["model.jax calls evil_target"]
    with pytest.raises(UntrustedModel):
        load_native(tmp_path / "m", trust=False)


def test_linear_algebra_is_plain_data(tmp_path: Path) -> None:
    saved(
        jax.jit(lambda x: jnp.linalg.svd(x)[1]), tmp_path / "m",
        example_inputs=rows(), dynamic_batch=False, platforms=["cpu"],
    )  # fmt: skip

    assert hazards_of(tmp_path / "m") == []


def test_missing_framework_is_named(tmp_path: Path) -> None:
    saved(function(), tmp_path / "m", example_inputs=rows())

    said = told_without({"jax"}, tmp_path / "m")

    assert len(said) == 2
    assert all(f"jax=={jax.__version__}" in line for line in said)
