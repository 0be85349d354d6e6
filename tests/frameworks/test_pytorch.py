"""PyTorch: each format, against the framework and MLflow, and archives made to run code."""

from __future__ import annotations

import functools
import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow.pytorch
import numpy as np
import pandas as pd
import pytest
import torch

from assay.errors import InvalidInput, InvalidModel, UntrustedModel
from assay.flavors.base import flavor_named
from assay.flavors.pytorch_archive import archive_hazards
from assay.fluent.pytorch_state import load_state_dict, save_state_dict
from assay.models.loading import hazards_of, load_native, load_pyfunc
from assay.models.mlmodel import Model
from assay.models.saving import Extras, save
from tests.frameworks.flavor_checks import Case, FlavorContract, assert_same, told_without

pytestmark = [
    # torch.export and TorchScript of their own inner workings.
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    # MLflow asks for a signature where its own example is no plain array.
    pytest.mark.filterwarnings("ignore:.*:UserWarning:torch"),
]


class Net(torch.nn.Module):
    """A module of the user's own, with dropout, a buffer and a constant."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(4, width), torch.nn.Dropout(0.5), torch.nn.Linear(width, 2)
        )
        self.register_buffer("scale", torch.full((2,), 0.5))
        self.offset = torch.tensor([1.0, 2.0])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.layers(x)) * self.scale + self.offset


class TwoInputs(torch.nn.Module):
    """Answers by name, from inputs by name."""

    def forward(self, left: torch.Tensor, right: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"sum": left + right, "product": left * right}


class Branching(torch.nn.Module):
    """What can't be traced: the graph depends on the values."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 1 if float(x.sum()) > 0 else x - 1


@functools.cache
def net() -> Net:
    torch.manual_seed(0)
    return Net().eval()


@functools.cache
def script() -> Any:
    return torch.jit.script(net())


@functools.cache
def linear() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Linear(4, 2).eval()


@functools.cache
def lightning_module() -> Any:
    from tests.frameworks.lightning_net import LightningNet

    torch.manual_seed(0)
    return LightningNet(width=6).eval()


def rows() -> Any:
    return np.random.default_rng(0).random((3, 4), dtype=np.float32)


def call(model: Any, data: Any) -> Any:
    with torch.no_grad():
        return model(torch.from_numpy(data)).numpy()


