"""ONNX: one input and several, frames, arrays and dicts, tensors beside the file."""

from __future__ import annotations

import logging
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from onnx import TensorProto, helper, numpy_helper

from assay.errors import InvalidInput, InvalidModel, UntrustedModel
from assay.flavors import onnx as onnx_flavor
from assay.flavors.base import flavor_named
from assay.models.loading import hazards_of, load_native, load_pyfunc
from tests.frameworks.entries import change_entry
from tests.frameworks.flavor_checks import (
    Case,
    FlavorContract,
    assert_same,
    told_without,
    write_files,
)
from tests.frameworks.tables import classes, features

_CPU = ["CPUExecutionProvider"]


def _model(nodes: list[Any], inputs: list[Any], outputs: list[Any], *weights: Any) -> Any:
    graph = helper.make_graph(nodes, "test", inputs, outputs, list(weights))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model


def _matrix(name: str, columns: int) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, columns])


def linear() -> onnx.ModelProto:
    """One input; its weights are large enough to lie in a file of their own.

    Made anew each time: MLflow takes the tensors out of the models that it saves.
    """
    weights = np.random.default_rng(3).normal(size=(3, 400)).astype(np.float32)
    return _model(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        [_matrix("x", 3)],
        [_matrix("y", 400)],
        numpy_helper.from_array(weights, "w"),
    )


@cache
def several() -> onnx.ModelProto:
    """Two columns in, their sum and product out."""
    return _model(
        [
            helper.make_node("Add", ["a", "b"], ["sum"]),
            helper.make_node("Mul", ["a", "b"], ["product"]),
        ],
        [_matrix("a", 1), _matrix("b", 1)],
        [_matrix("sum", 1), _matrix("product", 1)],
    )


@cache
def forest() -> onnx.ModelProto:
    """A classifier of scikit-learn: labels, and a dict of probabilities for each row."""
    from skl2onnx import to_onnx
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit(features().to_numpy(), classes())
    return to_onnx(model, features().to_numpy(dtype=np.float32), target_opset=17)


def _array() -> np.ndarray:
    return features().to_numpy(dtype=np.float32)[:5]


def _dict() -> dict[str, np.ndarray]:
    table = features()[:5].astype(np.float32)
    return {name: table[[name]].to_numpy() for name in ("a", "b")}


def _frame() -> pd.DataFrame:
    return features()[:5]


def _two_columns() -> pd.DataFrame:
    return features()[["b", "a"]][:5].astype(np.float32)


def _run(native: onnx.ModelProto, data: Any) -> Any:
    session = onnxruntime.InferenceSession(native.SerializeToString(), providers=_CPU)
    if isinstance(data, pd.DataFrame) and len(session.get_inputs()) > 1:
        data = {name: data[[name]].to_numpy() for name in data.columns}
    if not isinstance(data, dict):
        data = {session.get_inputs()[0].name: np.asarray(data, dtype=np.float32)}
    return session.run(None, data)


_case = partial(Case, flavor="onnx", native=_run, options={"onnx_execution_providers": _CPU})

CASES = [
    _case("array", model=linear, data=_array),
    _case("frame-of-doubles", model=linear, data=_frame),
    _case("one-file", model=linear, data=_array, options={"save_as_external_data": False}),
    _case("dict", model=several, data=_dict),
    # MLflow's wrapper gives the model vectors, where it wants matrices of one column.
    _case("columns", model=several, data=_two_columns, same_as_mlflow=False, mlflow_pyfunc=False),
    _case("classifier", model=forest, data=_frame),
]


@pytest.mark.parametrize("case", CASES, ids=str)
class TestOnnx(FlavorContract):
    """Plain data."""

    pytestmark = pytest.mark.filterwarnings("ignore:Specified provider 'CUDA")


def test_large_tensors_lie_beside_the_model(tmp_path: Path) -> None:
    write_files(CASES[0], tmp_path)

    assert (tmp_path / "model.onnx.data").stat().st_size == 3 * 400 * 4
    assert (tmp_path / "model.onnx").stat().st_size < 1000


def test_model_that_protobuf_cannot_hold_reaches_the_session_through_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A real one of 2 GB would not fit into the machine that runs this.
    monkeypatch.setattr(onnx_flavor, "MAX_BYTES_IN_MEMORY", 100)
    CASES[0].save(tmp_path / "m")

    answer = load_pyfunc(tmp_path / "m", trust=False).predict(_array())

    assert_same(answer["y"], _run(linear(), _array())[0])


@pytest.mark.parametrize("location", ["../secret", "/etc/hostname", "link"])
def test_tensor_outside_of_the_folder_is_not_read(tmp_path: Path, location: str) -> None:
    flavor, facts = write_files(CASES[0], tmp_path / "m")
    (tmp_path / "secret").write_bytes((tmp_path / "m" / "model.onnx.data").read_bytes())
    (tmp_path / "m" / "link").symlink_to(tmp_path / "secret")
    path = tmp_path / "m" / "model.onnx"
    model = onnx.load(path, load_external_data=False)
    entries = model.graph.initializer[0].external_data
    next(one for one in entries if one.key == "location").value = location
    path.write_bytes(model.SerializeToString())

    with pytest.raises(InvalidModel):
        flavor.load(tmp_path / "m", facts)


