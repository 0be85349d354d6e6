"""PaddlePaddle layers and models. Written from the published format; not run by the tests.

Format: what ``paddle.jit.save`` or ``paddle.Model.save`` writes: a program and its parameters,
parts of which Paddle unpickles, so loading runs code. Files and entries as ``mlflow.paddle`` of
MLflow 3 has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

from assay.errors import InvalidInput, InvalidModel
from assay.flavors.base import Flavor, Predictor, Saved, framework
from assay.flavors.options import refuse
from assay.flavors.reading import reading
from assay.models.folder import inside

PREFIX: Final = "model"
"""The files are ``model.pdiparams``, ``model.pdmodel`` (or ``.json``) and so on."""
_PARAMETERS: Final = (".pdiparams", ".pdparams")


class PaddleFlavor(Flavor):
    """``paddle``."""

    name: ClassVar[str] = "paddle"
    title: ClassVar[str] = "PaddlePaddle"
    packages: ClassVar[tuple[str, ...]] = ("paddlepaddle",)
    loader_module: ClassVar[str] = "mlflow.paddle"
    argument: ClassVar[str] = "pd_model"

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        training: bool = False,
        input_spec: Any = None,
        **options: Any,
    ) -> Saved:
        """Write the files; ``training`` keeps what training goes on from (``paddle.Model`` only).

        ``input_spec`` is for layers whose ``forward`` isn't decorated by ``paddle.jit.to_static``.
        """
        refuse(self, options)
        paddle = framework("paddle", flavor=self)
        if isinstance(model, paddle.Model):
            model.save(str(folder / PREFIX), training=training)
        elif isinstance(model, paddle.nn.Layer):
            given = {} if input_spec is None else {"input_spec": input_spec}
            paddle.jit.save(model, str(folder / PREFIX), **given)
        else:
            raise InvalidInput(f"{type(model).__name__} is no paddle.Model or paddle.nn.Layer.")
        facts = {"pickled_model": PREFIX, "paddle_version": paddle.__version__, "code": None}
        # Only a program can be run without the class that it came from.
        is_program = (folder / f"{PREFIX}.pdiparams").exists()
        return Saved(facts, {"model_path": PREFIX} if is_program else None)

    def load(
        self, folder: Path, facts: Mapping[str, Any], *, model: Any = None, **options: Any
    ) -> Any:
        """The layer; or ``model``, a ``paddle.Model`` that takes the saved state."""
        refuse(self, options)
        paddle = framework("paddle", flavor=self, facts=facts)
        suffix = _PARAMETERS[0] if model is None else _PARAMETERS[1]
        prefix = facts.get("pickled_model") or facts.get("model_path")
        if model is not None and not isinstance(model, paddle.Model):
            raise InvalidInput(f"model must be a paddle.Model, not {type(model).__name__}.")
        if not isinstance(prefix, str):
            raise InvalidModel(str(folder), f"it names {prefix!r} where a path is needed")
        path = inside(folder, prefix + suffix)
        with reading(folder, path, "a Paddle model"):
            place = str(path)[: -len(suffix)]
            if model is None:
                return paddle.jit.load(place)
            model.load(place)
            return model

    def hazards(self, folder: Path, facts: Mapping[str, Any]) -> list[str]:
        """Always: Paddle unpickles parts of what it reads."""
        name = facts.get("pickled_model") or facts.get("model_path")
        return [f"{name}.* are read by Paddle, which unpickles parts of them"]

    def predictor(self, model: Any, facts: Mapping[str, Any]) -> Predictor:
        """The layer, called; from frames (as float32) and arrays to a frame."""
        return _Predictor(model, framework("paddle", flavor=self))


class _Predictor:
    def __init__(self, model: Any, paddle: Any) -> None:
        # paddle.Model wraps the layer that is called.
        self._layer = getattr(model, "network", model)
        self._paddle = paddle

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        import numpy as np
        import pandas as pd

        if isinstance(data, pd.DataFrame):
            array = data.to_numpy().astype(np.float32)
        elif isinstance(data, np.ndarray):
            array = data
        else:
            raise InvalidInput(
                f"A Paddle model takes a DataFrame or an array, not {type(data).__name__}."
            )
        self._layer.eval()
        # MLflow's wrapper drops axes of length one as well.
        answer = self._layer(self._paddle.to_tensor(np.squeeze(array)))
        return pd.DataFrame(answer.numpy())