_PT2 = {"serialization_format": "pt2", "input_example": rows()}
CASES = [
    Case("pt2", "pytorch", net, rows, call, options={"example_inputs": rows()},
         mlflow_options=_PT2),
    Case("pickle", "pytorch", net, rows, call, options={"serialization_format": "pickle"},
         runs_code=True),
    Case("torchscript", "pytorch", script, rows, call, runs_code=True,
         mlflow_options={"serialization_format": "pickle"}),
    Case("state_dict", "pytorch", net, rows, call, options={"serialization_format": "state_dict"},
         runs_code=True, mlflow_native=False, mlflow_saves=False),
    Case("state_dict of torch.nn", "pytorch", linear, rows, call, mlflow_native=False,
         options={"model_kwargs": {"in_features": 4, "out_features": 2}}, mlflow_saves=False),
    Case("lightning pt2", "pytorch", lightning_module, rows, call,
         options={"example_inputs": rows()}, mlflow_options=_PT2),
    Case("lightning pickle", "pytorch", lightning_module, rows, call,
         options={"serialization_format": "pickle"}, runs_code=True),
    Case("lightning state_dict", "pytorch", lightning_module, rows, call, runs_code=True,
         options={"serialization_format": "state_dict"}, mlflow_native=False, mlflow_saves=False),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
class TestPytorch(FlavorContract):
    pass


def saved(model: Any, folder: Path, example: Any = None, **options: Any) -> Path:
    extras = Extras(pip_requirements=["numpy"], input_example=example)
    if example is not None and "serialization_format" not in options:
        options.setdefault("example_inputs", example)
    save(model, flavor_named("pytorch"), folder, extras=extras, options=options)
    return folder


class TestExport:
    @pytest.mark.parametrize("count", [1, 3])
    def test_number_of_rows_is_free(self, count: int, tmp_path: Path) -> None:
        data = rows()
        saved(net(), tmp_path / "m", data[:count])

        model = load_pyfunc(tmp_path / "m", trust=False)

        assert_same(model.predict(data), call(net(), data))

    def test_frame_is_traced_and_answered_as_frame(self, tmp_path: Path) -> None:
        frame = pd.DataFrame(rows(), columns=list("abcd"), index=[3, 5, 7])
        saved(net(), tmp_path / "m", frame)

        answer = load_pyfunc(tmp_path / "m", trust=False).predict(frame)

        assert list(answer.index) == [3, 5, 7]
        assert_same(answer.to_numpy(), call(net(), rows()))

    def test_module_in_training_is_traced_for_prediction_and_stays_in_training(
        self, tmp_path: Path
    ) -> None:
        model = Net()
        model.layers[0].eval()
        saved(model, tmp_path / "m", rows())

        loaded = load_native(tmp_path / "m", trust=False)

        assert_same(call(loaded, rows()), call(loaded, rows()))
        assert model.training
        assert model.layers[1].training
        assert not model.layers[0].training

    def test_several_inputs_go_by_name(self, tmp_path: Path) -> None:
        left, right = np.ones((3, 2), "f4"), np.full((3, 2), 4.0, "f4")
        saved(TwoInputs(), tmp_path / "m", {"right": right, "left": left})

        answer = load_pyfunc(tmp_path / "m", trust=False).predict({"left": left, "right": right})

        assert_same(answer, {"sum": left + right, "product": right})

    def test_exported_program_is_kept_as_it_is(self, tmp_path: Path) -> None:
        program = torch.export.export(net(), (torch.from_numpy(rows()),))
        assert flavor_named("pytorch").accepts(program)
        saved(program, tmp_path / "m")

        assert_same(call(load_native(tmp_path / "m", trust=False), rows()), call(net(), rows()))

    def test_what_cannot_be_traced_is_kept_as_a_pickle_and_said_so(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        saved(Branching(), tmp_path / "m", rows())

        assert hazards_of(tmp_path / "m") == ["model.pth is a pickle"]
        assert "Saved as a pickle" in caplog.text

    def test_what_cannot_be_traced_is_refused_as_pt2(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidInput, match="can't trace Branching"):
            saved(Branching(), tmp_path / "m", serialization_format="pt2", example_inputs=rows())

    def test_pt2_without_an_example_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidInput, match="input_example"):
            saved(net(), tmp_path / "m", serialization_format="pt2")

    @pytest.mark.parametrize(
        "model",
        [
            torch.nn.LSTM(4, 8, batch_first=True),
            torch.nn.TransformerEncoderLayer(4, 2, 8, batch_first=True),
            torch.nn.Sequential(torch.nn.Conv1d(5, 2, 3), torch.nn.BatchNorm1d(2), torch.nn.GELU()),
        ],
        ids=["lstm", "transformer", "convolution"],
    )
    def test_usual_modules_are_plain_data(self, model: Any, tmp_path: Path) -> None:
        saved(model.eval(), tmp_path / "m", example_inputs=torch.ones(2, 5, 4))

        assert hazards_of(tmp_path / "m") == []


class TestStateDict:
    def test_class_of_a_function_is_refused(self, tmp_path: Path) -> None:
        class Local(torch.nn.Module):
            pass

        with pytest.raises(InvalidInput, match="can be imported"):
            saved(Local(), tmp_path / "m", serialization_format="state_dict")

    def test_wrong_arguments_are_told_when_it_is_saved(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidInput, match="model_kwargs"):
            saved(Net(), tmp_path / "m", model_kwargs={"width": 3})

    def test_name_that_is_no_module_class_is_not_called(self, tmp_path: Path) -> None:
        saved(linear(), tmp_path / "m", model_kwargs={"in_features": 4, "out_features": 2})
        mark = tmp_path / "ran"
        change_entry(tmp_path / "m", model_class="pathlib:Path.touch",
                     model_kwargs={"self": str(mark)})  # fmt: skip

        with pytest.raises(UntrustedModel, match=r"pathlib:Path\.touch"):
            load_native(tmp_path / "m", trust=False)
        with pytest.raises(InvalidModel, match="no class of modules"):
            load_native(tmp_path / "m", trust=True)
        assert not mark.exists()


class Bomb:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.mark,))