@pytest.mark.parametrize(
    "facts",
    [
        {"providers": [["QNNExecutionProvider", {"backend_path": "evil"}]]},
        {"providers": [["TensorrtExecutionProvider", {"trt_extra_plugin_lib_paths": "evil"}]]},
        {"providers": [["AnyExecutionProvider", {"thing": "/tmp/evil.so"}]]},
        {"onnx_session_options": {"extra_session_config": {"session.some_lib": "evil"}}},
    ],
    ids=str,
)
def test_options_that_name_a_library_ask_for_trust(tmp_path: Path, facts: dict[str, Any]) -> None:
    CASES[0].save(tmp_path / "m")
    change_entry(tmp_path / "m", "onnx", **facts)

    assert len(hazards_of(tmp_path / "m")) == 1
    with pytest.raises(UntrustedModel, match="evil"):
        load_pyfunc(tmp_path / "m", trust=False)


@pytest.mark.parametrize(
    "facts",
    [
        {"providers": 7},
        {"providers": [[]]},
        {"providers": [["CPUExecutionProvider", "fast"]]},
        {"onnx_session_options": ["x"]},
        {"onnx_session_options": {"intra_op_num_threads": "many"}},
        {"onnx_session_options": {"extra_session_config": "x"}},
    ],
    ids=str,
)
def test_entry_that_makes_no_sense_is_told(tmp_path: Path, facts: dict[str, Any]) -> None:
    CASES[0].save(tmp_path / "m")
    change_entry(tmp_path / "m", "onnx", **facts)

    with pytest.raises(InvalidModel):
        load_pyfunc(tmp_path / "m", trust=True)


def test_providers_and_session_options_are_kept(tmp_path: Path) -> None:
    options = {
        "onnx_execution_providers": [("CPUExecutionProvider", {"use_arena": "0"})],
        "onnx_session_options": {
            "intra_op_num_threads": 1,
            "execution_mode": "sequential",
            "graph_optimization_level": 99,
            "extra_session_config": {"session.use_env_allocators": "0"},
        },
    }
    case = _case("options", model=linear, data=_array, options=options)
    meta = case.save(tmp_path / "m")

    assert meta.flavors["onnx"]["providers"] == [["CPUExecutionProvider", {"use_arena": "0"}]]
    answer = load_pyfunc(tmp_path / "m", trust=False).predict(_array())
    assert_same(answer["y"], _run(linear(), _array())[0])


def test_provider_that_is_not_here_is_warned_about(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    flavor, facts = write_files(CASES[0], tmp_path)

    with caplog.at_level(logging.WARNING):
        flavor.predictor(linear(), {**facts, "providers": "ROCMExecutionProvider"})

    assert "ROCMExecutionProvider" in caplog.text


@pytest.mark.parametrize(
    "options", [{"threads": 1}, {"execution_mode": "quick"}, {"extra_session_config": "x"}], ids=str
)
def test_unknown_session_option_is_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        flavor_named("onnx").save(linear(), tmp_path, onnx_session_options=options)


def test_array_for_several_inputs_is_refused_with_their_names() -> None:
    predictor = flavor_named("onnx").predictor(several(), {})

    with pytest.raises(InvalidInput, match="a, b"):
        predictor.predict(_array())


def test_frame_without_a_column_is_refused_with_its_name() -> None:
    predictor = flavor_named("onnx").predictor(several(), {})

    with pytest.raises(InvalidInput, match="columns b"):
        predictor.predict(features()[["a"]])


def test_outputs_of_different_lengths_are_lists_in_a_frame() -> None:
    from skl2onnx import to_onnx
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression().fit(features().to_numpy(), classes())
    sample = features().to_numpy(dtype=np.float32)
    model = to_onnx(fitted, sample, target_opset=17, options={"zipmap": False})

    answer = flavor_named("onnx").predictor(model, {}).predict(_frame())

    assert list(answer.columns) == ["label", "probabilities"]
    assert [len(row) for row in answer["probabilities"]] == [2] * 5


def test_model_whose_tensors_are_elsewhere_is_refused(tmp_path: Path) -> None:
    write_files(CASES[0], tmp_path / "m")
    hollow = onnx.load(tmp_path / "m" / "model.onnx", load_external_data=False)

    with pytest.raises(InvalidInput, match="external data"):
        flavor_named("onnx").save(hollow, tmp_path)


def test_missing_runtime_is_named(tmp_path: Path) -> None:
    CASES[0].save(tmp_path / "m")

    assert any("'onnx'" in one for one in told_without({"onnx"}, tmp_path / "m"))
    assert "'onnxruntime'" in told_without({"onnxruntime"}, tmp_path / "m")[-1]


def test_native_model_has_its_tensors(tmp_path: Path) -> None:
    CASES[0].save(tmp_path / "m")

    native = load_native(tmp_path / "m", trust=False)

    assert numpy_helper.to_array(native.graph.initializer[0]).shape == (3, 400)
