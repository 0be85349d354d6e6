"""Models of one's own: classes, functions and files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from assay.errors import ArtifactNotFound, InvalidInput, InvalidModel, UntrustedModel
from assay.flavors.base import flavor_named
from assay.models.loading import load_native, load_pyfunc
from assay.models.mlmodel import Model
from assay.models.python_model import PythonModel
from assay.models.saving import Extras, save
from assay.models.signatures.infer import infer_signature

PINS = ("cloudpickle",)
SCRIPT = """
import assay.models
from assay.pyfunc import PythonModel

config = assay.models.ModelConfig(development_config={"factor": 2})


class Times(PythonModel):
    def predict(self, model_input: list[float]) -> list[float]:
        return [one * config.get("factor") for one in model_input]


assay.models.set_model(Times())
"""


def save_python(path: Path, model: Any, *, example: Any = None, **options: Any) -> Model:
    extras = Extras(input_example=example, pip_requirements=PINS)
    return save(model, flavor_named("python_function"), path, extras=extras, options=options)


class Adds(PythonModel):
    """Adds what stands in its artifact, times a param."""

    def load_context(self, context: Any) -> None:
        self.amount = float(Path(context.artifacts["amount"]).read_text())

    def predict(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        times = (params or {}).get("times", 1) * context.model_config.get("scale", 1)
        return model_input["x"] + self.amount * times


class Streams(PythonModel):
    """Gives a word at a time."""

    def predict(self, context: Any, model_input: list[str]) -> list[str]:
        return [word for text in model_input for word in text.split()]

    def predict_stream(self, context: Any, model_input: str) -> Iterator[str]:
        yield from self.predict(context, [model_input])


def shout(texts: list[str]) -> list[str]:
    """A function as a model."""
    return [text.upper() for text in texts]


def test_a_class_has_its_artifacts_params_and_settings(tmp_path: Path) -> None:
    (tmp_path / "amount.txt").write_text("10")
    frame = pd.DataFrame({"x": [1.0, 2.0]})
    save_python(
        tmp_path / "m",
        Adds(),
        example=(frame, {"times": 1}),
        artifacts={"amount": tmp_path / "amount.txt"},
        model_config={"scale": 1},
    )
    (tmp_path / "amount.txt").unlink()
    model = load_pyfunc(tmp_path / "m")
    assert model.predict(frame).tolist() == [11.0, 12.0]
    assert model.predict(frame, params={"times": 2}).tolist() == [21.0, 22.0]
    assert isinstance(model.unwrap_python_model(), Adds)
    scaled = load_pyfunc(tmp_path / "m", model_config={"scale": 3})
    assert scaled.predict(frame).tolist() == [31.0, 32.0]
    with pytest.raises(InvalidInput, match="other"):
        model.predict(frame, params={"other": 1})


def test_a_function_has_its_signature_from_its_type_hints(tmp_path: Path) -> None:
    meta = save_python(tmp_path / "m", shout, example=["a"])
    assert meta.is_signature_from_type_hint
    assert meta.signature is not None
    model = load_pyfunc(tmp_path / "m")
    assert model.predict(["a", "b"]) == ["A", "B"]
    assert model.predict(pd.DataFrame({"text": ["c"]})) == ["C"]


def test_an_answer_comes_piece_by_piece_where_the_model_streams(tmp_path: Path) -> None:
    meta = save_python(tmp_path / "m", Streams())
    assert meta.python_function is not None
    assert meta.python_function["streamable"] is True
    model = load_pyfunc(tmp_path / "m")
    for one in ("a b", ["a b"]):
        assert list(model.predict_stream(one)) == ["a", "b"]
    with pytest.raises(InvalidInput, match="one input, got 2"):
        model.predict_stream(["a b", "c"])
    save_python(tmp_path / "n", shout)
    with pytest.raises(InvalidInput, match="at once"):
        load_pyfunc(tmp_path / "n").predict_stream(["a"])


def test_a_file_is_kept_as_its_source(tmp_path: Path) -> None:
    script = tmp_path / "times.py"
    script.write_text(SCRIPT)
    save_python(tmp_path / "m", script, example=[1.5], model_config={"factor": 3})
    script.unlink()
    assert (tmp_path / "m" / "times.py").read_text() == SCRIPT
    assert load_pyfunc(tmp_path / "m").predict([1.0]) == [3.0]
    assert load_pyfunc(tmp_path / "m", model_config={"factor": 5}).predict([1.0]) == [5.0]
    with pytest.raises(UntrustedModel, match="run as code"):
        load_pyfunc(tmp_path / "m", trust=False)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x = 1", "set_model"),
        ("raise ValueError('no')", "running it fails: no"),
        ("x = (", "fails"),
    ],
)
def test_a_file_that_makes_no_model_is_told(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "bad.py").write_text(text)
    with pytest.raises(InvalidModel, match=why):
        save_python(tmp_path / "m", tmp_path / "bad.py")
    assert not (tmp_path / "m").exists()


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no predict"):
        save_python(tmp_path / "m", 5)
    with pytest.raises(InvalidInput, match="instance"):
        save_python(tmp_path / "m", Adds)
    with pytest.raises(InvalidInput, match="takes the input"):
        save_python(tmp_path / "m", lambda a, b, c: None)
    with pytest.raises(ArtifactNotFound):
        save_python(tmp_path / "m", shout, artifacts={"a": tmp_path / "none"})


def test_an_explicit_signature_wins_over_type_hints(tmp_path: Path) -> None:
    given = infer_signature(["a"], ["A"], {"p": 1})
    extras = Extras(signature=given, pip_requirements=PINS)
    meta = save(shout, flavor_named("python_function"), tmp_path / "m", extras=extras)
    assert meta.signature == given
    assert not meta.is_signature_from_type_hint


def test_native_loading_gives_the_object(tmp_path: Path) -> None:
    save_python(tmp_path / "m", Streams())
    assert isinstance(load_native(tmp_path / "m"), Streams)