def test_state_dicts_are_kept_and_read_without_running_code(tmp_path: Path) -> None:
    save_state_dict({"model": net().state_dict(), "epoch": 3}, tmp_path / "state")

    state = load_state_dict(tmp_path / "state")
    theirs = mlflow.pytorch.load_state_dict(str(tmp_path / "state"))

    assert state["epoch"] == theirs["epoch"] == 3
    assert_same(state["model"]["scale"], net().state_dict()["scale"])


def test_state_dict_that_holds_code_is_refused(tmp_path: Path) -> None:
    save_state_dict({"bomb": Bomb(tmp_path / "mark")}, tmp_path / "state")

    with pytest.raises(UntrustedModel, match="more than tensors"):
        load_state_dict(tmp_path / "state")
    assert not (tmp_path / "mark").exists()


def test_module_in_place_of_its_state_dict_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="state_dict"):
        save_state_dict(net(), tmp_path / "state")


def change_entry(folder: Path, **facts: Any) -> None:
    """Alter the flavor's entry as a stranger would, without digests to tell."""
    model = Model.load(folder)
    model.flavors["pytorch"].update(facts)
    model.save(folder)
    (folder / "digests.json").unlink()


def rewrite(path: Path, change: Callable[[str, bytes], bytes]) -> None:
    """Pass each record of an archive through ``change``."""
    with zipfile.ZipFile(path) as archive:
        records = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in records.items():
            archive.writestr(name, change(name.partition("/")[2], content))


def in_graph(change: Callable[[Any], None]) -> Callable[[str, bytes], bytes]:
    def record(name: str, content: bytes) -> bytes:
        if name != "models/model.json":
            return content
        graph = json.loads(content)
        change(graph)
        return json.dumps(graph).encode()

    return record


def _shape(program: Any) -> None:
    values = program["graph_module"]["graph"]["tensor_values"]
    values["x"]["sizes"][0] = {"as_expr": {"expr_str": "open('mark', 'w')", "hint": None}}


def _hidden_shape(program: Any) -> None:
    values = program["graph_module"]["graph"]["tensor_values"]
    _shape(program)
    values["metadata"] = values.pop("x")


def _guard(program: Any) -> None:
    program["guards_code"] = ["open('mark', 'w') is None"]


def _guard_with_a_comment(program: Any) -> None:
    program["guards_code"] = ["1 #\n, open('mark', 'w'))"]


def _call(program: Any) -> None:
    program["graph_module"]["graph"]["nodes"][0]["target"] = "torch.os.system"


def _own_operator(program: Any) -> None:
    program["graph_module"]["graph"]["nodes"][0]["target"] = "torch.ops.evil.run.default"


def _file_operator(program: Any) -> None:
    program["graph_module"]["graph"]["nodes"][0]["target"] = "torch.ops.aten.from_file.default"


def _argument_name(program: Any) -> None:
    program["graph_module"]["module_call_graph"][0]["signature"]["forward_arg_names"] = [
        "x=open('mark', 'w')"
    ]


def _input_form(program: Any) -> None:
    signature = program["graph_module"]["module_call_graph"][0]["signature"]
    signature["in_spec"] = signature["in_spec"].replace("builtins.dict", "evil.Tree")


def _pickled_weight(name: str, content: bytes) -> bytes:
    if name.endswith("weights_config.json"):
        return content.replace(b'"use_pickle": false', b'"use_pickle": true', 1)
    return content


def _opaque_constant(name: str, content: bytes) -> bytes:
    if name.endswith("constants_config.json"):
        return content.replace(b'"tensor_0"', b'"opaque_obj_0"')
    return content


def _sample_pickle(name: str, content: bytes) -> bytes:
    if name.startswith("data/sample_inputs/"):
        buffer = io.BytesIO()
        torch.save(Bomb(Path("mark")), buffer)
        return buffer.getvalue()
    return content


def _sample_script(name: str, content: bytes) -> bytes:
    if name.startswith("data/sample_inputs/"):
        buffer = io.BytesIO()
        torch.jit.save(script(), buffer)
        return buffer.getvalue()
    return content


def _sample_bare_pickle(name: str, content: bytes) -> bytes:
    return pickle.dumps(Bomb(Path("mark"))) if name.startswith("data/sample_inputs/") else content


HOSTILE = {
    "shape": in_graph(_shape),
    "shape of a tensor named metadata": in_graph(_hidden_shape),
    "guard": in_graph(_guard),
    "guard with a comment": in_graph(_guard_with_a_comment),
    "call": in_graph(_call),
    "own operator": in_graph(_own_operator),
    "file operator": in_graph(_file_operator),
    "argument name": in_graph(_argument_name),
    "input form": in_graph(_input_form),
    "pickled weight": _pickled_weight,
    "opaque constant": _opaque_constant,
    "sample pickle": _sample_pickle,
    "sample script": _sample_script,
    "sample that is a bare pickle": _sample_bare_pickle,
}


class TestHostileArchives:
    @pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE.keys())
    def test_altered_archive_asks_for_trust(
        self, change: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        saved(net(), tmp_path / "m", rows())
        path = tmp_path / "m" / "data" / "model.pt2"
        assert archive_hazards(path) == []
        rewrite(path, change)
        (tmp_path / "m" / "digests.json").unlink()

        with pytest.raises(UntrustedModel):
            load_native(tmp_path / "m")
        assert not (tmp_path / "mark").exists()

    def test_rewriting_alone_changes_nothing(self, tmp_path: Path) -> None:
        saved(net(), tmp_path / "m", rows())
        rewrite(tmp_path / "m" / "data" / "model.pt2", lambda _, content: content)
        (tmp_path / "m" / "digests.json").unlink()

        assert_same(call(load_native(tmp_path / "m", trust=False), rows()), call(net(), rows()))

    def test_record_that_is_there_twice_asks_for_trust(self, tmp_path: Path) -> None:
        saved(net(), tmp_path / "m", rows())
        path = tmp_path / "m" / "data" / "model.pt2"
        with (
            zipfile.ZipFile(path, "a") as archive,
            pytest.warns(UserWarning, match="Duplicate name"),
        ):
            archive.writestr("model/models/model.json", "{}")

        assert any("lays them out" in one for one in archive_hazards(path))

    def test_compiled_code_asks_for_trust(self, tmp_path: Path) -> None:
        saved(net(), tmp_path / "m", rows())
        path = tmp_path / "m" / "data" / "model.pt2"
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("model/data/aotinductor/model/a.so", b"\x7fELF")

        assert archive_hazards(path)

    def test_entry_that_says_pt2_does_not_hide_a_pickle(self, tmp_path: Path) -> None:
        saved(net(), tmp_path / "m", rows())
        torch.save(Bomb(tmp_path / "mark"), tmp_path / "m" / "data" / "model.pth")
        change_entry(tmp_path / "m", serialization_format="pt2")

        with pytest.raises(UntrustedModel, match="pickle"):
            load_native(tmp_path / "m", trust=False)
        assert not (tmp_path / "mark").exists()

    def test_entry_may_not_lead_out_of_the_folder(self, tmp_path: Path) -> None:
        saved(net(), tmp_path / "m", rows())
        change_entry(tmp_path / "m", model_data="../elsewhere")

        with pytest.raises(InvalidModel, match="stay inside"):
            load_native(tmp_path / "m", trust=True)


def test_requirements_are_found_by_loading_it(tmp_path: Path) -> None:
    save(net(), flavor_named("pytorch"), tmp_path / "m", options={"example_inputs": rows()})

    lines = (tmp_path / "m" / "requirements.txt").read_text().splitlines()

    assert any(line.startswith("torch==2") for line in lines)


def test_keras_and_sentence_transformers_are_left_to_their_flavors() -> None:
    keras_like = type("Model", (torch.nn.Module,), {"__module__": "keras.src.models.model"})

    assert not flavor_named("pytorch").accepts(keras_like())
    assert not flavor_named("pytorch").accepts(torch.ones(2))


def test_missing_framework_is_named(tmp_path: Path) -> None:
    saved(net(), tmp_path / "m", rows())

    said = told_without({"torch"}, tmp_path / "m")

    assert len(said) == 2
    version = torch.__version__.split("+")[0]
    assert all(f"torch=={version}'" in line for line in said)
